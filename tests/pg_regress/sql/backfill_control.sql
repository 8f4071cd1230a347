SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
\set VERBOSITY default
\set SHOW_CONTEXT never
-- Starting and steering, as far as one session can see it.
SET client_min_messages = warning;
SET migrator.guard = 'off';
CREATE TABLE bfc (id int PRIMARY KEY, src text, n int NOT NULL DEFAULT 0); INSERT INTO bfc SELECT g, g::text FROM generate_series(1, 300) g;
-- Rolled back, nothing has been started.
BEGIN;
SELECT migrator.start_backfill('bfc', 'n = n + 1') > 0 AS started;
SELECT target, state, waiting_for FROM migrator.backfills WHERE waiting_for IS NULL OR waiting_for ~ '^its worker; if none comes: SELECT migrator.resume_backfill\(\d+\)$' IS NOT TRUE;
ROLLBACK;
SELECT count(*) FROM migrator.backfills;
BEGIN;
SAVEPOINT s;
SELECT migrator.start_backfill('bfc', 'n = n + 1') > 0 AS started;
ROLLBACK TO s;
COMMIT;
SELECT count(*) FROM migrator.backfills;
SELECT sum(n) FROM bfc;
-- What cannot be called there.
SELECT migrator.start_backfill(NULL, 'n = 1');
SELECT migrator.start_backfill('bfc', 'nope = 1');
SELECT migrator.start_backfill('bfc', 'n = n + 1', workers => 0);
SELECT migrator.start_backfill('bfc', 'n = n + 1', workers => 65);
SELECT migrator.start_backfill('bfc', 'n = n + 1', target_ms => 0);
SELECT migrator.start_backfill('bfc', 'n = n + 1', target_ms => 60001);
SELECT migrator.start_backfill('bfc', 'n = n + 1', batch_rows => -1);
SELECT migrator.start_backfill('bfc', 'n = n + 1', walk => 'sideways');
SELECT migrator.start_backfill('bfc', 'n = n + 1', stripes => 65);
SELECT migrator.start_backfill('bfc', 'n = n + 1', error_ratio => 2);
BEGIN;
CALL migrator.backfill('bfc', 'n = n + 1');
ROLLBACK;
DO $$ BEGIN CALL migrator.backfill('bfc', 'n = n + 1'); END $$;
SELECT count(*) FROM migrator.backfills;
-- A role that the session is only inside a function cannot be handed over.
CREATE ROLE regress_owner; CREATE ROLE regress_caller; CREATE ROLE regress_other;
GRANT CREATE, USAGE ON SCHEMA public TO regress_owner;
GRANT USAGE ON SCHEMA migrator TO regress_owner, regress_caller, regress_other;
GRANT SELECT ON ALL TABLES IN SCHEMA migrator TO regress_owner, regress_caller, regress_other;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA migrator TO regress_owner, regress_caller, regress_other;
ALTER TABLE bfc OWNER TO regress_owner;
CREATE FUNCTION bfc_start() RETURNS int SECURITY DEFINER LANGUAGE sql AS $$ SELECT migrator.start_backfill('bfc', 'n = n + 1') $$;
ALTER FUNCTION bfc_start OWNER TO regress_owner;
SET SESSION AUTHORIZATION regress_caller;
SELECT bfc_start();
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM migrator.backfills;
-- Ids that mean nothing.
SELECT migrator.pause_backfill(NULL);
SELECT migrator.resume_backfill(NULL);
SELECT migrator.cancel_backfill(NULL);
SELECT migrator.alter_backfill(NULL, workers => 2);
SELECT migrator.pause_backfill(4711);
SELECT migrator.resume_backfill(4711);
SELECT migrator.cancel_backfill(-1);
SELECT migrator.alter_backfill(0, workers => 2);
-- A run that is done.
CALL migrator.backfill('bfc', 'n = n + 1');
SELECT regexp_replace(state, '^', 'the run is ') FROM migrator.backfills;
ALTER SEQUENCE migrator.backfill_run_id_seq RESTART 100;
DO $$ BEGIN
    FOR i IN 1..4 LOOP
        BEGIN
            EXECUTE format('SELECT migrator.%s_backfill(%s)', (ARRAY['pause', 'resume', 'cancel', 'alter'])[i], (SELECT max(id) FROM migrator.backfills));
        EXCEPTION WHEN OTHERS THEN RAISE WARNING '% %', SQLSTATE, regexp_replace(SQLERRM, '\d+', 'N');
        END;
    END LOOP;
END $$;
-- A run that has failed and is idle: 100.
UPDATE bfc SET src = 'x' WHERE id = 150;
CALL migrator.backfill('bfc', 'n = n + src::int / src::int', batch_rows => 10, error_ratio => 0);
SELECT id, state, rows_done, waiting_for, workers FROM migrator.backfills WHERE id = 100;
SELECT migrator.alter_backfill(100, target_ms => 0);
SELECT migrator.alter_backfill(100, workers => 65);
SELECT migrator.alter_backfill(100, batch_rows => 0);
SELECT migrator.alter_backfill(100, error_ratio => 1.5);
SELECT migrator.alter_backfill(100, error_ratio => 'NaN');
SELECT migrator.alter_backfill(100, limits => '{"lag": "soon"}');
SELECT migrator.alter_backfill(100, limits => '[]');
SELECT migrator.alter_backfill(100, limits => '{"lag_stop": "1s"}');
SELECT migrator.alter_backfill(100);
SELECT migrator.alter_backfill(100, 50, 2, 20, 0.5, '{"lag": "5s", "waiters": false}');
SELECT migrator.alter_backfill(100, workers => 1, limits => '{"lag": null, "stop_if": "SELECT false"}');
SELECT settings FROM migrator.backfills WHERE id = 100;
SELECT migrator.pause_backfill(100);
SELECT id, state, waiting_for FROM migrator.backfills WHERE id = 100;
-- Other roles: they may hold it, but not have it run with their rights, nor give it conditions of theirs.
SET SESSION AUTHORIZATION regress_other;
SELECT migrator.resume_backfill(100);
SELECT migrator.alter_backfill(100, limits => '{"pause_if": "SELECT true"}');
SELECT migrator.alter_backfill(100, limits => '{"stop_if": "SELECT true"}');
SELECT migrator.alter_backfill(100, limits => '{"lag": "4s"}');
SELECT migrator.pause_backfill(100);
CALL migrator.backfill('bfc', 'n = n + src::int / src::int', batch_rows => 10, error_ratio => 0);
RESET SESSION AUTHORIZATION;
SELECT state, settings -> 'limits' AS limits FROM migrator.backfills WHERE id = 100;
-- Cancelled while it is idle; the same call goes on where it was.
SELECT migrator.cancel_backfill(100);
SELECT migrator.cancel_backfill(100);
SELECT id, state, rows_done, waiting_for, error, finished_at IS NOT NULL AS finished FROM migrator.backfills WHERE id = 100;
SELECT n, count(*) FROM bfc GROUP BY n ORDER BY n;
UPDATE bfc SET src = '150' WHERE id = 150;
CALL migrator.backfill('bfc', 'n = n + src::int / src::int', batch_rows => 10, error_ratio => 0);
SELECT id, state, rows_done, error, finished_at IS NOT NULL AS finished, settings FROM migrator.backfills WHERE id = 100;
SELECT n, count(*) FROM bfc GROUP BY n ORDER BY n;
SELECT migrator.resume_backfill(100);
SELECT migrator.cancel_backfill(100);
-- The same call again is a new run, and another call another.
CALL migrator.backfill('bfc', 'n = n + src::int / src::int');
SELECT id, state, rows_done FROM migrator.backfills WHERE id > 100;
-- Runs of two roles: the clauses are the same, so is the run; who calls it runs it with his own rights.
GRANT SELECT, UPDATE ON bfc TO regress_other;
UPDATE bfc SET src = 'x' WHERE id = 150;
SET SESSION AUTHORIZATION regress_owner;
CALL migrator.backfill('bfc', 'n = n + 1 * src::int / src::int', limits => '{"pause_if": "false"}');
RESET SESSION AUTHORIZATION;
UPDATE bfc SET src = '150' WHERE id = 150;
SET SESSION AUTHORIZATION regress_other;
CALL migrator.backfill('bfc', 'n = n + 1 * src::int / src::int');
RESET SESSION AUTHORIZATION;
SELECT id, state, rows_done, started_by, settings -> 'limits' AS limits FROM migrator.backfills ORDER BY id DESC LIMIT 1;
SELECT n, count(*) FROM bfc GROUP BY n ORDER BY n;
-- A role that may not execute them.
CREATE ROLE regress_none;
SET SESSION AUTHORIZATION regress_none;
SELECT migrator.pause_backfill(100);
TABLE migrator.backfills;
RESET SESSION AUTHORIZATION;
DROP TABLE bfc; DROP FUNCTION bfc_start; DROP EXTENSION migrator CASCADE;
DROP OWNED BY regress_owner, regress_caller, regress_other; DROP ROLE regress_owner, regress_caller, regress_other, regress_none;
