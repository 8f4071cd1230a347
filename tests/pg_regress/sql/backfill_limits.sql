SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Limits that make no sense are refused by name, with an example that works when it is typed.
SET client_min_messages = warning; SET migrator.guard = 'off';
CREATE TABLE bl (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO bl SELECT generate_series(1, 300);
\set try 'CALL migrator.backfill(''bl'', ''n = n + 1'', ''n = 0'', limits =>'
:try '{"lagg": "5s"}');
:try '{"lag": "soon"}');
:try '{"lag": true}');
:try '{"lag": -1}');
:try '{"lag_bytes": "1 furlong"}');
:try '{"slot_bytes": []}');
:try '{"archive_segments": "many"}');
:try '{"wal_rate": {"MB": 5}}');
:try '{"wal_rate_stop": -5}');
:try '{"lag": "10s", "lag_stop": "5s"}');
:try '{"archive_segments_stop": 1}');
:try '{"waiters": "yes"}');
:try '{"autovacuum": 1}');
:try '{"waiters_stop": true}');
:try '{"window": "22:00"}');
:try '{"window": "25:00-26:00"}');
:try '{"window": "10:00-10:00"}');
:try '{"window": 5}');
:try '{"pause_if": true}');
:try '{"pause_if": "nonsense here"}');
:try '{"pause_if": ""}');
:try '{"stop_if": "true; DROP TABLE bl"}');
:try '[]');
:try '"lag"');
:try 'null');
:try '{"lag": "5s", "LAG": "5s"}');
-- Every example of those hints is accepted; start_backfill checks the same, and is rolled back.
CREATE FUNCTION pg_temp.example(limits jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text; typed text;
BEGIN
    BEGIN
        PERFORM migrator.start_backfill('bl', 'n = n + 1', 'n = 0', limits => example.limits);
        RAISE 'rolled back' USING ERRCODE = 'MY002';
    EXCEPTION WHEN SQLSTATE 'MY002' THEN
        RETURN 'accepted without a hint';
    WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    END;
    typed := substring(hint FROM 'limits => ''([^'']*)''');
    BEGIN
        PERFORM migrator.start_backfill('bl', 'n = n + 1', 'n = 0', limits => typed::jsonb);
        RAISE 'rolled back' USING ERRCODE = 'MY002';
    EXCEPTION WHEN SQLSTATE 'MY002' THEN
        RETURN typed || ' is accepted';
    END;
END $$;
SELECT DISTINCT pg_temp.example(l) COLLATE "C" AS example FROM unnest(ARRAY['{"lagg": 1}', '{"lag": "soon"}', '{"lag_bytes": "x"}', '{"slot_bytes": []}', '{"archive_segments": "x"}', '{"wal_rate": {}}', '{"lag_stop": "5s"}',
    '{"lag_bytes_stop": 1}', '{"waiters": 1}', '{"autovacuum": 1}', '{"window": 1}', '{"pause_if": 1}', '{"stop_if": 1}', '[]']::jsonb[]) l ORDER BY 1;
-- Every name that the hint lists is one.
SELECT count(*) FILTER (WHERE pg_temp.example(jsonb_build_object(name, NULL)) = 'accepted without a hint') AS known, count(*) FROM unnest(ARRAY['lag', 'lag_stop', 'lag_bytes', 'lag_bytes_stop', 'slot_bytes', 'slot_bytes_stop',
    'archive_segments', 'archive_segments_stop', 'wal_rate', 'wal_rate_stop', 'autovacuum', 'waiters', 'window', 'pause_if', 'stop_if']) name;
SELECT count(*) FROM migrator.backfills; SELECT max(n) FROM bl;
-- stop_if: true, NULL and an error stop; a query is a condition too. It reads only, and with the rights of the caller.
:try '{"stop_if": "true"}');
\echo :LAST_ERROR_SQLSTATE
SELECT state, rows_done, error, waiting_for FROM migrator.backfills;
:try '{"stop_if": "NULL"}');
:try '{"stop_if": "(SELECT count(*) > 299 FROM bl)"}');
:try '{"stop_if": "SELECT count(*) > 299 FROM bl"}');
:try '{"stop_if": "1 / (SELECT 0) > 1"}');
:try '{"stop_if": "nowhere.nothing()"}');
:try '{"stop_if": "setval(pg_get_serial_sequence(''migrator.backfill_run'', ''id''), 99) > 0"}');
:try '{"stop_if": "5"}');
-- Limits that are kept: the same call goes on and is done.
:try '{"stop_if": "(SELECT count(*) > 300 FROM bl)", "pause_if": "SELECT false", "window": "00:00-24:00", "lag": 2.5, "lag_stop": "1min", "lag_bytes": "1GB", "slot_bytes": null, "archive_segments": 100, "archive_segments_stop": 200, "wal_rate": "100GB", "waiters": true, "autovacuum": true}');
SELECT id, state, rows_done, error FROM migrator.backfills;
SELECT min(n), max(n) FROM bl;
-- A slot that holds WAL back.
SELECT slot_name FROM pg_create_physical_replication_slot('regress_bl', true);
UPDATE bl SET n = 0;
\set VERBOSITY terse
:try '{"slot_bytes": null, "slot_bytes_stop": 1}');
\set VERBOSITY default
\echo :LAST_ERROR_SQLSTATE
:try '{"slot_bytes": null, "slot_bytes_stop": null}');
SELECT pg_drop_replication_slot('regress_bl');
SELECT id, state, rows_done FROM migrator.backfills;
DROP TABLE bl;
