SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Steering, as far as one session can tell.
SET client_min_messages = warning; SET migrator.guard = 'off';
CREATE ROLE regress_leader; CREATE ROLE regress_other; CREATE ROLE regress_reader; GRANT CREATE ON SCHEMA public TO regress_leader;
SELECT migrator.grant_deploy('regress_leader'), migrator.grant_deploy('regress_other'), migrator.grant_read('regress_reader');
SET ROLE regress_leader;
CREATE TABLE ct (id int PRIMARY KEY, a int, n int DEFAULT 0); INSERT INTO ct SELECT g, g % 300 FROM generate_series(1, 300) g;
-- Of a transaction that is rolled back nothing is started; nor of a savepoint.
BEGIN; SELECT migrator.start_backfill('ct', 'n = n + 1', 'n = 0') > 0 AS started; ROLLBACK;
BEGIN; SAVEPOINT s; SELECT migrator.start_backfill('ct', 'n = n + 1', 'n = 0') > 0 AS started; ROLLBACK TO s; COMMIT;
SELECT pg_sleep(0.5);
SELECT count(*) FROM migrator.backfills; SELECT max(n) FROM ct;
-- What cannot be run is not stored either.
SELECT migrator.start_backfill('ct', 'id = id + 1');
SELECT migrator.start_backfill('ct', 'n = nope');
SELECT migrator.start_backfill('ct', 'n = 1', workers => 0);
BEGIN READ ONLY; SELECT migrator.start_backfill('ct', 'n = 1'); ROLLBACK;
-- A function that lends its rights would lend them for good.
CREATE FUNCTION ct_definer() RETURNS int SECURITY DEFINER LANGUAGE sql AS $$SELECT migrator.start_backfill('ct', 'n = n + 1', 'n = 0')$$;
RESET ROLE;
SET SESSION AUTHORIZATION regress_other;
SELECT ct_definer();
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM migrator.backfills;
-- Nobody, nothing, and one that is done.
SET ROLE regress_leader;
CALL migrator.backfill('ct', 'n = n + 1', 'n = 0');
SELECT id AS done FROM migrator.backfills \gset
SELECT migrator.pause_backfill(NULL);
SELECT migrator.resume_backfill(-1);
SELECT migrator.cancel_backfill(999);
SELECT migrator.alter_backfill(999, target_ms => 50);
SELECT migrator.pause_backfill(:done);
SELECT migrator.resume_backfill(:done);
SELECT migrator.cancel_backfill(:done);
SELECT migrator.alter_backfill(:done, workers => 2);
-- One that has failed.
CALL migrator.backfill('ct', 'n = n + 1 / a', NULL, 50);
SELECT max(id) AS failed FROM migrator.backfills \gset
-- Its settings: what is left out stays, limits are merged by key, and each is checked.
SELECT migrator.alter_backfill(:failed);
SELECT migrator.alter_backfill(:failed, target_ms => 250, limits => '{"lag": "5s", "window": "00:00-24:00"}');
SELECT migrator.alter_backfill(:failed, batch_rows => 10, error_ratio => 0.5, limits => '{"lag": null, "waiters": false}');
SELECT migrator.alter_backfill(:failed, target_ms => 0);
SELECT migrator.alter_backfill(:failed, target_ms => 60001);
SELECT migrator.alter_backfill(:failed, workers => 65);
SELECT migrator.alter_backfill(:failed, batch_rows => 0);
SELECT migrator.alter_backfill(:failed, error_ratio => 1.01);
SELECT migrator.alter_backfill(:failed, limits => '{"lagg": "5s"}');
SELECT migrator.alter_backfill(:failed, limits => '{"lag": "5s", "lag_stop": "1s"}');
SELECT settings FROM migrator.backfills WHERE id = :failed;
BEGIN READ ONLY; SELECT migrator.alter_backfill(:failed, target_ms => 1); ROLLBACK;
-- Another role that may deploy steers it too, but does not have it run what it likes, nor runs it with its own rights.
SET ROLE regress_other;
SELECT migrator.alter_backfill(:failed, target_ms => 99);
SELECT migrator.alter_backfill(:failed, limits => '{"pause_if": "true"}');
SELECT migrator.alter_backfill(:failed, limits => '{"stop_if": "true"}');
SELECT migrator.resume_backfill(:failed);
BEGIN; SELECT migrator.pause_backfill(:failed); ROLLBACK;
-- A reader looks on.
SET ROLE regress_reader;
SELECT id, state, errors, started_by FROM migrator.backfills; SELECT count(*) FROM migrator.backfill_errors;
\set VERBOSITY terse
SELECT migrator.start_backfill('ct', 'n = 1');
SELECT migrator.pause_backfill(:failed);
SELECT migrator.resume_backfill(:failed);
SELECT migrator.cancel_backfill(:failed);
SELECT migrator.alter_backfill(:failed, target_ms => 1);
CALL migrator.backfill('ct', 'n = 1');
\set VERBOSITY default
-- The leader's own resumption is withdrawn with its transaction.
SET ROLE regress_leader;
BEGIN; SELECT migrator.resume_backfill(:failed); ROLLBACK;
SELECT state FROM migrator.backfills WHERE id = :failed;
-- Cancelled, and called again: it goes on.
SELECT migrator.cancel_backfill(:failed);
SELECT state, error FROM migrator.backfills WHERE id = :failed;
UPDATE ct SET a = 1 WHERE a = 0;
CALL migrator.backfill('ct', 'n = n + 1 / a', NULL, 50);
SELECT id = :failed AS same, state, rows_done, errors, error FROM migrator.backfills WHERE id >= :failed;
SELECT n, count(*) FROM ct GROUP BY 1;
-- What a function may not do: commit.
DO $$ BEGIN CALL migrator.backfill('ct', 'n = 5', 'n < 5'); END $$;
BEGIN; CALL migrator.backfill('ct', 'n = 5', 'n < 5'); ROLLBACK;
RESET ROLE;
DROP FUNCTION ct_definer; DROP TABLE ct; DROP OWNED BY regress_leader, regress_other, regress_reader; DROP ROLE regress_leader, regress_other, regress_reader;
