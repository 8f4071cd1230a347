SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- A database that has been migrated by other means: what it has already is not run.
SELECT migrator.register('1', 'CREATE TABLE there (a int)', down => 'DROP TABLE there');
SELECT migrator.register('2', 'CREATE INDEX CONCURRENTLY ON there (a)', irreversible => 'x');
SELECT migrator.register('3', 'CREATE TABLE new (a int)', down => 'DROP TABLE new');
SELECT migrator.baseline('2', 'as of the dump of May');
SELECT version, state, kind, progress, applied_by FROM migrator.status;
SELECT version, outcome, runner, reason FROM migrator.history;
SELECT migrator.baseline('2');
SET client_min_messages = warning;
CALL migrator.deploy();
RESET client_min_messages;
SELECT version, state, kind FROM migrator.status;
SELECT to_regclass('there'), to_regclass('new');
SELECT problem, object FROM migrator.verify();
-- It has no way back.
SET migrator.allow_revert = on;
SELECT regexp_replace(migrator.revert('3'), '\(.*\)', '(time)');
SELECT migrator.revert('2');
-- Without anything registered.
SELECT migrator.baseline('7', 'the schema as we found it');
SELECT version, state, kind, description FROM migrator.status;
SELECT migrator.register('6', 'SELECT 6', irreversible => 'x');
SELECT migrator.baseline(NULL);
SELECT migrator.baseline('007');
-- What is done in part is not a baseline.
SELECT migrator.register('8', 'SELECT 8; VACUUM no_such_table', irreversible => 'x');
CALL migrator.deploy();
SELECT migrator.baseline('8');
