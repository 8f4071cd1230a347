-- What the guard sees here, and what to set where it does not.

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
