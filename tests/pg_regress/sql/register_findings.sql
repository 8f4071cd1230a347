SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
\set VERBOSITY default
-- What the guard finds is told at registration, kept with the migration, and no reason to refuse it.
SELECT migrator.set_rule('duplicate-index', 'off', reason => 'not the point here');
SET migrator.large_table_rows = 1000;
CREATE TABLE rf (id int PRIMARY KEY, a int);
INSERT INTO rf SELECT g, g FROM generate_series(1, 5000) g; ANALYZE rf;
SELECT migrator.register('1', E'SELECT 1;\nCREATE INDEX rf_a ON rf (a);\nALTER TABLE rf ADD b int NOT NULL;', irreversible => 'x');
SELECT migrator.register('2', 'SELECT 2', irreversible => 'x');
SELECT version, state, findings FROM migrator.status;
SELECT version, statement, line, rule, class, action, object, "column", sql FROM migrator.findings;
SELECT hint FROM migrator.findings WHERE statement = 2;
-- It is judged again when it is applied.
CALL migrator.deploy('1');
-- The same text again: looked at anew, since tables grow and shrink.
SET migrator.allow = 'truncate';
TRUNCATE rf;
RESET migrator.allow;
SELECT migrator.register('1', E'SELECT 1;\nCREATE INDEX rf_a ON rf (a);\nALTER TABLE rf ADD b int NOT NULL;', irreversible => 'x');
SELECT version, findings FROM migrator.status;
SET client_min_messages = warning;
CALL migrator.deploy();
RESET client_min_messages;
-- Of an applied one the findings stay as they were.
INSERT INTO rf SELECT g, g, g FROM generate_series(1, 5000) g; ANALYZE rf;
SELECT migrator.register('1', E'SELECT 1;\nCREATE INDEX rf_a ON rf (a);\nALTER TABLE rf ADD b int NOT NULL;', irreversible => 'x');
SELECT version, findings FROM migrator.status;
-- What is done already is not judged again.
SELECT migrator.set_rule('duplicate-index', NULL);
SELECT migrator.register('2.5', E'CREATE INDEX CONCURRENTLY rf_b ON rf (b);\nCREATE INDEX CONCURRENTLY rf_c ON rf (c);', irreversible => 'x');
CALL migrator.deploy();
SELECT migrator.register('2.5', E'CREATE INDEX CONCURRENTLY rf_b ON rf (b);\nCREATE INDEX CONCURRENTLY rf_b2 ON rf (b);', irreversible => 'x');
SELECT statement, rule FROM migrator.findings WHERE version = '2.5';
SELECT migrator.set_rule('duplicate-index', 'off', reason => 'not the point here');
-- Many findings are not all told.
SELECT migrator.register('3', (SELECT string_agg(format('CREATE INDEX rf_%s ON rf (a);', g), E'\n') FROM generate_series(1, 8) g), irreversible => 'x');
SELECT version, findings FROM migrator.status WHERE version = '3';
-- What it may break is no news.
SELECT migrator.register('4', 'CREATE INDEX rf_x ON rf (a)', irreversible => 'x', allow => array['create-index-blocking'], reason => 'at night');
SELECT migrator.register('4', 'CREATE INDEX rf_x ON rf (a)', irreversible => 'x');
SELECT version, findings FROM migrator.status WHERE version = '4';
SELECT rule, action FROM migrator.findings WHERE version = '4';
SET migrator.guard = off;
DROP TABLE rf;
