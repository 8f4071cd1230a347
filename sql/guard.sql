-- The guard: its rules, what they do here, and its event triggers.

CREATE FUNCTION migrator.guard_rules()
RETURNS TABLE ("position" integer, rule text, class text, default_action text, summary text, hazard text, safe_way text,
               bad text, good text)
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'migrator_guard_rules';
COMMENT ON FUNCTION migrator.guard_rules() IS 'Every rule of the guard as it is built in; migrator.rules shows what it does here';

CREATE FUNCTION migrator.set_rule(
    rule text, action text, "table" regclass DEFAULT NULL, schema regnamespace DEFAULT NULL, role regrole DEFAULT NULL,
    threshold_rows bigint DEFAULT NULL, threshold_size text DEFAULT NULL, until timestamptz DEFAULT NULL,
    reason text DEFAULT NULL
) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_set_rule';
COMMENT ON FUNCTION migrator.set_rule(text, text, regclass, regnamespace, regrole, bigint, text, timestamptz, text) IS
'Says what a rule does: error, warning or off; NULL or default goes back to its default. For a table (and its partitions), a schema, a role, or the whole database; the most specific wins, in that order. Returns set, replaced, removed or unchanged';

CREATE VIEW migrator.policies AS
SELECT p.id,
       p.rule,
       p.action,
       p.relation AS "table",
       p.schema_name AS schema,
       p.role_name AS role,
       p.threshold_rows,
       CASE WHEN p.threshold_bytes IS NOT NULL THEN pg_catalog.pg_size_pretty(p.threshold_bytes) END AS threshold_size,
       p.until,
       coalesce(p.until > now(), true) AS in_force,
       p.reason,
       p.set_at,
       p.set_by
FROM migrator.policy p
ORDER BY p.rule, p.relation IS NULL, p.schema_name IS NULL, p.role_name IS NULL, p.id;
COMMENT ON VIEW migrator.policies IS 'What migrator.set_rule has said, the most specific first';
COMMENT ON COLUMN migrator.policies.id IS 'Number of the policy, as migrator.ddl_log names it';
COMMENT ON COLUMN migrator.policies.rule IS 'The rule';
COMMENT ON COLUMN migrator.policies.action IS 'error, warning, off, or default when only a threshold is set';
COMMENT ON COLUMN migrator.policies."table" IS 'The table it is for, its partitions included';
COMMENT ON COLUMN migrator.policies.schema IS 'The schema it is for';
COMMENT ON COLUMN migrator.policies.role IS 'The role it is for, with those that have its rights; superusers count by their own name only';
COMMENT ON COLUMN migrator.policies.threshold_rows IS 'From how many rows a table is large, for this rule';
COMMENT ON COLUMN migrator.policies.threshold_size IS 'From what size on disk a table is large, for this rule';
COMMENT ON COLUMN migrator.policies.until IS 'When it ends';
COMMENT ON COLUMN migrator.policies.in_force IS 'Whether that is still to come';
COMMENT ON COLUMN migrator.policies.reason IS 'Why, as given to set_rule';
COMMENT ON COLUMN migrator.policies.set_at IS 'When it was set';
COMMENT ON COLUMN migrator.policies.set_by IS 'The role that set it';

CREATE VIEW migrator.rules AS
SELECT r.rule,
       r.class,
       coalesce(
           (SELECT nullif(p.action, 'default')
            FROM migrator.policy p
            WHERE p.rule = r.rule AND coalesce(p.until > now(), true)
              AND p.relation IS NULL AND p.schema_name IS NULL
              AND (p.role_name IS NULL OR p.role_name = current_user
                   OR EXISTS (SELECT FROM pg_catalog.pg_roles me
                              JOIN pg_catalog.pg_roles o ON o.rolname = p.role_name
                              WHERE me.rolname = current_user AND NOT me.rolsuper
                                AND pg_catalog.pg_has_role(me.oid, o.oid, 'USAGE')))
            ORDER BY p.role_name IS NULL, p.role_name <> current_user, p.id LIMIT 1),
           r.default_action) AS action,
       r.default_action,
       (SELECT pg_catalog.string_agg(
                   p.action
                   || coalesce(' on ' || p."table"::text, ' in schema ' || p.schema, '')
                   || coalesce(' for role ' || p.role, '')
                   || coalesce(' from ' || nullif(concat_ws(' or ', p.threshold_rows || ' rows', p.threshold_size), ''), '')
                   || coalesce(' until ' || p.until, '')
                   || coalesce(': ' || p.reason, ''), E'\n'
                   ORDER BY p."table" IS NULL, p.schema IS NULL, p.role IS NULL, p.id)
        FROM migrator.policies p WHERE p.rule = r.rule AND p.in_force) AS policies,
       r.summary,
       r.hazard,
       r.safe_way,
       r.bad,
       r.good,
       'docs/rules/' || r.rule || '.md' AS docs
FROM migrator.guard_rules() r
ORDER BY r."position";
COMMENT ON VIEW migrator.rules IS 'The rules of the guard and what each does here';
COMMENT ON COLUMN migrator.rules.rule IS 'Its id, as it stands in brackets in messages';
COMMENT ON COLUMN migrator.rules.class IS 'blocking, breaking, lossy, live or hygiene';
COMMENT ON COLUMN migrator.rules.action IS
'What it does to the current user where no policy of a table or schema says otherwise: error, warning, off, or by weight: an error on relations that are large or referenced by others, else a warning';
COMMENT ON COLUMN migrator.rules.default_action IS 'What it does without any policy';
COMMENT ON COLUMN migrator.rules.policies IS 'The policies in force, the most specific first; all of them: migrator.policies';
COMMENT ON COLUMN migrator.rules.summary IS 'What it looks at';
COMMENT ON COLUMN migrator.rules.hazard IS 'What happens otherwise';
COMMENT ON COLUMN migrator.rules.safe_way IS 'What to do instead';
COMMENT ON COLUMN migrator.rules.bad IS 'An example it speaks about';
COMMENT ON COLUMN migrator.rules.good IS 'An example that comes to the same and passes; NULL where there is no other way';
COMMENT ON COLUMN migrator.rules.docs IS 'Its page in the documentation';

CREATE FUNCTION migrator.guard_ddl_command_start() RETURNS event_trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_guard_ddl_command_start';
COMMENT ON FUNCTION migrator.guard_ddl_command_start() IS
'Refuses unsafe DDL with SQLSTATE MG001; see the setting migrator.guard';

-- Refusing at the start of a command is refusing before it queues for any lock.
CREATE EVENT TRIGGER migrator_guard ON ddl_command_start
    EXECUTE FUNCTION migrator.guard_ddl_command_start();
COMMENT ON EVENT TRIGGER migrator_guard IS 'Refuses unsafe DDL of every client; see the setting migrator.guard';
