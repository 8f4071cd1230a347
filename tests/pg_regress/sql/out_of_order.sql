SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- Behind what is applied nothing is registered, unless it is said that the order does not matter.
SELECT migrator.register('10', 'SELECT 10', irreversible => 'x');
CALL migrator.deploy();
SELECT migrator.register('9', 'SELECT 9', irreversible => 'x');
SELECT migrator.register('9', 'SELECT 9', irreversible => 'x', out_of_order => true);
SELECT migrator.register('9', 'SELECT 9', irreversible => 'x');
SELECT migrator.register('9', 'SELECT 99', irreversible => 'x');
SELECT version, state, overrides FROM migrator.status;
CALL migrator.deploy();
SELECT version, state, overrides FROM migrator.status;
-- Registered in time, and overtaken.
SELECT migrator.register('11', 'SELECT 11', irreversible => 'x');
SELECT migrator.register('12', 'SELECT 12', irreversible => 'x');
UPDATE migrator.migration SET state = 'applied' WHERE version = '12';
SELECT migrator.apply();
CALL migrator.deploy();
