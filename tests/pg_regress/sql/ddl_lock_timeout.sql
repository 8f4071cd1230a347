SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- Only the blocking rules have a say here.
DO $$ BEGIN PERFORM migrator.set_rule(rule, 'off') FROM migrator.rules WHERE class <> 'blocking'; END $$;
-- DDL has a bound for its lock waits while it runs, and only then.
CREATE FUNCTION bound() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('lock_timeout') $$;
CREATE TABLE lt (a int); INSERT INTO lt VALUES (1);
-- Seen from within: the expression runs while the table is rewritten.
ALTER TABLE lt ALTER a TYPE text USING bound();
SELECT * FROM lt;
SHOW lock_timeout;
SET migrator.ddl_lock_timeout = '2min';
ALTER TABLE lt ALTER a TYPE text USING bound() || '';
SELECT * FROM lt;
BEGIN;
ALTER TABLE lt ALTER a TYPE text USING bound() || '';
SHOW lock_timeout;
SAVEPOINT s;
ALTER TABLE lt ALTER a TYPE int USING bound()::int;
ROLLBACK TO s;
SHOW lock_timeout;
SET LOCAL lock_timeout = '7s';
ALTER TABLE lt ALTER a TYPE text USING bound() || '';
SHOW lock_timeout;
COMMIT;
SHOW lock_timeout;
SELECT * FROM lt;
-- A SET within the statement's transaction stays.
BEGIN; ALTER TABLE lt ADD b int; SET lock_timeout = '8s'; COMMIT;
SHOW lock_timeout;
RESET lock_timeout;
-- In functions, caught errors included.
DO $$ BEGIN
    BEGIN ALTER TABLE lt ALTER a TYPE int USING bound()::int; EXCEPTION WHEN OTHERS THEN RAISE WARNING '%, %', SQLERRM, bound(); END;
    ALTER TABLE lt ALTER a TYPE text USING bound() || '';
    RAISE WARNING '%', bound();
END $$;
SELECT DISTINCT a FROM lt;
CREATE FUNCTION lt_scoped() RETURNS text LANGUAGE plpgsql SET search_path = public AS $$ BEGIN ALTER TABLE lt ALTER a TYPE text USING bound() || '!'; RETURN bound(); END $$;
SELECT lt_scoped();
SELECT * FROM lt;
SHOW lock_timeout;
-- A command that commits on its way.
CREATE FUNCTION bound_at(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF current_setting('lock_timeout') <> '30min' THEN RAISE WARNING '%', current_setting('lock_timeout'); END IF; RETURN $1; END $$;
CREATE INDEX CONCURRENTLY lt_b ON lt (bound_at(b)) WHERE bound_at(1) = 1;
SHOW lock_timeout;
CREATE FUNCTION failing(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE EXCEPTION 'with %', current_setting('lock_timeout'); END $$;
CREATE INDEX CONCURRENTLY lt_c ON lt (failing(b));
SHOW lock_timeout;
DROP INDEX CONCURRENTLY lt_b; DROP INDEX CONCURRENTLY lt_c;
SET migrator.ddl_lock_timeout = 0;
ALTER TABLE lt ALTER a TYPE text USING bound() || '';
SELECT a FROM lt;
RESET migrator.ddl_lock_timeout;
-- Migrations have their own; what only reads gets none.
SELECT migrator.register('1', 'ALTER TABLE lt ALTER a TYPE text USING bound() || $$$$', irreversible => 'x');
SET migrator.lock_timeout = 0;
SELECT split_part(migrator.apply(), ' (', 1);
SELECT a FROM lt;
CREATE TABLE lt2 AS SELECT bound();
SELECT * FROM lt2;
DROP TABLE lt, lt2; DROP FUNCTION bound, bound_at, failing, lt_scoped;
