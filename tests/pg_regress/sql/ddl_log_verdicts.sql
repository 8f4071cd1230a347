SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- What the guard had to say, and what let it through. Refusals as well, although their transactions are rolled back.
SET migrator.large_table_rows = 1000;
CREATE TABLE lv (a int); INSERT INTO lv SELECT generate_series(1, 5000); ANALYZE lv;
-- A background worker writes them a moment later.
CREATE PROCEDURE lv_wait(n int) LANGUAGE plpgsql AS $$ BEGIN
    FOR i IN 1..2000 LOOP
        COMMIT;
        EXIT WHEN (SELECT count(*) FROM migrator.ddl_log WHERE outcome = 'refused') >= n;
        PERFORM pg_sleep(0.005);
    END LOOP;
END $$;
\set VERBOSITY terse
CREATE INDEX ON lv (a) WHERE a > 1;
CALL lv_wait(1);
BEGIN;
CREATE TABLE lv_not (a int);
CREATE INDEX ON lv (a) WHERE a > 2;
ROLLBACK;
CALL lv_wait(2);
DO $$ BEGIN CREATE INDEX ON lv (a) WHERE a > 11; EXCEPTION WHEN SQLSTATE 'MG001' THEN RAISE WARNING 'caught'; END $$;
CALL lv_wait(3);
SELECT migrator.register('1', 'SELECT 1; CREATE INDEX ON lv (a) WHERE a > 4', irreversible => 'x');
SELECT migrator.apply();
CALL lv_wait(4);
BEGIN; SET LOCAL migrator.allow = 'create-index-blocking'; CREATE INDEX lv1 ON lv (a) WHERE a > 5; CREATE TABLE lv_other (a int); COMMIT;
SET migrator.guard = 'warn'; CREATE INDEX lv2 ON lv (a) WHERE a > 6;
SET migrator.guard = 'off'; CREATE INDEX lv3 ON lv (a) WHERE a > 7;
RESET migrator.guard;
SELECT migrator.set_rule('create-index-blocking', 'warning', 'lv');
CREATE INDEX lv4 ON lv (a) WHERE a > 8;
SELECT migrator.set_rule('create-index-blocking', 'off', 'lv');
CREATE INDEX lv5 ON lv (a) WHERE a > 9;
SET migrator.guard = 'off'; CREATE INDEX lv6 ON lv (a) WHERE a > 10; RESET migrator.guard;
SELECT tag, statement, objects, outcome, allowed_by, migration, migration_statement, xid IS NULL AS no_xid FROM migrator.ddl_log WHERE rules <> '{}' ORDER BY id;
SELECT DISTINCT rules, message, session_role, role, application_name, backend_pid = pg_backend_pid() AS mine FROM migrator.ddl_log WHERE rules <> '{}';
SET client_min_messages = error; SET migrator.guard = 'off';
DROP TABLE lv, lv_other; DROP PROCEDURE lv_wait;
