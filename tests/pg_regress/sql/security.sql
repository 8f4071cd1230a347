SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- As a role that may deploy and no more: the ledger is written for it, never by it, and nothing of ours runs its code.
SET client_min_messages = warning;
CREATE ROLE regress_deployer LOGIN;
CREATE SCHEMA hostile AUTHORIZATION regress_deployer;
GRANT CREATE ON SCHEMA public TO regress_deployer;
\c - regress_deployer
SELECT migrator.register('1', 'SELECT 1', irreversible => 'x');
SELECT migrator.apply();
CALL migrator.deploy();
CALL migrator.backfill('pg_class', 'a = 1');
SELECT migrator.resolve('1', 'applied', 'x');
SELECT * FROM migrator.migration;
INSERT INTO migrator.event (attempt, event, version, checksum, runner, role) VALUES (1, 'applied', '1', '', '', '');
\c - postgres
GRANT EXECUTE ON FUNCTION migrator.register, migrator.apply, migrator.resolve TO regress_deployer;
GRANT EXECUTE ON PROCEDURE migrator.deploy, migrator.backfill TO regress_deployer;
CREATE TABLE not_yours (a int);
CREATE TABLE witness (who text);
GRANT INSERT ON witness TO PUBLIC;
\c - regress_deployer
SET client_min_messages = warning;
-- Planted functions, operators, casts and tables, in front of pg_catalog.
CREATE FUNCTION hostile.evil() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.witness VALUES (current_user); RETURN true; END $$;
CREATE FUNCTION hostile.eq(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT hostile.evil()';
CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.eq);
CREATE OPERATOR hostile.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.eq);
CREATE FUNCTION hostile.eq(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT hostile.evil()';
CREATE OPERATOR hostile.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = hostile.eq);
CREATE FUNCTION hostile.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT hostile.evil()::text';
CREATE FUNCTION hostile.to_regclass(text) RETURNS regclass LANGUAGE sql AS 'SELECT hostile.evil()::text::regclass';
CREATE FUNCTION hostile.format(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT hostile.evil()::text';
CREATE FUNCTION hostile.count(anyelement) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint FROM hostile.evil()';
CREATE TEMP TABLE migration (version text);
CREATE TEMP TABLE pg_locks (pid int);
SET search_path = hostile, pg_temp, public, pg_catalog;
SELECT migrator.register('1', 'CREATE TABLE public.mine (id int PRIMARY KEY, a int); INSERT INTO public.mine VALUES (1)', irreversible => 'x', mixed => true);
SELECT pg_catalog.regexp_replace(migrator.apply(), '\(.*\)', '(time)');
SELECT migrator.register('2', 'CREATE INDEX CONCURRENTLY mine_a ON public.mine (a)', irreversible => 'x');
CALL migrator.deploy();
CALL migrator.backfill('public.mine', 'a = 1', 'a IS NULL');
\set VERBOSITY terse
ALTER TABLE public.mine ADD b int NOT NULL;
\set VERBOSITY default
-- A migration runs with the caller's rights, and fails as it would in psql.
SELECT migrator.register('3', 'ALTER TABLE public.not_yours ADD b int', irreversible => 'x');
SELECT migrator.apply();
CALL migrator.deploy();
SELECT migrator.register('3', 'DELETE FROM migrator.event', irreversible => 'x');
CALL migrator.deploy();
-- Nor can a migration take the owner's place.
SELECT migrator.register('3', 'SELECT 1; SET ROLE postgres', irreversible => 'x');
CALL migrator.deploy();
\c - postgres
SET client_min_messages = warning;
SELECT DISTINCT who FROM witness;
SELECT version, state, applied_by FROM migrator.status;
SELECT version, outcome, runner, session_role, role, sqlstate FROM migrator.history;
SET migrator.guard = 'off';
DROP TABLE witness, not_yours, public.mine;
DROP OWNED BY regress_deployer CASCADE; DROP ROLE regress_deployer;
