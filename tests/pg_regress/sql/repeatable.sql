SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Repeatable migrations come after the versioned ones, and again whenever they change.
SET client_min_messages = warning;
SELECT migrator.register('views', 'CREATE OR REPLACE VIEW rep_v AS SELECT a FROM rep', repeatable => true);
SELECT migrator.register('functions', 'CREATE OR REPLACE FUNCTION rep_f() RETURNS int LANGUAGE sql RETURN 1', repeatable => true);
SELECT migrator.register('1', 'CREATE TABLE rep (a int)', down => 'DROP TABLE rep');
CALL migrator.deploy();
SELECT version, kind, state, irreversible FROM migrator.status;
SELECT version FROM migrator.history ORDER BY attempt;
SELECT migrator.register('views', 'CREATE OR REPLACE VIEW rep_v AS SELECT a FROM rep', repeatable => true);
CALL migrator.deploy();
SELECT migrator.register('views', 'CREATE OR REPLACE VIEW rep_v AS SELECT a, 1 AS b FROM rep', repeatable => true);
SELECT migrator.register('2', 'ALTER TABLE rep ADD c int', down => 'ALTER TABLE rep DROP c');
SELECT version, state FROM migrator.status;
SELECT problem, object FROM migrator.verify();
-- Up to a version: the repeatable ones wait for the rest.
CALL migrator.deploy('2');
SELECT version, state FROM migrator.status;
SELECT regexp_replace(migrator.apply(), '\(.*\)', '(time)');
SELECT version, outcome FROM migrator.history ORDER BY attempt;
SELECT * FROM migrator.verify();
-- An applied one does not change its kind.
SELECT migrator.register('views', 'SELECT 1', irreversible => 'x');
SELECT migrator.register('1', 'CREATE TABLE rep (a int)', down => 'DROP TABLE rep', repeatable => true);
-- A pending one may.
SELECT migrator.register('3', 'SELECT 3', irreversible => 'x');
SELECT migrator.register('3', 'SELECT 3', repeatable => true);
SELECT version, kind FROM migrator.status WHERE version = '3';
-- What failed, and is said to be applied: that script counts.
SET client_min_messages = error;
SELECT migrator.register('views', 'CREATE OR REPLACE VIEW rep_v AS SELECT nope', repeatable => true);
\set VERBOSITY terse
CALL migrator.deploy();
SELECT migrator.resolve('views', 'applied', 'done by hand');
SELECT * FROM migrator.verify();
