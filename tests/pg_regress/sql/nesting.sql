SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- deploy and backfill are the client's whole statement or nothing.
SELECT migrator.register('1', 'SELECT 1', irreversible => 'x');
CREATE TABLE nest (id int PRIMARY KEY, a int);
DO $$ BEGIN CALL migrator.deploy(); END $$;
DO $$ BEGIN CALL migrator.backfill('nest', 'a = 1'); END $$;
CREATE PROCEDURE in_plpgsql() LANGUAGE plpgsql AS $$ BEGIN CALL migrator.deploy(); END $$;
CALL in_plpgsql();
CREATE PROCEDURE in_plpgsql_after_commit() LANGUAGE plpgsql AS $$ BEGIN COMMIT; CALL migrator.deploy(); END $$;
CALL in_plpgsql_after_commit();
CREATE PROCEDURE in_sql() LANGUAGE sql AS 'CALL migrator.deploy()';
CALL in_sql();
CREATE FUNCTION in_function() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL migrator.deploy(); END $$;
SELECT in_function();
CREATE FUNCTION in_sql_function() RETURNS void LANGUAGE sql AS 'CALL migrator.deploy()';
SELECT in_sql_function();
DO $$ BEGIN EXECUTE 'CALL migrator.deploy()'; END $$;
BEGIN;
CALL migrator.deploy();
ROLLBACK;
SELECT 1 \; CALL migrator.deploy();
CALL migrator.deploy() \; SELECT 1;
SELECT version, state FROM migrator.status;
-- Recursion, each way.
SELECT migrator.register('1', 'SELECT migrator.apply()', irreversible => 'x');
SELECT migrator.apply();
CALL migrator.deploy();
SELECT migrator.register('1', 'CALL migrator.deploy()', irreversible => 'x');
CALL migrator.deploy();
SELECT migrator.register('1', 'DO $$ BEGIN CALL migrator.deploy(); END $$', irreversible => 'x');
CALL migrator.deploy();
-- A migration's statement cannot end the migration's transaction.
SELECT migrator.register('1', 'CREATE TABLE half (a int); DO $$ BEGIN COMMIT; END $$', irreversible => 'x');
CALL migrator.deploy();
SELECT to_regclass('half') IS NULL AS nothing_half_done;
-- After all that the session works.
SELECT migrator.register('1', 'SELECT 1', irreversible => 'x');
SET client_min_messages = warning;
CALL migrator.deploy();
SELECT version, state FROM migrator.status;
SELECT count(*) AS portals FROM pg_cursors;
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory';
DROP TABLE nest; DROP FUNCTION in_function, in_sql_function; DROP PROCEDURE in_plpgsql, in_plpgsql_after_commit, in_sql;
