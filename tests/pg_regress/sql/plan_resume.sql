SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Of a migration that is done in part, the statements still to do.
CREATE SCHEMA pr;
CREATE TABLE pr.t (a int);
INSERT INTO pr.t VALUES (1), (1);
SELECT migrator.register('1', $$
    SET search_path = pr;
    CREATE TABLE made (a int);
    VACUUM t;
    CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a);
    ALTER TABLE made ADD b int
$$, irreversible => 'test', mixed => true);
CALL migrator.deploy();
SELECT version, state, progress FROM migrator.status;
SELECT statement, kind, lock, objects, transactional, verdict, message FROM migrator.plan();
-- One that was begun by a run that did not end.
CREATE PROCEDURE pr.fails() LANGUAGE plpgsql AS $$ BEGIN COMMIT; RAISE 'failed'; END $$;
SELECT migrator.register('0', 'CALL pr.fails(); SELECT 1', irreversible => 'test', mixed => true);
CALL migrator.deploy('0');
SELECT version, state, progress FROM migrator.status;
\x on
SELECT version, statement, kind, lock, verdict, message, hint FROM migrator.plan('0');
\x off
SELECT migrator.resolve('0', 'applied', 'test');
SELECT version, count(*) FROM migrator.plan() GROUP BY version;
SET client_min_messages = warning;
DROP SCHEMA pr CASCADE;
