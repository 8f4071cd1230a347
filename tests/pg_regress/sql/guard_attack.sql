SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- Only the blocking rules have a say here.
DO $$ BEGIN PERFORM migrator.set_rule(rule, 'off') FROM migrator.rules WHERE class <> 'blocking'; END $$;
-- What a role without rights may try.
SET migrator.large_table_rows = 1000;
CREATE ROLE regress_attack; GRANT CREATE ON SCHEMA public TO regress_attack;
CREATE TABLE at (a int); INSERT INTO at SELECT generate_series(1, 5000); ANALYZE at;
ALTER TABLE at OWNER TO regress_attack;
SET SESSION AUTHORIZATION regress_attack;
\set VERBOSITY terse
SET migrator.guard = 'off';
SET migrator.allow = 'create-index-blocking';
SET migrator.ddl_log_retention = 1;
SET session_replication_role = 'replica';
SELECT set_config('migrator.allow', 'create-index-blocking', false);
CREATE FUNCTION at_off() RETURNS void LANGUAGE plpgsql SET migrator.guard = 'off' AS $$ BEGIN EXECUTE 'CREATE INDEX ON at (a)'; END $$;
SELECT at_off();
ALTER ROLE regress_attack SET migrator.guard = 'off';
ALTER EVENT TRIGGER migrator_guard DISABLE;
DROP EVENT TRIGGER migrator_log;
DROP EXTENSION migrator;
SELECT migrator.set_rule('create-index-blocking', 'off');
SELECT migrator.prune_ddl_log();
SELECT count(*) FROM migrator.ddl;
SELECT count(*) FROM migrator.ddl_log;
SELECT count(*) FROM migrator.policies;
INSERT INTO migrator.ddl (tag, session_role, role, backend_pid, outcome) VALUES ('x', 'x', 'x', 1, 'ran');
INSERT INTO migrator.policy (rule, action, set_by) VALUES ('create-index-blocking', 'off', 'x');
DELETE FROM migrator.ddl; TRUNCATE migrator.ddl; LOCK TABLE migrator.ddl IN ACCESS EXCLUSIVE MODE;
SELECT migrator.guard_ddl_command_start();
SELECT migrator.ddl_append_only();
CREATE TRIGGER at_trigger BEFORE DELETE ON at FOR EACH STATEMENT EXECUTE FUNCTION migrator.ddl_append_only();
-- Functions and operators in the way of ours.
CREATE SCHEMA AUTHORIZATION regress_attack;
CREATE FUNCTION public.jsonb_array_elements(jsonb) RETURNS SETOF jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'as %', current_user; END $$;
CREATE FUNCTION public.pg_event_trigger_ddl_commands() RETURNS SETOF int LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'as %', current_user; END $$;
CREATE FUNCTION public.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'as %', current_user; RETURN true; END $$;
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.eq);
CREATE TEMP TABLE pg_class (relname text, oid oid);
CREATE FUNCTION pg_temp.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'as %', current_user; RETURN '-infinity'; END $$;
SET search_path = pg_temp, public, pg_catalog;
CREATE TABLE public.at2 (a int); ALTER TABLE public.at2 ADD b int; DROP TABLE public.at2;
CREATE INDEX ON public.at (a);
RESET search_path;
-- Settings that change what SQL means do not change what ours means.
SET standard_conforming_strings = off; SET transform_null_equals = on; SET array_nulls = off;
CREATE TABLE at4 (a int);
DROP TABLE at4;
RESET standard_conforming_strings; RESET transform_null_equals; RESET array_nulls;
-- Text that is no SQL, and names that are.
CREATE TABLE "a', 'b'); DROP TABLE at; --" (a int); DROP TABLE "a', 'b'); DROP TABLE at; --";
DO $$ BEGIN EXECUTE 'CREATE TABLE at3 (a int DEFAULT 1' || repeat(' + 1', 5000) || ')'; END $$;
RESET SESSION AUTHORIZATION;
SELECT tag, left(statement, 60), length(statement), objects, role, session_role FROM migrator.ddl_log WHERE role = 'regress_attack' AND outcome <> 'refused';
-- A definer's override ends with the function; the caller gets no more than it does.
CREATE FUNCTION at_definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET migrator.allow = 'create-index-blocking' AS $$ BEGIN CREATE INDEX at_a ON public.at (a); END $$;
SET SESSION AUTHORIZATION regress_attack;
SELECT at_definer();
CREATE INDEX at_b ON at (a);
RESET SESSION AUTHORIZATION;
SELECT statement, outcome, allowed_by, role, session_role FROM migrator.ddl_log WHERE 'public.at_a' = ANY (objects);
SET client_min_messages = error;
DROP FUNCTION at_definer(); DROP TABLE at; DROP OWNED BY regress_attack CASCADE; DROP ROLE regress_attack;
