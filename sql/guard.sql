-- The guard: its rules, what they do here, and its event triggers.

CREATE FUNCTION migrator.guard_rules()
RETURNS TABLE ("position" integer, rule text, class text, default_action text, summary text, hazard text, safe_way text,
               bad text, good text)
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'migrator_guard_rules';
COMMENT ON FUNCTION migrator.guard_rules() IS
'Every rule of the guard as it is built in; migrator.rules shows what it
does here';

CREATE FUNCTION migrator.set_rule(
    rule text, action text, "table" regclass DEFAULT NULL, schema regnamespace DEFAULT NULL, role regrole DEFAULT NULL,
    threshold_rows bigint DEFAULT NULL, threshold_size text DEFAULT NULL, until timestamptz DEFAULT NULL,
    reason text DEFAULT NULL
) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_set_rule';
COMMENT ON FUNCTION migrator.set_rule(text, text, regclass, regnamespace, regrole, bigint, text, timestamptz, text) IS
'Says what a rule does: error, warning or off; NULL or default goes back
to its default. For a table (and its partitions), a schema, a role, or
the whole database; the most specific wins, in that order. Returns set,
replaced, removed or unchanged';

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
COMMENT ON COLUMN migrator.policies.role IS
'The role it is for, with those that have its rights;
superusers count by their own name only';
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
'What it does to the current user where no policy of a table
or schema says otherwise: error, warning, off, or by weight:
an error on relations that are large or referenced by
others, else a warning';
COMMENT ON COLUMN migrator.rules.default_action IS 'What it does without any policy';
COMMENT ON COLUMN migrator.rules.policies IS
'The policies in force, the most specific first; all of them:
migrator.policies';
COMMENT ON COLUMN migrator.rules.summary IS 'What it looks at';
COMMENT ON COLUMN migrator.rules.hazard IS 'What happens otherwise';
COMMENT ON COLUMN migrator.rules.safe_way IS 'What to do instead';
COMMENT ON COLUMN migrator.rules.bad IS 'An example it speaks about';
COMMENT ON COLUMN migrator.rules.good IS
'An example that comes to the same and passes; NULL where
there is no other way';
COMMENT ON COLUMN migrator.rules.docs IS 'Its page in the documentation';

CREATE VIEW migrator.ddl_log AS
SELECT d.id,
       d.at,
       d.tag,
       d.statement,
       d.objects,
       d.object_types,
       d.outcome,
       d.rules,
       d.allowed_by,
       d.message,
       coalesce(d.migration, 'ad hoc') AS migration,
       d.migration_statement,
       d.session_role,
       d.role,
       d.client_addr,
       d.application_name,
       d.backend_pid,
       d.xid
FROM migrator.ddl d
ORDER BY d.id;
COMMENT ON VIEW migrator.ddl_log IS
'Every DDL statement that ran, and every one that was
refused; append-only. Temporary objects are left out';
COMMENT ON COLUMN migrator.ddl_log.id IS 'In the order written';
COMMENT ON COLUMN migrator.ddl_log.at IS 'When it had run, or was refused';
COMMENT ON COLUMN migrator.ddl_log.tag IS 'Its command tag';
COMMENT ON COLUMN migrator.ddl_log.statement IS
'Its text: of itself, not of all that the client sent. NULL
where that is not known for certain';
COMMENT ON COLUMN migrator.ddl_log.objects IS
'What it made, changed or dropped, dependent objects
included, as Postgres identifies them; where it names none,
their type';
COMMENT ON COLUMN migrator.ddl_log.object_types IS 'The types of those, in the same order';
COMMENT ON COLUMN migrator.ddl_log.outcome IS
'ran; warned: the guard warned about it; bypassed: a rule
would have refused it, see allowed_by; refused';
COMMENT ON COLUMN migrator.ddl_log.rules IS 'The rules of the guard that found something';
COMMENT ON COLUMN migrator.ddl_log.allowed_by IS
'What let it through: migrator.allow, migration
(register(..., allow => ...)), policy and its number, or the
setting migrator.guard; or the function of migrator''s that
did it';
COMMENT ON COLUMN migrator.ddl_log.message IS 'What the guard said, or would have said';
COMMENT ON COLUMN migrator.ddl_log.migration IS 'The version of the migration it is a statement of, or ad hoc';
COMMENT ON COLUMN migrator.ddl_log.migration_statement IS
'Which statement of that, counted from 1; it may have been
run by a function that the statement called';
COMMENT ON COLUMN migrator.ddl_log.session_role IS 'Who had connected';
COMMENT ON COLUMN migrator.ddl_log.role IS 'Whose rights it ran with';
COMMENT ON COLUMN migrator.ddl_log.client_addr IS 'From where; NULL for a Unix socket';
COMMENT ON COLUMN migrator.ddl_log.application_name IS 'With what';
COMMENT ON COLUMN migrator.ddl_log.backend_pid IS 'In which process';
COMMENT ON COLUMN migrator.ddl_log.xid IS
'In which transaction; of a refused statement NULL when it
had none yet';

CREATE FUNCTION migrator.prune_ddl_log() RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_prune_ddl_log';
COMMENT ON FUNCTION migrator.prune_ddl_log() IS
'Deletes what is older than migrator.ddl_log_retention from the log of
DDL; returns how many rows. DDL does the same now and then';

CREATE FUNCTION migrator.drift(since timestamptz DEFAULT NULL)
RETURNS TABLE (id bigint, at timestamptz, object text, object_type text, tag text, statement text, session_role name,
               role name, client_addr inet, application_name text, allowed_by text, since_last_migration boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $drift$
    SELECT d.id, d.at, o.object, o.object_type, d.tag, d.statement, d.session_role, d.role, d.client_addr,
           d.application_name, d.allowed_by,
           d.at > (SELECT max(e.at) FROM migrator.event e WHERE e.event = 'applied')
    FROM migrator.ddl d
    CROSS JOIN LATERAL unnest(d.objects, d.object_types) o(object, object_type)
    WHERE d.migration IS NULL AND d.outcome <> 'refused'
      AND d.tag NOT IN ('REINDEX', 'REFRESH MATERIALIZED VIEW', 'TRUNCATE TABLE', 'VACUUM', 'CLUSTER', 'LOCK TABLE', 'UPDATE',
                        'DELETE', 'MERGE', 'INSERT', 'SELECT')
      AND (d.allowed_by IN ('migrator.grant_read', 'migrator.grant_deploy', 'migrator.revoke_all')) IS NOT TRUE
      -- A new version of this extension changes nothing that a migration could be about.
      AND (d.tag = 'ALTER EXTENSION' AND o.object = 'migrator' AND d.statement ~* 'update') IS NOT TRUE
      AND d.at > coalesce(since, (SELECT min(e.at) FROM migrator.event e WHERE e.event = 'applied'))
    ORDER BY d.id
$drift$;
COMMENT ON FUNCTION migrator.drift(timestamptz) IS
'DDL that ran outside of migrations since the first one was applied, or
since a moment: who did what when, one row per object. None before the
first migration: until then nothing says how the database should be';

CREATE FUNCTION migrator.guard_ddl_command_start() RETURNS event_trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_guard_ddl_command_start';
COMMENT ON FUNCTION migrator.guard_ddl_command_start() IS
'Refuses unsafe DDL with SQLSTATE MG001; see the setting migrator.guard';

CREATE FUNCTION migrator.guard_table_rewrite() RETURNS event_trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_guard_table_rewrite';
COMMENT ON FUNCTION migrator.guard_table_rewrite() IS
'Refuses the rewrite of a large table that was not foreseen from the
statement';

CREATE FUNCTION migrator.guard_sql_drop() RETURNS event_trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_guard_sql_drop';
COMMENT ON FUNCTION migrator.guard_sql_drop() IS
'Notes what a statement drops for migrator.ddl_log; a policy goes with
its table';

CREATE FUNCTION migrator.guard_ddl_command_end() RETURNS event_trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_guard_ddl_command_end';
COMMENT ON FUNCTION migrator.guard_ddl_command_end() IS 'Writes migrator.ddl_log';

-- Refusing at the start of a command is refusing before it queues for any lock. They stay ordinary ones: session_replication_role =
-- replica silences them, as those who set it expect, and event_triggers = off does; migrator.verify() shows where that is set.
CREATE EVENT TRIGGER migrator_guard ON ddl_command_start
    EXECUTE FUNCTION migrator.guard_ddl_command_start();
COMMENT ON EVENT TRIGGER migrator_guard IS
'Refuses unsafe DDL of every client; see the setting
migrator.guard';
CREATE EVENT TRIGGER migrator_guard_rewrite ON table_rewrite
    EXECUTE FUNCTION migrator.guard_table_rewrite();
COMMENT ON EVENT TRIGGER migrator_guard_rewrite IS 'Refuses what was not foreseen when the statement began';
CREATE EVENT TRIGGER migrator_log_drop ON sql_drop
    EXECUTE FUNCTION migrator.guard_sql_drop();
COMMENT ON EVENT TRIGGER migrator_log_drop IS 'Notes what is dropped, for migrator.ddl_log';
CREATE EVENT TRIGGER migrator_log ON ddl_command_end
    EXECUTE FUNCTION migrator.guard_ddl_command_end();
COMMENT ON EVENT TRIGGER migrator_log IS 'Writes migrator.ddl_log';
