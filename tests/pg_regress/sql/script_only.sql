SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
\set VERBOSITY default
-- Statements for which no event is fired: seen in scripts, and before the runner runs them.
SET migrator.large_table_rows = 1000;
CREATE TABLE so (id int PRIMARY KEY, a int);
INSERT INTO so SELECT g, g FROM generate_series(1, 5000) g; ANALYZE so;
CREATE TABLE so_ref (id int REFERENCES so); INSERT INTO so_ref SELECT g FROM generate_series(1, 5) g; ANALYZE so_ref;
CREATE TABLE so_small (a int); INSERT INTO so_small VALUES (1); ANALYZE so_small;
CREATE TABLE so_empty (a int);
\pset format unaligned
\pset tuples_only on
SELECT statement, rule, action, message, hint FROM migrator.lint('TRUNCATE so_small, so_empty; TRUNCATE ONLY so CASCADE; TRUNCATE so_ref RESTART IDENTITY');
SELECT statement, rule, action, message, detail, hint FROM migrator.lint('VACUUM FULL so; VACUUM (FULL false) so; VACUUM (ANALYZE, FULL) so_small');
SELECT statement, rule, action, message, detail, hint FROM migrator.lint('CLUSTER so USING so_pkey; CLUSTER so_small');
SELECT statement, rule, action, message, detail, hint FROM migrator.lint('LOCK so; LOCK TABLE so IN SHARE MODE; LOCK so IN ROW EXCLUSIVE MODE; LOCK so_small');
\pset format aligned
\pset tuples_only off
SET client_min_messages = error;
SELECT migrator.register('1', 'TRUNCATE so CASCADE', irreversible => 'x');
SELECT migrator.register('2', 'VACUUM FULL so', irreversible => 'x');
SELECT migrator.register('3', 'CREATE TABLE so_new (a int); INSERT INTO so_new VALUES (1); TRUNCATE so_new; LOCK so_new', irreversible => 'x', mixed => true);
RESET client_min_messages;
\set VERBOSITY terse
CALL migrator.deploy('1');
\set VERBOSITY default
SELECT migrator.resolve('1', 'applied', 'test');
CALL migrator.deploy('2');
SELECT migrator.resolve('2', 'applied', 'test');
SET client_min_messages = warning;
CALL migrator.deploy();
RESET client_min_messages;
-- A worker writes refusals, a moment later.
DO $$ BEGIN FOR i IN 1..100 LOOP
    EXIT WHEN (SELECT count(*) FROM migrator.ddl_log WHERE outcome = 'refused') >= 2; PERFORM pg_sleep(0.05);
END LOOP; END $$;
SELECT tag, outcome, rules, migration FROM migrator.ddl_log WHERE outcome = 'refused';
SET migrator.guard = off;
DROP TABLE so_ref, so, so_small, so_empty, so_new;
