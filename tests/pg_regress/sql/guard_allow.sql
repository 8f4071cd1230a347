SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- Only the blocking rules have a say here.
DO $$ BEGIN PERFORM migrator.set_rule(rule, 'off') FROM migrator.rules WHERE class <> 'blocking'; END $$;
-- Overrides for one statement, one transaction, or one migration.
SET migrator.large_table_rows = 1000;
CREATE TABLE al (a int); INSERT INTO al SELECT generate_series(1, 5000); ANALYZE al;
\set VERBOSITY terse
BEGIN;
SET LOCAL migrator.allow = 'create-index-blocking, add-column-not-null';
CREATE INDEX al1 ON al (a) WHERE a > 1;
SET LOCAL migrator.allow = 'add-column-not-null';
CREATE INDEX al2 ON al (a) WHERE a > 2;
ROLLBACK;
BEGIN;
SET LOCAL migrator.allow = 'create-index-blocking';
CREATE INDEX al1 ON al (a) WHERE a > 3;
COMMIT;
CREATE INDEX al2 ON al (a) WHERE a > 4;
-- It is no more than an override of that rule.
SELECT migrator.set_rule('create-index-blocking', 'warning');
SET migrator.allow = 'create-index-blocking';
CREATE INDEX al2 ON al (a) WHERE a > 5;
RESET migrator.allow;
SELECT migrator.set_rule('create-index-blocking', NULL);
-- Names are checked, wherever they are set.
DO $$ BEGIN SET migrator.allow = 'create-index-blocking, drop-everything';
EXCEPTION WHEN OTHERS THEN RAISE WARNING '% %', SQLSTATE, SQLERRM; END $$;
\set VERBOSITY default
SET migrator.allow = 'create_index_blocking';
CREATE ROLE regress_allow;
ALTER ROLE regress_allow SET migrator.allow = 'x';
-- Not for everybody, but it can be granted.
ALTER TABLE al OWNER TO regress_allow;
GRANT CREATE ON SCHEMA public TO regress_allow;
SET ROLE regress_allow;
SET migrator.allow = 'create-index-blocking';
RESET ROLE;
GRANT SET ON PARAMETER migrator.allow TO regress_allow;
SET ROLE regress_allow;
BEGIN; SET LOCAL migrator.allow = 'create-index-blocking'; CREATE INDEX al3 ON al (a) WHERE a > 6; COMMIT;
RESET ROLE;
-- A migration brings its own, with a reason.
SELECT migrator.register('1', 'CREATE INDEX al4 ON al (a) WHERE a > 40', irreversible => 'x', allow => '{create-index-blocking}');
SELECT migrator.register('1', 'CREATE INDEX al4 ON al (a) WHERE a > 40', irreversible => 'x', allow => '{create-index-bloking}', reason => 'y');
SELECT migrator.register('1', 'CREATE INDEX al4 ON al (a) WHERE a > 40', irreversible => 'x', allow => '{create-index-blocking}', reason => 'at night');
-- Not said again: as it was. Another script: said anew.
SELECT migrator.register('1', 'CREATE INDEX al4 ON al (a) WHERE a > 40', irreversible => 'x');
SELECT allow, allow_reason FROM migrator.migration;
SELECT migrator.register('1', 'CREATE INDEX al5 ON al (a) WHERE a > 50', irreversible => 'x');
SELECT allow, allow_reason FROM migrator.migration;
SELECT migrator.register('1', 'CREATE INDEX al5 ON al (a) WHERE a > 50', irreversible => 'x', allow => '{create-index-blocking,add-column-not-null}', reason => 'at night');
SET client_min_messages = notice;
SELECT split_part(migrator.apply(), ' (', 1);
SELECT migrator.register('1', 'CREATE INDEX al5 ON al (a) WHERE a > 50', irreversible => 'x', allow => '{}');
SELECT allow, allow_reason FROM migrator.migration;
-- Outside of it nothing is allowed.
\set VERBOSITY terse
CREATE INDEX al6 ON al (a) WHERE a > 14;
-- At top level as well; a statement that is repeated after an interruption counts.
SELECT migrator.register('2', 'CREATE INDEX al7 ON al (a) WHERE a > 15; CREATE INDEX CONCURRENTLY al8 ON al (a) WHERE a > 16; VACUUM al', irreversible => 'x', allow => '{create-index-blocking}', reason => 'at night');
\set VERBOSITY default
SET client_min_messages = warning;
CALL migrator.deploy();
SELECT statement, outcome, rules, allowed_by, migration, migration_statement FROM migrator.ddl_log WHERE statement LIKE 'CREATE INDEX%' AND outcome <> 'refused';
DROP TABLE al; DROP OWNED BY regress_allow; DROP ROLE regress_allow;
