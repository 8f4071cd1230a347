SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
\set VERBOSITY default
\set SHOW_CONTEXT never
-- Limits that make no sense are refused before a row is touched, and each HINT shows one that works.
SET client_min_messages = warning;
CREATE TABLE bfl (id int PRIMARY KEY, n int NOT NULL DEFAULT 0); INSERT INTO bfl SELECT generate_series(1, 50);
CREATE TABLE jobs (id int);
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '[]');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => 'null');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '"lag"');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"lagg": "10s"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"waiters_stop": true}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"Lag": 1}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"lag": "soon"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"lag": 0}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"lag": "-1s"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"lag": true}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"lag_stop": "5s"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"lag_bytes": "10 apples"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"lag_bytes": 1.5}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"lag_bytes_stop": "1MB"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"slot_bytes": {}}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"slot_bytes": "20GB", "slot_bytes_stop": "10GB"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"archive_segments": "100"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"archive_segments": 0.5}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"archive_segments_stop": 41}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"wal_rate": "fast"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"wal_rate_stop": -1}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"autovacuum": "yes"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"waiters": 0}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"window": "22:00"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"window": "22:00-25:00"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"window": "22:00-22:00"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"window": 22}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"pause_if": true}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"pause_if": ""}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"pause_if": "true; DROP TABLE bfl"}');
CALL migrator.backfill('bfl', 'n = 1', 'n = 0', limits => '{"stop_if": "nonsense nonsense"}');
SELECT migrator.start_backfill('bfl', 'n = 1', 'n = 0', limits => '{"lag": "soon"}');
SELECT count(*) FROM migrator.backfills;
SELECT count(*) FROM bfl WHERE n > 0;
-- What the hints show, typed.
CALL migrator.backfill('bfl', 'n = n + 1', limits => '{"lag": "30s", "waiters": false}');
CALL migrator.backfill('bfl', 'n = n + 1', limits => '{"lag": "30s"}');
CALL migrator.backfill('bfl', 'n = n + 1', limits => '{"lag": null, "lag_stop": "5s"}');
CALL migrator.backfill('bfl', 'n = n + 1', limits => '{"lag_bytes": null, "lag_bytes_stop": "1MB"}');
CALL migrator.backfill('bfl', 'n = n + 1', limits => '{"lag_bytes": "512MB", "slot_bytes": null, "slot_bytes_stop": "10GB"}');
CALL migrator.backfill('bfl', 'n = n + 1', limits => '{"archive_segments": 100, "wal_rate": "20MB", "autovacuum": true, "waiters": true}');
CALL migrator.backfill('bfl', 'n = n + 1', limits => '{"pause_if": "(SELECT count(*) > 1000 FROM jobs)", "stop_if": "(SELECT count(*) > 1000 FROM jobs)"}');
CALL migrator.backfill('bfl', 'n = n + 1', limits => '{"pause_if": "SELECT count(*) > 1000 FROM jobs", "stop_if": "EXISTS (SELECT FROM jobs) -- never"}');
-- Everything off; numbers; a window that is always open but for an instant.
CALL migrator.backfill('bfl', 'n = n + 1', limits => '{"lag": null, "lag_bytes": null, "slot_bytes": null, "archive_segments": null, "wal_rate": null, "autovacuum": null, "waiters": null, "window": null, "pause_if": null, "stop_if": null}');
CALL migrator.backfill('bfl', 'n = n + 1', limits => '{}');
CALL migrator.backfill('bfl', 'n = n + 1', limits => '{"lag": 2.5, "lag_bytes": 1048576, "lag_stop": "00:01:00"}');
CALL migrator.backfill('bfl', 'n = n + 1', limits => '{"window": "00:00-24:00"}');
SELECT min(n), max(n) FROM bfl;
-- A stop ends the call before its first batch; without it the same call goes on. Who cannot say whether to stop says stop.
CALL migrator.backfill('bfl', 'n = 0', 'n > 0', limits => '{"stop_if": "true"}');
\echo :LAST_ERROR_SQLSTATE
CALL migrator.backfill('bfl', 'n = 0', 'n > 0', limits => '{"stop_if": "SELECT NULL::boolean"}');
\echo :LAST_ERROR_SQLSTATE
CALL migrator.backfill('bfl', 'n = 0', 'n > 0', limits => '{"stop_if": "1 / 0 > 1"}');
\echo :LAST_ERROR_SQLSTATE
CALL migrator.backfill('bfl', 'n = 0', 'n > 0', limits => '{"stop_if": "SELECT true FROM nowhere"}');
\echo :LAST_ERROR_SQLSTATE
CALL migrator.backfill('bfl', 'n = 0', 'n > 0', limits => '{"stop_if": "nextval(''pg_catalog.nowhere'') > 0"}');
CREATE FUNCTION write() RETURNS boolean LANGUAGE sql AS 'INSERT INTO jobs VALUES (1); SELECT false';
CALL migrator.backfill('bfl', 'n = 0', 'n > 0', limits => '{"stop_if": "write()"}');
CALL migrator.backfill('bfl', 'n = 0', 'n > 0', limits => '{"stop_if": "SELECT id > 1 FROM (VALUES (1), (2)) v (id)"}');
CALL migrator.backfill('bfl', 'n = 0', 'n > 0', limits => '{"stop_if": "17"}');
CALL migrator.backfill('bfl', 'n = 0', 'n > 0', limits => '{"stop_if": "SELECT"}');
CALL migrator.backfill('bfl', 'n = 0', 'n > 0', limits => '{"stop_if": "false) OR (true"}');
CALL migrator.backfill('bfl', 'n = 0', 'n > 0', limits => '{"stop_if": "true, false"}');
SELECT count(*) FROM jobs;
SELECT state, rows_done, error, settings -> 'limits' AS limits FROM migrator.backfills WHERE state <> 'done';
SELECT count(*) FROM bfl WHERE n > 0;
CALL migrator.backfill('bfl', 'n = 0', 'n > 0', limits => '{"stop_if": "false"}');
SELECT state, rows_done, error, settings -> 'limits' AS limits FROM migrator.backfills ORDER BY id DESC LIMIT 1;
SELECT min(n), max(n) FROM bfl;
-- JSON that only Postgres can read.
SELECT migrator.plan_backfill('bfl', 'n = 0', 'n > 0', limits => '{"lag": 1e999}');
SELECT migrator.start_backfill('bfl', 'n = 0', 'n > 0', limits => (repeat('[', 200) || repeat(']', 200))::jsonb);
DROP FUNCTION write; SET migrator.guard = 'off'; DROP TABLE bfl, jobs;
