SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- What a migration requires is applied before it.
SELECT migrator.register('2', 'SELECT 2', irreversible => 'x', requires => '{1}');
CALL migrator.deploy();
SELECT migrator.apply();
SELECT migrator.register('1', 'SELECT 1', irreversible => 'x', requires => '{1}');
SELECT migrator.register('1', 'SELECT 1', irreversible => 'x', requires => '{2}');
SELECT migrator.register('1', 'SELECT 1', irreversible => 'x');
SELECT migrator.register('2', 'SELECT 2', irreversible => 'x');
SELECT version, state, requires FROM migrator.status;
SET client_min_messages = warning;
CALL migrator.deploy();
SELECT version, state FROM migrator.status;
