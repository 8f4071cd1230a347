SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- What cannot be reverted is known before anything is.
SET client_min_messages = warning;
CREATE TABLE kept (a int);
SELECT migrator.register('1', 'ALTER TABLE kept ADD b int', irreversible => 'b may hold data by then');
SELECT migrator.register('2', 'ALTER TABLE kept ADD c int', down => 'ALTER TABLE kept DROP c');
SELECT migrator.register('2a', 'ALTER TABLE kept ADD d int', down => 'ALTER TABLE kept DROP d');
CALL migrator.deploy();
SELECT migrator.register('0', 'SELECT 0', down => 'SELECT 0', out_of_order => true, requires => '{}');
CALL migrator.deploy();
SET migrator.allow_revert = on;
SELECT migrator.revert('1');
CALL migrator.revert_to('0');
\d kept
SELECT migrator.register('9', 'SELECT 9', down => 'SELECT -9');
-- A down script that stopped half-way is finished first, by running it again.
SELECT migrator.register('10', 'SELECT 10', down => 'ALTER TABLE kept ADD half int; VACUUM not_there; ALTER TABLE kept DROP half');
CALL migrator.deploy();
CALL migrator.revert_to('9');
SELECT version, state, progress, error FROM migrator.status WHERE version = '10';
SELECT problem, object, hint FROM migrator.verify() WHERE problem NOT LIKE 'ad-hoc%';
CALL migrator.deploy();
SELECT migrator.register('10', 'SELECT 10', down => 'SELECT 1');
\set VERBOSITY terse
SELECT migrator.register('10', 'SELECT 11', down => 'SELECT 1');
\set VERBOSITY default
SELECT migrator.register('10', 'SELECT 10', down => 'ALTER TABLE kept ADD half int; VACUUM kept; ALTER TABLE kept DROP half');
CALL migrator.revert_to('9');
SELECT version, state, progress, error FROM migrator.status WHERE version = '10';
\d kept
-- In doubt: a person decides.
CREATE PROCEDURE half_way() LANGUAGE plpgsql AS 'BEGIN COMMIT; RAISE ''half way''; END';
SELECT migrator.register('10', 'SELECT 10', down => 'CALL half_way(); SELECT 1');
CALL migrator.deploy();
CALL migrator.revert_to('9');
CALL migrator.revert_to('9');
SELECT migrator.resolve('10', 'applied', 'it did its work');
SELECT version, state, progress FROM migrator.status WHERE version = '10';
CALL migrator.revert_to('9');
SELECT version, state, progress FROM migrator.status WHERE version = '10';
CALL migrator.deploy();
CALL migrator.revert_to('9');
SELECT migrator.resolve('10', 'pending', 'it did not');
CALL migrator.revert_to('9');
