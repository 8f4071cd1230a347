-- From 0.1.0 to 0.2.0.

-- A dump carries how far a backfill has come, and of which table, by name.
ALTER TABLE migrator.backfill_run ALTER COLUMN relation TYPE regclass;
ALTER TABLE migrator.backfill_unit ALTER COLUMN relation TYPE regclass;
ALTER TABLE migrator.backfill_error ALTER COLUMN relation TYPE regclass;
UPDATE migrator.backfill_run SET relation = 0 WHERE state = 'done';
UPDATE migrator.backfill_unit SET relation = 0 WHERE backfill IN (SELECT id FROM migrator.backfill_run WHERE state = 'done');
COMMENT ON COLUMN migrator.backfill_run.relation IS 'By oid, so that it follows the table when it is renamed; a dump writes its name. 0 when it is done';
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_unit', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_range', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_range_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_error', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_error_id_seq', '');

-- A publication FOR ALL TABLES has the ledger in it: its rows must be told apart, and a subscriber keeps its own.
ALTER TABLE migrator.event_end ADD PRIMARY KEY (event);
CREATE FUNCTION migrator.not_replicated() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_not_replicated';
COMMENT ON FUNCTION migrator.not_replicated() IS
'Keeps what logical replication brings out of the ledger: each database has its own';

DO $triggers$
DECLARE
    ledger text;
BEGIN
    FOREACH ledger IN ARRAY ARRAY['migration', 'event', 'event_end', 'policy', 'ddl', 'backfill_run', 'backfill_control',
                                  'backfill_unit', 'backfill_range', 'backfill_error'] LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER not_replicated BEFORE INSERT OR UPDATE OR DELETE ON migrator.%I '
                                  'FOR EACH ROW EXECUTE FUNCTION migrator.not_replicated()', ledger);
        EXECUTE pg_catalog.format('ALTER TABLE migrator.%I ENABLE REPLICA TRIGGER not_replicated', ledger);
    END LOOP;
END
$triggers$;
REVOKE ALL ON FUNCTION migrator.not_replicated() FROM PUBLIC;

CREATE OR REPLACE FUNCTION migrator.verify_triggers()
RETURNS TABLE (problem text, object text, detail text, hint text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 'rows can be changed', format('trigger append_only on %s', o.relation::text),
           CASE WHEN t.oid IS NULL THEN 'dropped'
                WHEN t.tgenabled = 'D' THEN 'disabled'
                WHEN t.tgenabled = 'R' THEN 'enabled for replicas only' ELSE 'replaced' END,
           CASE WHEN t.oid IS NULL THEN '' ELSE format(E'DROP TRIGGER append_only ON %s;\n', o.relation::text) END
           || format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
                     'FOR EACH STATEMENT EXECUTE FUNCTION %s();', o.relation::text, o.function)
    FROM (VALUES ('migrator.event'::regclass, 'migrator.event_append_only', 'migrator_event_append_only'),
                 ('migrator.ddl'::regclass, 'migrator.ddl_append_only', 'migrator_ddl_append_only')) o (relation, function, symbol)
    LEFT JOIN pg_trigger t ON t.tgrelid = o.relation AND t.tgname = 'append_only'
    LEFT JOIN pg_proc p ON p.oid = t.tgfoid
    LEFT JOIN pg_language l ON l.oid = p.prolang
    -- 58: before UPDATE, DELETE and TRUNCATE, for each statement.
    WHERE (t.tgenabled IN ('O', 'A') AND t.tgtype = 58 AND t.tgqual IS NULL AND t.tgattr = ''
           AND l.lanname = 'c' AND p.prosrc = o.symbol) IS NOT TRUE
    UNION ALL
    SELECT 'rows can be changed', format('trigger %I on %s', t.tgname, t.tgrelid::regclass::text),
           'It is not migrator''s, and may change what is written.',
           format('DROP TRIGGER %I ON %s;', t.tgname, t.tgrelid::regclass::text)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = 'migrator'::regnamespace AND NOT t.tgisinternal
      AND NOT (t.tgname = 'append_only' AND c.relname IN ('event', 'ddl'))
      AND NOT (t.tgname = 'not_replicated' AND t.tgfoid = 'migrator.not_replicated'::regproc)
    UNION ALL
    SELECT 'replication can write to the ledger', format('trigger not_replicated on %s', c.oid::regclass::text),
           CASE WHEN t.oid IS NULL THEN 'dropped' ELSE 'not enabled for replicas' END,
           CASE WHEN t.oid IS NULL
                THEN format(E'CREATE TRIGGER not_replicated BEFORE INSERT OR UPDATE OR DELETE ON %s '
                            'FOR EACH ROW EXECUTE FUNCTION migrator.not_replicated();\n', c.oid::regclass::text) ELSE '' END
           || format('ALTER TABLE %s ENABLE REPLICA TRIGGER not_replicated;', c.oid::regclass::text)
    FROM pg_class c
    LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = 'not_replicated' AND t.tgfoid = 'migrator.not_replicated'::regproc
    WHERE c.relnamespace = 'migrator'::regnamespace AND c.relkind = 'r' AND (t.tgenabled IN ('R', 'A')) IS NOT TRUE
    UNION ALL
    SELECT 'rows can be changed', format('rule %I on %s', r.rulename, r.ev_class::regclass::text),
           'It is not migrator''s, and may change what is written.',
           format('DROP RULE %I ON %s;', r.rulename, r.ev_class::regclass::text)
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
    WHERE c.relnamespace = 'migrator'::regnamespace AND r.rulename <> '_RETURN';
END;

CREATE OR REPLACE FUNCTION migrator.drift(since timestamptz DEFAULT NULL)
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
      AND d.tag NOT IN ('REINDEX', 'REFRESH MATERIALIZED VIEW')
      AND (d.allowed_by IN ('migrator.grant_read', 'migrator.grant_deploy', 'migrator.revoke_all')) IS NOT TRUE
      -- A new version of this extension changes nothing that a migration could be about.
      AND (d.tag = 'ALTER EXTENSION' AND o.object = 'migrator' AND d.statement ~* 'update') IS NOT TRUE
      AND d.at > coalesce(since, (SELECT min(e.at) FROM migrator.event e WHERE e.event = 'applied'))
    ORDER BY d.id
$drift$;
