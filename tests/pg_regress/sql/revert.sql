SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Down scripts, the last applied first, each with the guarantees of the up scripts.
SET client_min_messages = warning;
CREATE TABLE went (step text);
SELECT migrator.register('1', 'INSERT INTO went VALUES (''up 1'')', down => 'INSERT INTO went VALUES (''down 1'')');
SELECT migrator.register('2', 'INSERT INTO went VALUES (''up 2'')', down => 'INSERT INTO went VALUES (''down 2'')');
SELECT migrator.register('3', 'INSERT INTO went VALUES (''up 3'')', down => 'INSERT INTO went VALUES (''down 3''); VACUUM went; INSERT INTO went VALUES (''down 3b'')');
SELECT migrator.register('view', 'CREATE OR REPLACE VIEW went_v AS SELECT * FROM went', repeatable => true);
CALL migrator.deploy();
SELECT migrator.revert('3');
SET migrator.allow_revert = on;
SELECT migrator.revert('nope');
SELECT migrator.revert(NULL);
BEGIN; CALL migrator.revert_to('2'); ROLLBACK;
CALL migrator.revert_to('2');
SELECT version, state, progress, applied_by FROM migrator.status;
CALL migrator.revert_to('1', including => true);
SELECT version, state, progress FROM migrator.status;
TABLE went;
SELECT version, outcome, runner FROM migrator.history ORDER BY attempt;
SELECT * FROM migrator.verify();
CALL migrator.revert_to('1');
SELECT migrator.revert('1');
-- What was reverted may be corrected, and is pending for the next run.
SELECT migrator.register('2', 'INSERT INTO went VALUES (''up 2 anew'')', down => 'SELECT 1/0');
SELECT regexp_replace(migrator.apply(), '\(.*\)', '(time)');
SELECT version, state FROM migrator.status;
-- What cannot run in a transaction is handed over.
RESET client_min_messages;
BEGIN; SELECT migrator.revert('2'); ROLLBACK;
SET client_min_messages = warning;
-- A down script that fails changes nothing.
CALL migrator.revert_to('2');
CALL migrator.revert_to('2', including => true);
SELECT version, state, error FROM migrator.status WHERE version IN ('2', '3');
SELECT version, outcome, runner, statement, line, message FROM migrator.history WHERE outcome = 'failed' ORDER BY attempt;
-- The same in one transaction with something else.
SELECT migrator.register('2', 'INSERT INTO went VALUES (''up 2 anew'')', down => 'INSERT INTO went VALUES (''down 2 anew'')');
BEGIN;
SELECT regexp_replace(migrator.revert('2'), '\(.*\)', '(time)');
ROLLBACK;
SELECT version, state FROM migrator.status WHERE version = '2';
SELECT regexp_replace(migrator.revert('2'), '\(.*\)', '(time)');
SELECT version, state FROM migrator.status;
