-- From 0.1.0 to 0.2.0.

-- A dump carries how far a backfill has come, and of which table, by name; pg_restore -j loads the tables in any order.
ALTER TABLE migrator.backfill_control DROP CONSTRAINT backfill_control_backfill_fkey;
ALTER TABLE migrator.backfill_unit DROP CONSTRAINT backfill_unit_backfill_fkey;
ALTER TABLE migrator.backfill_range DROP CONSTRAINT backfill_range_backfill_fkey;
ALTER TABLE migrator.backfill_error DROP CONSTRAINT backfill_error_backfill_fkey;
ALTER TABLE migrator.backfill_run ALTER COLUMN relation TYPE regclass;
ALTER TABLE migrator.backfill_unit ALTER COLUMN relation TYPE regclass;
ALTER TABLE migrator.backfill_error ALTER COLUMN relation TYPE regclass;
UPDATE migrator.backfill_run SET relation = 0 WHERE state = 'done';
UPDATE migrator.backfill_unit SET relation = 0 WHERE backfill IN (SELECT id FROM migrator.backfill_run WHERE state = 'done');
COMMENT ON COLUMN migrator.backfill_run.relation IS
'By oid, so that it follows the table when it is renamed; a
dump writes its name. 0 when it is done';
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_unit', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_range', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_range_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_error', '');
SELECT pg_catalog.pg_extension_config_dump('migrator.backfill_error_id_seq', '');

-- After an interruption they tell what an oid does not: one is given anew where a dump is restored.
ALTER TABLE migrator.migration ADD COLUMN running_place jsonb;
COMMENT ON COLUMN migrator.migration.running_target IS 'The table, index or partition it was about';
COMMENT ON COLUMN migrator.migration.running_place IS
'Of an index or a partition that running_statement is about:
its name, and the table that it belonged to';

-- Every DDL statement would pay for it, and nobody else writes there.
ALTER TABLE migrator.ddl DROP CONSTRAINT ddl_outcome_check;
-- VACUUM would lock everybody out for a moment to give pages back; a statement that is to be logged then does not wait.
ALTER TABLE migrator.ddl SET (vacuum_truncate = off, toast.vacuum_truncate = off);

-- A publication FOR ALL TABLES has the ledger in it: its rows must be told apart, and a subscriber keeps its own.
ALTER TABLE migrator.event_end ADD PRIMARY KEY (event);
CREATE FUNCTION migrator.not_replicated() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_not_replicated';
COMMENT ON FUNCTION migrator.not_replicated() IS
'Keeps what logical replication brings out of the ledger: each database
has its own';

-- A role may be a member of pg_write_all_data and nothing else: who may write to the ledger is who may empty it.
CREATE FUNCTION migrator.owner_only() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_owner_only';
COMMENT ON FUNCTION migrator.owner_only() IS
'Refuses what somebody else than the owner writes to the ledger, whatever
rights he has on it';

DO $triggers$
DECLARE
    ledger text;
BEGIN
    FOREACH ledger IN ARRAY ARRAY['migration', 'event', 'event_end', 'policy', 'ddl', 'backfill_run', 'backfill_control',
                                  'backfill_unit', 'backfill_range', 'backfill_error'] LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER not_replicated BEFORE INSERT OR UPDATE OR DELETE ON migrator.%I '
                                  'FOR EACH ROW EXECUTE FUNCTION migrator.not_replicated()', ledger);
        EXECUTE pg_catalog.format('ALTER TABLE migrator.%I ENABLE REPLICA TRIGGER not_replicated', ledger);
        EXECUTE pg_catalog.format('COMMENT ON TRIGGER not_replicated ON migrator.%I IS '
                                  '''Leaves out what logical replication brings''', ledger);
        EXECUTE pg_catalog.format('CREATE TRIGGER owner_only BEFORE INSERT OR UPDATE OR DELETE ON migrator.%I FOR EACH STATEMENT '
                                  'WHEN (NOT pg_catalog.has_table_privilege(%L::pg_catalog.regclass, ''TRUNCATE'')) '
                                  'EXECUTE FUNCTION migrator.owner_only()', ledger, 'migrator.' || ledger);
        EXECUTE pg_catalog.format('COMMENT ON TRIGGER owner_only ON migrator.%I IS '
                                  '''Leaves writing to the functions of migrator''', ledger);
    END LOOP;
END
$triggers$;
REVOKE ALL ON FUNCTION migrator.not_replicated(), migrator.owner_only() FROM PUBLIC;

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
      AND NOT (t.tgname = 'owner_only' AND t.tgfoid = 'migrator.owner_only'::regproc)
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
    SELECT 'others can write to the ledger', format('trigger owner_only on %s', c.oid::regclass::text),
           CASE WHEN t.oid IS NULL THEN 'dropped' ELSE 'not enabled' END,
           CASE WHEN t.oid IS NULL
                THEN format('CREATE TRIGGER owner_only BEFORE INSERT OR UPDATE OR DELETE ON %1$s FOR EACH STATEMENT '
                            'WHEN (NOT has_table_privilege(''%1$s''::regclass, ''TRUNCATE'')) '
                            'EXECUTE FUNCTION migrator.owner_only();', c.oid::regclass::text)
                ELSE format('ALTER TABLE %s ENABLE TRIGGER owner_only;', c.oid::regclass::text) END
    FROM pg_class c
    LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = 'owner_only' AND t.tgfoid = 'migrator.owner_only'::regproc
    WHERE c.relnamespace = 'migrator'::regnamespace AND c.relkind = 'r' AND (t.tgenabled IN ('O', 'A')) IS NOT TRUE
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
      AND d.tag NOT IN ('REINDEX', 'REFRESH MATERIALIZED VIEW', 'TRUNCATE TABLE', 'VACUUM', 'CLUSTER', 'LOCK TABLE', 'UPDATE',
                        'DELETE', 'MERGE', 'INSERT', 'SELECT')
      AND (d.allowed_by IN ('migrator.grant_read', 'migrator.grant_deploy', 'migrator.revoke_all')) IS NOT TRUE
      -- A new version of this extension changes nothing that a migration could be about.
      AND (d.tag = 'ALTER EXTENSION' AND o.object = 'migrator' AND d.statement ~* 'update') IS NOT TRUE
      AND d.at > coalesce(since, (SELECT min(e.at) FROM migrator.event e WHERE e.event = 'applied'))
    ORDER BY d.id
$drift$;

CREATE OR REPLACE FUNCTION migrator.verify_guard()
RETURNS TABLE (problem text, object text, detail text, hint text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 'the guard is not enforcing', format('event trigger %I', n.name),
           CASE WHEN t.evtname IS NULL THEN 'dropped'
                WHEN t.evtenabled = 'R' THEN 'enabled for replicas only' ELSE 'disabled' END,
           CASE WHEN t.evtname IS NULL
                THEN format(E'CREATE EVENT TRIGGER %1$I ON %2$s EXECUTE FUNCTION migrator.%3$I();\n'
                            'ALTER EXTENSION migrator ADD EVENT TRIGGER %1$I;', n.name, n.event, n.function)
                ELSE format('ALTER EVENT TRIGGER %I ENABLE;', n.name) END
    FROM (VALUES ('migrator_guard', 'ddl_command_start', 'guard_ddl_command_start'),
                 ('migrator_guard_rewrite', 'table_rewrite', 'guard_table_rewrite'),
                 ('migrator_log_drop', 'sql_drop', 'guard_sql_drop'),
                 ('migrator_log', 'ddl_command_end', 'guard_ddl_command_end')) n (name, event, function)
    LEFT JOIN pg_event_trigger t ON t.evtname = n.name
    WHERE t.evtname IS NULL OR t.evtenabled NOT IN ('O', 'A')
    UNION ALL
    SELECT 'the guard is not enforcing',
           concat_ws(' in ', CASE WHEN s.setrole <> 0 THEN format('role %I', pg_get_userbyid(s.setrole)) END,
                             CASE WHEN s.setdatabase <> 0 THEN format('database %I', current_database()) END),
           c.setting,
           format('ALTER %s RESET %s;',
                  CASE WHEN s.setrole = 0 THEN format('DATABASE %I', current_database())
                       ELSE format('ROLE %I', pg_get_userbyid(s.setrole))
                            || CASE WHEN s.setdatabase <> 0 THEN format(' IN DATABASE %I', current_database()) ELSE '' END
                  END, split_part(c.setting, '=', 1))
    FROM pg_db_role_setting s
    CROSS JOIN LATERAL unnest(s.setconfig) c (setting)
    WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
      AND c.setting ~* '^(migrator[.]guard=(warn|off)|migrator[.]allow=.|session_replication_role=replica|(event_triggers|row_security)=(of|f|n|0))'
    UNION ALL
    SELECT 'the guard is not enforcing', 'the server''s configuration', format('%s = %s', s.name, s.setting),
           format('ALTER SYSTEM RESET %s; SELECT pg_reload_conf();', s.name)
    FROM pg_settings s
    WHERE s.source IN ('configuration file', 'command line', 'environment variable')
      AND ((s.name = 'migrator.guard' AND s.setting IN ('warn', 'off')) OR (s.name = 'migrator.allow' AND s.setting <> '')
           OR (s.name = 'session_replication_role' AND s.setting = 'replica')
           OR (s.name = 'event_triggers' AND s.setting = 'off'));
END;

CREATE FUNCTION migrator.verify_backfills()
RETURNS TABLE (problem text, object text, detail text, hint text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    -- One that only lost its session waits to be called again; of a migration's the migration tells.
    SELECT 'backfill failed', format('backfill %s of %s', b.id, b.target), b.error,
           format(E'SELECT * FROM migrator.backfill_errors WHERE backfill = %1$s;\n'
                  'SELECT migrator.resume_backfill(%1$s);  -- or cancel_backfill', b.id)
    FROM migrator.backfill_run b
    WHERE b.state = 'failed' AND b.migration IS NULL AND to_regclass(b.target) IS NOT NULL
    ORDER BY b.id;
END;
COMMENT ON FUNCTION migrator.verify_backfills() IS 'The part of migrator.verify about backfills that gave up';
REVOKE ALL ON FUNCTION migrator.verify_backfills() FROM PUBLIC;

CREATE OR REPLACE FUNCTION migrator.verify()
RETURNS TABLE (problem text, object text, detail text, hint text)
LANGUAGE sql STABLE SECURITY DEFINER
-- Compiling takes longer than running.
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET jit = off
BEGIN ATOMIC
    SELECT * FROM migrator.verify_history()
    UNION ALL SELECT * FROM migrator.verify_triggers()
    UNION ALL SELECT * FROM migrator.verify_ledger()
    UNION ALL SELECT * FROM migrator.verify_database()
    UNION ALL SELECT * FROM migrator.verify_backfills()
    UNION ALL SELECT * FROM migrator.verify_guard();
END;

-- What the guard sees, and what it does not.

CREATE FUNCTION migrator.preloaded_by() RETURNS text
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'migrator_preloaded_by';
COMMENT ON FUNCTION migrator.preloaded_by() IS
'What loaded the library before the first statement of this session:
shared or session, as in shared_preload_libraries; NULL when a statement
did. Hooks see what reaches no event trigger only where it was preloaded';

CREATE FUNCTION migrator.libraries(list text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(array_agg(l.name ORDER BY l.place) FILTER (WHERE l.name <> ''), '{}')
    FROM (SELECT btrim(u.name, E' \t\n"'), u.place
          FROM unnest(string_to_array(list, ',')) WITH ORDINALITY u (name, place)) l (name, place);
END;
COMMENT ON FUNCTION migrator.libraries(text) IS 'The names in a list of libraries, such as session_preload_libraries';

CREATE FUNCTION migrator.guard_preload()
RETURNS TABLE (here boolean, everywhere boolean, hint text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH database AS MATERIALIZED (
        SELECT d.oid, d.datname FROM pg_database d WHERE d.datname = current_database()),
    -- What a new session gets, unless its role has a list of its own. The file counts, for this session may have another.
    listed AS MATERIALIZED (
        SELECT migrator.libraries(coalesce(
            (SELECT split_part(c.setting, '=', 2)
             FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) c (setting)
             WHERE s.setdatabase = (SELECT oid FROM database) AND s.setrole = 0
               AND split_part(c.setting, '=', 1) = 'session_preload_libraries'),
            (SELECT f.setting FROM pg_file_settings f
             WHERE f.name = 'session_preload_libraries' AND f.error IS NULL ORDER BY f.seqno DESC LIMIT 1))) AS names)
    SELECT migrator.preloaded_by() IS NOT NULL,
           EXISTS (SELECT FROM unnest(l.names || migrator.libraries(current_setting('shared_preload_libraries'))) n (name)
                   WHERE n.name ~ '(^|/)migrator([.]so)?$'),
           format(E'ALTER DATABASE %I SET\nsession_preload_libraries\n= %s;', d.datname,
                  (SELECT string_agg(quote_literal(n.name), ', ' ORDER BY n.place)
                   FROM unnest(l.names || 'migrator'::text) WITH ORDINALITY n (name, place)))
    FROM listed l, database d;
END;
COMMENT ON FUNCTION migrator.guard_preload() IS
'Whether the library is preloaded in this session, and in every new one
of this database; and how to have it so';

CREATE FUNCTION migrator.guard_gaps()
RETURNS TABLE (what text, "by" text, hint text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 'other sessions', 'nothing', p.hint FROM migrator.guard_preload() p WHERE p.here AND NOT p.everywhere
    UNION ALL
    SELECT format('role %I', r.rolname), 'a list of its own',
           format(E'ALTER ROLE %I%s SET\nsession_preload_libraries\n= %s;', r.rolname,
                  CASE WHEN s.setdatabase <> 0 THEN format(E'\nIN DATABASE %I', current_database()) END,
                  (SELECT string_agg(quote_literal(n.name), ', ' ORDER BY n.place)
                   FROM unnest(migrator.libraries(split_part(c.setting, '=', 2)) || 'migrator'::text)
                   WITH ORDINALITY n (name, place)))
    FROM migrator.guard_preload() p
    CROSS JOIN pg_db_role_setting s
    CROSS JOIN LATERAL unnest(s.setconfig) c (setting)
    JOIN pg_roles r ON r.oid = s.setrole
    WHERE p.everywhere
      AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
      AND split_part(c.setting, '=', 1) = 'session_preload_libraries'
      AND NOT EXISTS (SELECT FROM unnest(migrator.libraries(split_part(c.setting, '=', 2))
                                         || migrator.libraries(current_setting('shared_preload_libraries'))) n (name)
                      WHERE n.name ~ '(^|/)migrator([.]so)?$')
    UNION ALL
    SELECT v.object, v.detail, v.hint FROM migrator.verify_guard() v WHERE v.object NOT LIKE 'event trigger %';
END;
COMMENT ON FUNCTION migrator.guard_gaps() IS
'The part of migrator.guard_status about other sessions: where settings
take something away from the guard';

CREATE FUNCTION migrator.guard_status()
RETURNS TABLE (what text, covered boolean, "by" text, hint text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET intervalstyle = 'postgres'
BEGIN ATOMIC
    WITH session AS MATERIALIZED (
        SELECT coalesce(current_setting('migrator.guard', true), 'enforce') AS mode,
               current_setting('session_replication_role') = 'replica' AS replica,
               coalesce(current_setting('event_triggers', true), 'on') = 'off' AS stopped,
               current_setting('server_version_num')::integer >= 170000 AS reindex_fires,
               p.here, p.everywhere, CASE WHEN p.everywhere THEN '\connect' ELSE p.hint END AS preload
        FROM migrator.guard_preload() p),
    -- Why an event trigger does not fire here, and what helps; NULL when it does.
    trigger AS MATERIALIZED (
        SELECT n.name, w.why, w.hint
        FROM (VALUES ('migrator_guard'), ('migrator_guard_rewrite'), ('migrator_log_drop'), ('migrator_log')) n (name)
        CROSS JOIN session s
        LEFT JOIN pg_event_trigger t ON t.evtname = n.name
        LEFT JOIN migrator.verify_guard() v ON v.object = format('event trigger %I', n.name)
        CROSS JOIN LATERAL (SELECT
            CASE WHEN t.evtname IS NULL THEN 'dropped'
                 WHEN t.evtenabled = 'D' THEN 'disabled'
                 WHEN t.evtenabled = 'R' AND NOT s.replica THEN 'for replicas only'
                 WHEN s.stopped THEN 'event_triggers = off'
                 WHEN t.evtenabled = 'O' AND s.replica THEN 'replication role' END,
            CASE WHEN v.hint IS NOT NULL THEN replace(v.hint, ' migrator_', E'\nmigrator_')
                 WHEN s.stopped THEN 'SET event_triggers = on;'
                 ELSE E'SET\nsession_replication_role\n= origin;' END) w (why, hint)),
    kind AS (
        SELECT * FROM (VALUES
            (1, 'DDL', 'migrator_guard', NULL, true), (2, 'rewrites', 'migrator_guard_rewrite', NULL, true),
            (3, 'TRUNCATE', NULL, NULL, true), (4, 'VACUUM FULL', NULL, NULL, true), (5, 'CLUSTER', NULL, NULL, true),
            (6, 'REINDEX', NULL, NULL, true), (7, 'LOCK TABLE', NULL, NULL, true),
            (8, 'UPDATE all rows', NULL, 'update-without-where', true),
            (9, 'DELETE all rows', NULL, 'delete-without-where', true),
            (10, 'many rows', NULL, 'modify-many-rows', true),
            (11, 'log of DDL', 'migrator_log', NULL, false), (12, 'log of drops', 'migrator_log_drop', NULL, false))
            k (place, what, fires, rule, refuses)),
    found AS (
        SELECT k.place, k.what, g.why, g.hint,
               coalesce(k.fires, CASE WHEN k.what = 'REINDEX' AND s.reindex_fires THEN 'migrator_guard' ELSE 'hook' END) AS by
        FROM kind k
        CROSS JOIN session s
        JOIN trigger t ON t.name = coalesce(k.fires, 'migrator_guard')
        CROSS JOIN LATERAL (SELECT
            k.fires IS NULL AND NOT (k.what = 'REINDEX' AND s.reindex_fires) AND NOT s.here,
            k.rule IS NOT NULL
            AND NOT EXISTS (SELECT FROM migrator.policies p
                            WHERE p.rule = k.rule AND p.in_force AND p.action IN ('error', 'warning'))) l (unloaded, unset)
        CROSS JOIN LATERAL (SELECT
            CASE WHEN t.why IS NOT NULL THEN t.why
                 WHEN l.unloaded OR l.unset THEN 'nothing'
                 WHEN k.refuses AND s.mode <> 'enforce' THEN 'guard = ' || s.mode END,
            CASE WHEN t.why IS NOT NULL THEN t.hint
                 WHEN l.unloaded THEN s.preload
                 WHEN l.unset THEN format(E'SELECT migrator.set_rule(\n%L,\n''error'');', k.rule)
                 WHEN k.refuses AND s.mode <> 'enforce' THEN E'SET migrator.guard\n= enforce;' END) g (why, hint))
    SELECT a.what, a.covered, a.by, a.hint
    FROM (SELECT f.place, f.what, f.why IS NULL AS covered, coalesce(f.why, f.by) AS by, f.hint FROM found f
          UNION ALL
          -- Refusals outlive their transaction in a process of its own.
          SELECT 13, 'log of refusals', w.used < w.slots,
                 CASE WHEN w.used < w.slots THEN 'background worker' ELSE 'no free worker' END,
                 CASE WHEN w.used >= w.slots
                      THEN format(E'ALTER SYSTEM SET\nmax_worker_processes\n= %s;', w.slots + 8) END
          FROM (SELECT current_setting('max_worker_processes')::integer AS slots, count(*) AS used
                FROM pg_stat_activity
                WHERE backend_type NOT IN (
                    'client backend', 'dead-end client backend', 'standalone backend', 'autovacuum launcher',
                    'autovacuum worker', 'archiver', 'background writer', 'checkpointer', 'startup', 'walreceiver',
                    'walsender', 'walwriter', 'walsummarizer', 'slotsync worker', 'io worker')) w
          UNION ALL
          SELECT 14, g.what, false, g.by, g.hint FROM migrator.guard_gaps() g) a
    ORDER BY a.place, a.what;
END;
COMMENT ON FUNCTION migrator.guard_status() IS
'What the guard sees in this session, statement by statement: whether it
is covered, by what, and what to type where it is not; then where
settings of roles, of the database or of the server take something away
from it';

REVOKE ALL ON FUNCTION migrator.preloaded_by(), migrator.libraries(text), migrator.guard_preload(), migrator.guard_gaps(),
    migrator.guard_status() FROM PUBLIC;
-- Whoever may read what is wrong may read what is covered.
DO $rights$
DECLARE
    reader text;
BEGIN
    FOR reader IN
        SELECT pg_catalog.quote_ident(r.rolname)
        FROM pg_catalog.pg_proc p, pg_catalog.aclexplode(p.proacl) a, pg_catalog.pg_roles r
        WHERE p.oid OPERATOR(pg_catalog.=) 'migrator.verify()'::pg_catalog.regprocedure
          AND r.oid OPERATOR(pg_catalog.=) a.grantee AND r.oid OPERATOR(pg_catalog.<>) p.proowner
    LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION migrator.guard_status() TO %s', reader);
    END LOOP;
END
$rights$;

-- What describes the objects of the extension.

COMMENT ON TABLE migrator.migration IS
'What is registered and how far it has come. Read
migrator.status instead.';
COMMENT ON COLUMN migrator.migration.repeatable IS
'Applied after the versioned ones, again whenever its
checksum changes';
COMMENT ON COLUMN migrator.migration.scheduled_attempt IS
'The attempt that apply handed to a background worker;
visible to that worker only when the caller has committed';
COMMENT ON COLUMN migrator.migration.checksum IS
'SHA-256 of the up script in UTF-8 with line endings as LF,
in hex';
COMMENT ON COLUMN migrator.migration.transactional IS
'False when a statement refuses a transaction block or may
commit';
COMMENT ON COLUMN migrator.migration.statements_done IS
'Statements that are committed, of a migration that is not
transactional';
COMMENT ON COLUMN migrator.migration.running_indexes IS
'The indexes that existed before it began; after an
interruption they tell what it left behind';
COMMENT ON COLUMN migrator.migration.findings IS
'What the guard found when it was registered; read
migrator.findings';
COMMENT ON TABLE migrator.event IS
'Append-only: the beginning and the end of every attempt.
Read migrator.history instead.';
COMMENT ON COLUMN migrator.event.xid IS
'The transaction that wrote it; NULL when that was not the
one it is about, which was rolled back';
COMMENT ON COLUMN migrator.event.previous IS
'The rows it follows: those that no other had followed yet,
as a rule one';
COMMENT ON COLUMN migrator.event.hash IS
'SHA-256 of the hashes of those and of all that is in this
row, in hex; see migrator.event_hash';

COMMENT ON FUNCTION migrator.event_hash(migrator.event, text[]) IS
'The hash of a row of the history that follows rows with these hashes:
SHA-256 of them and of its content as JSON, in hex';
COMMENT ON TABLE migrator.event_end IS
'The ends of the history: events that no other follows yet.
One, or two after an attempt failed in a transaction that
had written to the history and went on';
COMMENT ON COLUMN migrator.event_end.hash IS
'Its hash; the row that comes next follows it even if
somebody has deleted it by then';

COMMENT ON TABLE migrator.policy IS
'What rules do other than by default, and where. Read
migrator.policies instead; written by migrator.set_rule.';
COMMENT ON COLUMN migrator.policy.relation IS
'By oid, so that the policy follows the table when it is
renamed; a dump writes its name. Goes when the table is
dropped';
COMMENT ON COLUMN migrator.policy.schema_name IS
'By name, as the role: a dump may be restored where they have
other oids';
COMMENT ON COLUMN migrator.policy.threshold_bytes IS
'From what size on disk a table counts as large, for this
rule';
COMMENT ON TABLE migrator.ddl IS
'Append-only: every DDL statement that ran or was refused.
Read migrator.ddl_log instead.';

COMMENT ON COLUMN migrator.backfill_run.generation IS
'Counts the sessions that led it and their walks; a worker of
an earlier one leaves';
COMMENT ON COLUMN migrator.backfill_run.pass IS
'1 walks what was there at the start; a later one walks anew
because too much is left to be swept up';
COMMENT ON COLUMN migrator.backfill_run.sweep IS
'How often what still matched was looked for and changed row
by row';
COMMENT ON TABLE migrator.backfill_control IS
'What people want of a backfill: run, pause, cancel, and its
settings. Runs only read it.';
COMMENT ON COLUMN migrator.backfill_control.given IS
'The settings as the last call gave them; the same call again
leaves later changes as they are';
COMMENT ON COLUMN migrator.backfill_control.settings_by IS
'The role of that call: pause_if and stop_if are run with the
rights of nobody else';
COMMENT ON TABLE migrator.backfill_unit IS
'A table that a backfill walks, and up to where it is cut
into ranges';
COMMENT ON COLUMN migrator.backfill_unit.whole IS
'With all its partitions or children, which cannot be walked
one by one';
COMMENT ON COLUMN migrator.backfill_unit.key_order IS
'Each column of its key with its type and collation: what the
order of the walk depends on';
COMMENT ON COLUMN migrator.backfill_unit.frontier IS
'The end of the last range: a key as a JSON array of texts,
or a block number';
COMMENT ON COLUMN migrator.backfill_unit.high IS
'Where the walk ends: the highest key, or the number of
blocks, when it began';
COMMENT ON COLUMN migrator.backfill_range.stripe IS
'The stripe of the rows that is being changed; see
docs/backfill.md';
COMMENT ON COLUMN migrator.backfill_range.cursor IS
'How far that stripe has come; committed together with the
rows of each batch';
COMMENT ON TABLE migrator.backfill_error IS
'Rows that a backfill could not change. Read
migrator.backfill_errors instead.';

COMMENT ON FUNCTION migrator.checksum(text) IS
'The checksum under which a script is registered: SHA-256 of its text in
UTF-8 with line endings as LF, in hex';
COMMENT ON FUNCTION migrator.register(text, text, text, text, text, text[], text, text[], boolean, boolean, boolean) IS
'Registers a migration: checks its scripts and stores them. Give exactly
one of down and irreversible (the reason).
allow: rules of the guard that its statements may break; reason says
why. requires: versions that must be applied first.
mixed: it may change schema and data. out_of_order: it may be older than
what is applied.
repeatable: applied after the versioned ones, again whenever its script
changes; needs neither down nor irreversible.
Returns registered, replaced or unchanged';
COMMENT ON FUNCTION migrator.register_dir(text, boolean, boolean) IS
'Registers every VERSION.up.sql / VERSION.down.sql pair, every
VERSION.sql and every NAME.repeatable.sql of a folder on the server;
mixed and out_of_order as for register, for all of them';
COMMENT ON FUNCTION migrator.lint(text) IS
'One row for each thing the guard would refuse or warn about in a script;
nothing of the script is run.
It tells of any table what pg_class and pg_relation_size tell everybody;
whose table it is does not matter, because another role may run the
script';
COMMENT ON FUNCTION migrator.plan(text) IS
'One row for each statement that apply or deploy would run now, in order,
up to and including target (all when null):
kind       command tag
lock       the strongest lock it takes; new when it only makes relations,
           none when it locks none, null when only running it could tell
objects    the relations it locks, what it is about first; where they are
           not locked alike, each with its lock. A table stands for its
           partitions
blocks     what others cannot do meanwhile
rows, size of the tables it is about now, with their partitions
work       what it does with the rows: rewrite, scan, index build, copy,
           or none
verdict    refused, warning or allowed (with rules, message and hint, the
           safe way), or ok
transactional  runs in the one transaction of its migration; otherwise it
           is committed alone
waits_for  whose locks or snapshots it would wait for now, the longest
           transaction first
Nothing is run or written, and no lock is waited for: it works on a
standby and in a read-only transaction';
COMMENT ON FUNCTION migrator.apply(text) IS
'Applies what is pending, in order, up to and including target (all when
null), in the caller''s transaction. What cannot run in a transaction,
and what comes after it, runs in the background when the caller has
committed';
COMMENT ON PROCEDURE migrator.deploy(text) IS
'Applies what is pending, in order, up to and including target (all when
null), each migration in a transaction of its own, and statements such
as CREATE INDEX CONCURRENTLY at top level';
COMMENT ON FUNCTION migrator.revert(text) IS
'Runs the down scripts of target and of every later version that is
applied, the last applied first, in the caller''s transaction; what
cannot run there runs in the background, as with apply. Needs
migrator.allow_revert';
COMMENT ON PROCEDURE migrator.revert_to(text, boolean) IS
'Runs the down scripts of every version after target that is applied, the
last applied first, each in a transaction of its own; with including,
that of target too. Needs migrator.allow_revert';
COMMENT ON FUNCTION migrator.baseline(text, text) IS
'Adopts an existing database: every migration up to version counts as
applied and is not run. Recorded as such in status and history';
COMMENT ON FUNCTION migrator.resolve(text, text, text) IS
'Decides about a migration that failed or is in doubt: applied or
pending. The reason is kept in the history';

COMMENT ON FUNCTION migrator.guard_rules() IS
'Every rule of the guard as it is built in; migrator.rules shows what it
does here';
COMMENT ON FUNCTION migrator.set_rule(text, text, regclass, regnamespace, regrole, bigint, text, timestamptz, text) IS
'Says what a rule does: error, warning or off; NULL or default goes back
to its default. For a table (and its partitions), a schema, a role, or
the whole database; the most specific wins, in that order. Returns set,
replaced, removed or unchanged';
COMMENT ON COLUMN migrator.policies.role IS
'The role it is for, with those that have its rights;
superusers count by their own name only';
COMMENT ON COLUMN migrator.rules.action IS
'What it does to the current user where no policy of a table
or schema says otherwise: error, warning, off, or by weight:
an error on relations that are large or referenced by
others, else a warning';
COMMENT ON COLUMN migrator.rules.policies IS
'The policies in force, the most specific first; all of them:
migrator.policies';
COMMENT ON COLUMN migrator.rules.good IS
'An example that comes to the same and passes; NULL where
there is no other way';
COMMENT ON VIEW migrator.ddl_log IS
'Every DDL statement that ran, and every one that was
refused; append-only. Temporary objects are left out';
COMMENT ON COLUMN migrator.ddl_log.statement IS
'Its text: of itself, not of all that the client sent. NULL
where that is not known for certain';
COMMENT ON COLUMN migrator.ddl_log.objects IS
'What it made, changed or dropped, dependent objects
included, as Postgres identifies them; where it names none,
their type';
COMMENT ON COLUMN migrator.ddl_log.outcome IS
'ran; warned: the guard warned about it; bypassed: a rule
would have refused it, see allowed_by; refused';
COMMENT ON COLUMN migrator.ddl_log.allowed_by IS
'What let it through: migrator.allow, migration
(register(..., allow => ...)), policy and its number, or the
setting migrator.guard; or the function of migrator''s that
did it';
COMMENT ON COLUMN migrator.ddl_log.migration_statement IS
'Which statement of that, counted from 1; it may have been
run by a function that the statement called';
COMMENT ON COLUMN migrator.ddl_log.xid IS
'In which transaction; of a refused statement NULL when it
had none yet';
COMMENT ON FUNCTION migrator.prune_ddl_log() IS
'Deletes what is older than migrator.ddl_log_retention from the log of
DDL; returns how many rows. DDL does the same now and then';
COMMENT ON FUNCTION migrator.drift(timestamptz) IS
'DDL that ran outside of migrations since the first one was applied, or
since a moment: who did what when, one row per object. None before the
first migration: until then nothing says how the database should be';
COMMENT ON FUNCTION migrator.guard_table_rewrite() IS
'Refuses the rewrite of a large table that was not foreseen from the
statement';
COMMENT ON FUNCTION migrator.guard_sql_drop() IS
'Notes what a statement drops for migrator.ddl_log; a policy goes with
its table';
COMMENT ON EVENT TRIGGER migrator_guard IS
'Refuses unsafe DDL of every client; see the setting
migrator.guard';

CREATE OR REPLACE VIEW migrator.runner AS
SELECT l.pid,
       -- It has no process; that it holds the lock of its own transaction tells which it is.
       (SELECT p.gid FROM pg_catalog.pg_locks t JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = t.transactionid
        WHERE l.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid'
          AND t.virtualtransaction = l.virtualtransaction) AS prepared
FROM pg_catalog.pg_locks l
WHERE l.locktype = 'advisory' AND l.classid = 1835624306 AND l.objid = 1 AND l.objsubid = 2 AND l.granted
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database());
COMMENT ON VIEW migrator.runner IS
'Who runs migrations in this database now, if anybody: who
holds the advisory lock';
COMMENT ON COLUMN migrator.runner.pid IS 'The process; NULL for a prepared transaction';
COMMENT ON COLUMN migrator.runner.prepared IS
'The prepared transaction, which holds it until COMMIT
PREPARED or ROLLBACK PREPARED';
COMMENT ON COLUMN migrator.status.state IS
'pending, scheduled (a background worker waits), running,
applied, failed or reverted';
COMMENT ON COLUMN migrator.status.transactional IS
'Whether it runs in one transaction; if not, apply hands it
to a background worker';
COMMENT ON COLUMN migrator.status.kind IS
'versioned, repeatable, or baseline: counts as applied but
was never run here';
COMMENT ON COLUMN migrator.status.findings IS
'What the guard found when it was registered, see
migrator.findings';
COMMENT ON COLUMN migrator.status.overrides IS
'What it was permitted when it was registered: mixed, out of
order, rules of the guard and why';
COMMENT ON COLUMN migrator.status.description IS 'As given to register';
COMMENT ON COLUMN migrator.status.irreversible IS 'Why it cannot be undone; NULL when it has a down script';
COMMENT ON COLUMN migrator.status.registered_at IS 'When it was registered, or its script replaced';
COMMENT ON COLUMN migrator.status.registered_by IS 'The role that did that';
COMMENT ON VIEW migrator.findings IS
'What the guard found in each migration when it was
registered last';
COMMENT ON COLUMN migrator.findings.version IS 'The migration';
COMMENT ON COLUMN migrator.findings.rule IS 'The rule, see migrator.rules';
COMMENT ON COLUMN migrator.findings.class IS 'Its class';
COMMENT ON COLUMN migrator.findings.action IS
'error: it would have been refused then; warning: it would
have been warned about; allowed: the migration may break
that rule';
COMMENT ON COLUMN migrator.findings.message IS 'What the guard says';
COMMENT ON COLUMN migrator.findings.detail IS 'What was found';
COMMENT ON COLUMN migrator.findings."column" IS 'The column it is about';
COMMENT ON VIEW migrator.history IS
'Every attempt to apply or revert a migration and every
decision about one; append-only';
COMMENT ON COLUMN migrator.history.attempt IS 'Its number; attempts of all migrations are counted together';
COMMENT ON COLUMN migrator.history.version IS 'The migration';
COMMENT ON COLUMN migrator.history.outcome IS
'applied, reverted, failed, resolved, baseline, scheduled,
superseded by another run, running, or interrupted when its
session ended without a word';
COMMENT ON COLUMN migrator.history.started_at IS 'When it began, or was scheduled';
COMMENT ON COLUMN migrator.history.finished_at IS 'When it ended';
COMMENT ON COLUMN migrator.history.duration IS 'How long it took';
COMMENT ON COLUMN migrator.history.runner IS 'The function that was called: apply, deploy, revert, ...';
COMMENT ON COLUMN migrator.history.session_role IS 'Who had connected';
COMMENT ON COLUMN migrator.history.role IS 'Whose rights it ran with';
COMMENT ON COLUMN migrator.history.client_addr IS 'From where; NULL for a Unix socket';
COMMENT ON COLUMN migrator.history.application_name IS 'With what';
COMMENT ON COLUMN migrator.history.backend_pid IS 'In which process';
COMMENT ON COLUMN migrator.history.xid IS 'In which transaction; NULL when that was rolled back';
COMMENT ON COLUMN migrator.history.checksum IS 'The checksum of the script that ran';
COMMENT ON COLUMN migrator.history.statement_text IS 'Its text';
COMMENT ON COLUMN migrator.history.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN migrator.history.message IS 'The error';
COMMENT ON COLUMN migrator.history.detail IS 'Its DETAIL';
COMMENT ON COLUMN migrator.history.hint IS 'Its HINT';
COMMENT ON COLUMN migrator.history.internal_query IS 'The query inside of a function in which it was raised';
COMMENT ON COLUMN migrator.history.internal_position IS 'Where in internal_query the error is';
COMMENT ON COLUMN migrator.history.schema_name IS 'The schema that the error names';
COMMENT ON COLUMN migrator.history.table_name IS 'The table that the error names';
COMMENT ON COLUMN migrator.history.column_name IS 'The column that the error names';
COMMENT ON COLUMN migrator.history.datatype_name IS 'The data type that the error names';
COMMENT ON COLUMN migrator.history.constraint_name IS 'The constraint that the error names';
COMMENT ON COLUMN migrator.history.reason IS 'Why, as given to resolve or baseline';
COMMENT ON COLUMN migrator.history.hash IS
'Hash of its last row and of all rows before: kept elsewhere,
it proves later that nothing up to there has changed since';

COMMENT ON PROCEDURE migrator.backfill(regclass, text, text, integer, integer, integer, text, integer, double precision, jsonb) IS
'Changes every row that matches, in committed batches, and returns when a
check has found none left; called again it goes on where it was';
COMMENT ON FUNCTION migrator.start_backfill(regclass, text, text, integer, integer, integer, text, integer, double precision, jsonb) IS
'The same in a background worker that begins when this transaction
commits; returns the id for migrator.backfills';
COMMENT ON FUNCTION migrator.plan_backfill(regclass, text, text, integer, integer, integer, text, integer, double precision, jsonb) IS
'What migrator.backfill would do with the same arguments, and what to know
before it begins: one row for each thing, in a fixed order. It refuses
what the backfill would refuse.
subject    target, walk, stripes, batches, locks, workers, rows, WAL; then
           what applies: an unfinished run that goes on, triggers, foreign
           keys, generated columns, row security, publications, settings,
           old snapshots; limits last
finding    what will be. "About" stands before what statistics say
advice     null, or a sentence, and statements on the lines below it
Nothing is changed and no lock is kept. The clauses are planned, not run;
pause_if and stop_if are asked once';
COMMENT ON FUNCTION migrator.pause_backfill(integer) IS
'Holds a backfill after the batch it is in, until
migrator.resume_backfill. It keeps no lock on the table and no snapshot
meanwhile';
COMMENT ON FUNCTION migrator.resume_backfill(integer) IS
'Lets a paused backfill go on; one whose session has ended goes on in the
background, if it is the caller''s';
COMMENT ON FUNCTION migrator.cancel_backfill(integer) IS
'Ends a backfill after the batch it is in. What is committed stays; the
same call would go on where it was';
COMMENT ON FUNCTION migrator.alter_backfill(integer, integer, integer, integer, double precision, jsonb) IS
'Changes settings of a backfill, from its next batch on. What is left out
stays; limits are merged by key';
COMMENT ON FUNCTION migrator.stripe(tid, integer) IS
'The stripe of a row, by its place in its page; a backfill that changes
one stripe at a time leaves room for HOT updates';
COMMENT ON VIEW migrator.backfills IS
'Every backfill: progress, rate, what is left, what it waits
for';
COMMENT ON COLUMN migrator.backfills.id IS 'Its number, for pause_backfill and its like';
COMMENT ON COLUMN migrator.backfills.target IS 'The table';
COMMENT ON COLUMN migrator.backfills.state IS
'scheduled, running, paused, done, failed, cancelled, or
interrupted when its session ended';
COMMENT ON COLUMN migrator.backfills.waiting_for IS
'What it waits for now, if anything: a limit, a person, a
lock';
COMMENT ON COLUMN migrator.backfills.pass IS 'Which walk over the table it is in; as a rule the first';
COMMENT ON COLUMN migrator.backfills.sweep IS 'How often it has looked for what still matches';
COMMENT ON COLUMN migrator.backfills.pid IS 'The process that leads it';
COMMENT ON COLUMN migrator.backfills.set_clause IS 'What it sets';
COMMENT ON COLUMN migrator.backfills.where_clause IS 'Which rows still need it';
COMMENT ON COLUMN migrator.backfills.settings IS 'Its settings now, see migrator.alter_backfill';
COMMENT ON COLUMN migrator.backfills.started_by IS 'The role that ran it last';
COMMENT ON COLUMN migrator.backfills.started_at IS 'When it was called first';
COMMENT ON COLUMN migrator.backfills.finished_at IS 'When it ended';
COMMENT ON COLUMN migrator.backfills.error IS 'Why it ended before it was done';
COMMENT ON VIEW migrator.backfill_errors IS
'Rows that a backfill could not change, and why. The same
call tries them again';
COMMENT ON COLUMN migrator.backfill_errors.backfill IS 'The backfill';
COMMENT ON COLUMN migrator.backfill_errors."table" IS 'The table or partition';
COMMENT ON COLUMN migrator.backfill_errors.sqlstate IS
'SQLSTATE of the error; MG017 where the change left the
condition true';
COMMENT ON COLUMN migrator.backfill_errors.message IS 'The error';
COMMENT ON COLUMN migrator.backfill_errors.detail IS 'Its DETAIL';
COMMENT ON COLUMN migrator.backfill_errors.at IS 'When it was tried last';

COMMENT ON FUNCTION migrator.verify_triggers() IS
'The part of migrator.verify that looks at triggers and rules of the
ledger';
COMMENT ON FUNCTION migrator.verify_ledger() IS
'The part of migrator.verify that compares migrator.migration with the
history';
COMMENT ON FUNCTION migrator.verify_database() IS
'The part of migrator.verify about what migrations and others left behind
in the database';
COMMENT ON FUNCTION migrator.verify_guard() IS
'The part of migrator.verify that tells whether the guard is on
everywhere';
COMMENT ON FUNCTION migrator.verify() IS
'One row per problem with the ledger or left behind in the database; none
when all is well';

COMMENT ON SCHEMA migrator IS 'Migrations, a guard against unsafe DDL, and backfills; read the views';

COMMENT ON TRIGGER append_only ON migrator.event IS 'Refuses to change the history, also for superusers';
COMMENT ON TRIGGER append_only ON migrator.ddl IS 'Refuses to change the log of DDL, also for superusers';

COMMENT ON SEQUENCE migrator.event_id_seq IS 'Numbers the rows of the history';
COMMENT ON SEQUENCE migrator.ddl_id_seq IS 'Numbers the rows of the log of DDL';
COMMENT ON SEQUENCE migrator.policy_id_seq IS 'Numbers policies';
COMMENT ON SEQUENCE migrator.backfill_run_id_seq IS 'Numbers backfills';
COMMENT ON SEQUENCE migrator.backfill_range_id_seq IS 'Numbers the ranges of all backfills';
COMMENT ON SEQUENCE migrator.backfill_error_id_seq IS 'Numbers the rows that backfills could not change';

COMMENT ON INDEX migrator.migration_applied_idx IS 'Finds the newest that is applied';
COMMENT ON INDEX migrator.migration_open_idx IS 'Finds what is to be applied';
COMMENT ON INDEX migrator.event_attempt_idx IS 'Finds what belongs to an attempt';
COMMENT ON INDEX migrator.event_failed_idx IS 'Finds why a migration failed last';
COMMENT ON INDEX migrator.event_version_idx IS 'Finds the history of a migration';
COMMENT ON INDEX migrator.ddl_migration_idx IS 'Finds the DDL of a migration';
COMMENT ON INDEX migrator.backfill_run_open_idx IS 'One unfinished backfill of the same work';
COMMENT ON INDEX migrator.backfill_range_run_idx IS 'Finds the ranges of a backfill';
COMMENT ON INDEX migrator.backfill_range_open_idx IS 'Finds the ranges that are left';

COMMENT ON COLUMN migrator.migration.up IS 'The script';
COMMENT ON COLUMN migrator.migration.down IS 'The script that undoes it';
COMMENT ON COLUMN migrator.migration.statements IS 'How many the script has';
COMMENT ON COLUMN migrator.migration.state IS 'As it was written last; status knows whether its session still runs';

COMMENT ON COLUMN migrator.event.id IS 'In the order written';
COMMENT ON COLUMN migrator.event.event IS 'What happened: an attempt was scheduled or started, or how it ended';
COMMENT ON COLUMN migrator.event.at IS 'When';

COMMENT ON COLUMN migrator.policy.role_name IS 'The role it is for, by name';

COMMENT ON COLUMN migrator.backfill_run.rows_estimate IS 'Rows that the statistics expected when it began';
COMMENT ON COLUMN migrator.backfill_run.rows_swept IS 'Rows changed after the walk, one by one';
COMMENT ON COLUMN migrator.backfill_run.migration_checksum IS 'The checksum of that migration when it ran';
COMMENT ON COLUMN migrator.backfill_run.migration_statement IS 'Which statement of it, counted from 1';
COMMENT ON COLUMN migrator.backfill_run.updated_at IS 'When it was last heard of';

COMMENT ON COLUMN migrator.backfill_control.backfill IS 'The backfill';
COMMENT ON COLUMN migrator.backfill_control.wish IS 'run, pause or cancel';
COMMENT ON COLUMN migrator.backfill_control.settings IS 'Size and time of batches, workers, error_ratio, limits';
COMMENT ON COLUMN migrator.backfill_control.version IS 'Counts the changes, so that a run sees that there was one';
COMMENT ON COLUMN migrator.backfill_control.changed_by IS 'The role that changed it last';
COMMENT ON COLUMN migrator.backfill_control.changed_at IS 'When';

COMMENT ON COLUMN migrator.backfill_unit.backfill IS 'The backfill';
COMMENT ON COLUMN migrator.backfill_unit.ordinal IS 'Which of its tables';
COMMENT ON COLUMN migrator.backfill_unit.relation IS 'The table, by oid';
COMMENT ON COLUMN migrator.backfill_unit.name IS 'The table, as it was named';
COMMENT ON COLUMN migrator.backfill_unit.walk IS 'By key, or physical: through the pages in their order';
COMMENT ON COLUMN migrator.backfill_unit.stripes IS 'In how many visits a page is changed';
COMMENT ON COLUMN migrator.backfill_unit.exhausted IS 'No range is left to be cut off';

COMMENT ON COLUMN migrator.backfill_range.id IS 'Its number; whoever changes it holds an advisory lock on that';
COMMENT ON COLUMN migrator.backfill_range.backfill IS 'The backfill';
COMMENT ON COLUMN migrator.backfill_range.unit IS 'Which of its tables';
COMMENT ON COLUMN migrator.backfill_range.low IS 'What it begins behind; NULL is the beginning of the table';
COMMENT ON COLUMN migrator.backfill_range.high IS 'What it ends with';
COMMENT ON COLUMN migrator.backfill_range.stripes IS 'In how many visits its pages are changed';
COMMENT ON COLUMN migrator.backfill_range.done IS 'Nothing of it is left';
COMMENT ON COLUMN migrator.backfill_range.rows_visited IS 'Rows it has come by';
COMMENT ON COLUMN migrator.backfill_range.rows_done IS 'Rows changed and committed';
COMMENT ON COLUMN migrator.backfill_range.batches IS 'Batches that were committed';
COMMENT ON COLUMN migrator.backfill_range.longest_ms IS 'Duration of the longest batch';
COMMENT ON COLUMN migrator.backfill_range.busy_ms IS 'Duration of all its batches';

COMMENT ON COLUMN migrator.backfill_error.id IS 'In the order found';
COMMENT ON COLUMN migrator.backfill_error.relation IS 'The table or partition, by oid';
COMMENT ON COLUMN migrator.backfill_error.name IS 'The table or partition';
COMMENT ON COLUMN migrator.backfill_error.key IS 'Its key, or its ctid, as JSON';

-- A column of a table means what the column of that name means in the view that shows it.
DO $comments$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT t.attrelid::pg_catalog.regclass AS "table", t.attname, pg_catalog.col_description(v.attrelid, v.attnum) AS meaning
        FROM (VALUES ('migrator.migration', 'migrator.status'), ('migrator.event', 'migrator.history'),
                     ('migrator.ddl', 'migrator.ddl_log'), ('migrator.policy', 'migrator.policies'),
                     ('migrator.backfill_run', 'migrator.backfills'),
                     ('migrator.backfill_error', 'migrator.backfill_errors')) s (shown, view)
        JOIN pg_catalog.pg_attribute t ON t.attrelid OPERATOR(pg_catalog.=) s.shown::pg_catalog.regclass
                                      AND t.attnum OPERATOR(pg_catalog.>) 0 AND NOT t.attisdropped
        JOIN pg_catalog.pg_attribute v ON v.attrelid OPERATOR(pg_catalog.=) s.view::pg_catalog.regclass
                                      AND v.attname OPERATOR(pg_catalog.=) t.attname
        WHERE pg_catalog.col_description(t.attrelid, t.attnum) IS NULL
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', c."table", c.attname, c.meaning);
    END LOOP;
END
$comments$;

COMMENT ON FUNCTION migrator.grant_read(regrole) IS
'Lets a role read: status, history, findings, runner, backfills,
backfill_errors, rules, policies, ddl_log; plan, verify, guard_status,
drift, lint, checksum. It can change nothing';
COMMENT ON FUNCTION migrator.grant_deploy(regrole) IS
'Lets a role do what migrator.grant_read does, and call register,
register_dir, apply, deploy, revert, revert_to, resolve, baseline,
backfill, plan_backfill and what steers backfills. It gets no right on
the ledger, which is written for it, nor on the guard''s rules';
COMMENT ON FUNCTION migrator.revoke_all(regrole) IS
'Takes from a role all rights in schema migrator that were given to it by
name; what PUBLIC or another role has, it keeps through those';

-- Who may read, and is no superuser, was told that the worker of a migration that waits is gone.
CREATE FUNCTION migrator.runner_is_there() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM pg_stat_activity a
                   WHERE a.backend_type = 'migrator runner' AND a.datname = current_database());
END;
COMMENT ON FUNCTION migrator.runner_is_there() IS
'Whether a background worker runs migrations in this database, or waits
to; as its owner, because other roles do not see what a backend is';

REVOKE ALL ON FUNCTION migrator.runner_is_there() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION migrator.runner_is_there() TO PUBLIC;

CREATE OR REPLACE VIEW migrator.status AS
SELECT m.version,
       CASE WHEN m.state = 'running' AND r.pid IS NULL AND NOT pg_is_in_recovery()
            THEN CASE WHEN m.reverting AND m.statements_done = 0 AND m.running_statement IS NULL
                      THEN 'applied' ELSE 'failed' END
            WHEN m.scheduled_attempt IS NOT NULL AND w.alive THEN 'scheduled'
            ELSE m.state END AS state,
       m.applied_at,
       m.applied_by,
       m.duration,
       CASE WHEN m.reverting THEN 'down ' || m.statements_done
            ELSE CASE WHEN m.state = 'applied' THEN m.statements ELSE m.statements_done END || '/' || m.statements
       END AS progress,
       m.transactional,
       CASE WHEN m.baseline THEN 'baseline' WHEN m.repeatable THEN 'repeatable' ELSE 'versioned' END AS kind,
       CASE WHEN m.findings <> '[]' THEN migrator.count_findings(m.findings) END AS findings,
       CASE WHEN m.mixed OR m.out_of_order OR m.allow <> '{}' THEN
           concat_ws(', ', CASE WHEN m.mixed THEN 'mixed' END,
                     CASE WHEN m.out_of_order THEN 'out of order' END,
                     CASE WHEN m.allow <> '{}'
                          THEN 'allow ' || array_to_string(m.allow, ', ') || ' (' || m.allow_reason || ')' END)
       END AS overrides,
       CASE WHEN m.requires <> '{}' THEN array_to_string(m.requires, ', ') END AS requires,
       m.description,
       m.irreversible,
       CASE WHEN m.state = 'running' AND r.pid IS NULL AND NOT pg_is_in_recovery() AND (m.statements_done > 0 OR m.running_statement IS NOT NULL OR NOT m.reverting)
            THEN 'interrupted' || CASE WHEN m.running_statement IS NULL THEN ''
                                       ELSE ' during statement ' || m.running_statement END
                 || CASE WHEN m.reverting THEN ' of its down script' ELSE '' END || '; run it again'
            WHEN m.scheduled_attempt IS NOT NULL AND NOT w.alive
            THEN 'the background worker it was handed to is gone; CALL migrator.deploy();'
            WHEN m.state = 'failed'
            THEN f.error
       END AS error,
       m.registered_at,
       m.registered_by,
       m.checksum
FROM migrator.migration m
LEFT JOIN migrator.runner r ON r.pid = m.running_pid
LEFT JOIN (SELECT DISTINCT ON (e.version) e.version, e.sqlstate || ': ' || e.message AS error
           FROM migrator.event e WHERE e.event = 'failed' ORDER BY e.version, e.id DESC) f ON f.version = m.version
CROSS JOIN (SELECT migrator.runner_is_there()) w (alive)
ORDER BY m.sort_key;

CREATE OR REPLACE VIEW migrator.history AS
SELECT b.attempt,
       b.version,
       CASE WHEN f.event IS NOT NULL THEN f.event
            WHEN (pg_is_in_recovery()
                  OR EXISTS (SELECT FROM migrator.runner r WHERE r.pid = coalesce(s.backend_pid, b.backend_pid)))
                 AND coalesce(s.id, b.id) = (SELECT max(e.id) FROM migrator.event e WHERE e.event = 'started')
            THEN 'running'
            WHEN s.id IS NULL AND b.event = 'scheduled'
                 AND NOT EXISTS (SELECT FROM migrator.migration m
                                 WHERE m.version = b.version AND m.scheduled_attempt = b.attempt)
            THEN 'superseded'
            WHEN s.id IS NULL AND b.event = 'scheduled'
                 AND migrator.runner_is_there()
            THEN 'scheduled'
            ELSE 'interrupted' END AS outcome,
       coalesce(s.at, b.at - CASE WHEN b.event IN ('started', 'scheduled') THEN interval '0'
                                  ELSE coalesce(b.duration, interval '0') END) AS started_at,
       f.at AS finished_at,
       f.duration,
       b.runner,
       b.session_role,
       b.role,
       b.client_addr,
       b.application_name,
       coalesce(s.backend_pid, b.backend_pid) AS backend_pid,
       coalesce(f.xid, s.xid, b.xid) AS xid,
       b.checksum,
       f.statement,
       f.line,
       f.statement_text,
       f.sqlstate,
       f.message,
       f.detail,
       f.hint,
       f.context,
       f."position",
       f.internal_query,
       f.internal_position,
       f.schema_name,
       f.table_name,
       f.column_name,
       f.datatype_name,
       f.constraint_name,
       f.reason,
       coalesce(f.hash, b.hash) AS hash
FROM (SELECT DISTINCT ON (e.attempt) e.* FROM migrator.event e ORDER BY e.attempt, e.id) b
LEFT JOIN LATERAL (SELECT e.* FROM migrator.event e
                   WHERE e.attempt = b.attempt AND e.event = 'started' ORDER BY e.id DESC LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT e.* FROM migrator.event e
                   WHERE e.attempt = b.attempt AND e.event NOT IN ('scheduled', 'started')
                   ORDER BY e.id DESC LIMIT 1) f ON true
ORDER BY b.attempt;

CREATE OR REPLACE FUNCTION migrator.verify_ledger()
RETURNS TABLE (problem text, object text, detail text, hint text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH applied AS MATERIALIZED (
        SELECT DISTINCT ON (e.version) e.* FROM migrator.event e WHERE e.event IN ('applied', 'baseline') ORDER BY e.version, e.id DESC),
    -- What was decided last: applied, resolved, and whatever else ends an attempt well.
    decided AS MATERIALIZED (
        SELECT DISTINCT ON (e.version) e.* FROM migrator.event e WHERE e.event NOT IN ('scheduled', 'started', 'failed')
        ORDER BY e.version, e.id DESC),
    found AS (
        SELECT 'script differs from its checksum' AS problem, m.version, s.which AS what,
               format('The checksum of its %s script is %s..., the script gives %s...', s.which, left(s.checksum, 12),
                      left(s.actual, 12)) AS detail
        FROM migrator.migration m
        CROSS JOIN LATERAL (VALUES ('up', m.checksum, migrator.checksum(m.up)),
                                   ('down', m.down_checksum, migrator.checksum(m.down))) s (which, checksum, actual)
        WHERE s.checksum <> s.actual
        UNION ALL
        SELECT 'edited after it was applied', m.version, 'up',
               format('It was applied with checksum %s..., and has %s... now.', left(e.checksum, 12), left(m.checksum, 12))
        FROM migrator.migration m
        -- A person may have decided that what failed is applied: then that script counts.
        JOIN (SELECT DISTINCT ON (d.version) d.version, d.checksum FROM migrator.event d
              WHERE d.event IN ('applied', 'baseline', 'resolved') ORDER BY d.version, d.id DESC) e ON e.version = m.version
        WHERE m.state = 'applied' AND e.checksum <> m.checksum
        UNION ALL
        SELECT 'applied, but the history does not know it', m.version, 'history', 'Somebody changed migrator.migration by hand.'
        FROM migrator.migration m
        WHERE m.state = 'applied' AND NOT EXISTS (SELECT FROM decided e WHERE e.version = m.version AND e.event <> 'reverted')
        UNION ALL
        SELECT 'pending, but the history knows it as applied', m.version, 'history',
               format('Applied %s by %s.', e.at, e.role)
        FROM migrator.migration m JOIN decided e ON e.version = m.version
        -- A repeatable one is pending again when its script is another.
        WHERE m.state = 'pending' AND e.event = 'applied' AND (NOT m.repeatable OR e.checksum = m.checksum)
        UNION ALL
        SELECT 'applied by somebody else', m.version, 'history',
               format('Its row says %s, the history %s.', coalesce(m.applied_by, 'nobody'), e.role)
        FROM migrator.migration m JOIN decided e ON e.version = m.version
        WHERE m.state = 'applied' AND e.event = 'applied' AND m.applied_by IS DISTINCT FROM e.role
        UNION ALL
        SELECT 'applied according to the history, but not registered', e.version, 'history',
               format('Applied %s by %s.', e.at, e.role)
        FROM applied e WHERE NOT EXISTS (SELECT FROM migrator.migration m WHERE m.version = e.version))
    SELECT f.problem, f.version, f.detail,
           CASE WHEN f.what IN ('up', 'down')
                THEN format(E'Compare with a backup:\nSELECT %s FROM migrator.migration WHERE version = %L;', f.what, f.version)
                ELSE format(E'Compare with a backup:\nSELECT * FROM migrator.history WHERE version = %L;', f.version) END
    FROM found f
    UNION ALL
    SELECT 'failed or interrupted', s.version, s.error,
           format(CASE WHEN m.reverting THEN 'CALL migrator.revert_to(%L, including => true);' ELSE 'CALL migrator.deploy(%L);' END,
                  s.version)
    FROM migrator.status s JOIN migrator.migration m ON m.version = s.version WHERE s.state = 'failed';
END;
