SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- A role that deploys has a twin of everything in pg_catalog that our SQL may call, in front of it, and hostile names: nothing
-- of ours runs its code with our rights.
SET client_min_messages = warning;
CREATE ROLE "deploy'er""; --" LOGIN;
SELECT migrator.grant_deploy('"deploy''er""; --"');
CREATE SCHEMA hostile AUTHORIZATION "deploy'er""; --";
CREATE SCHEMA "sch'""; --" AUTHORIZATION "deploy'er""; --";
CREATE TABLE public.witness (who name, what text); GRANT INSERT ON public.witness TO PUBLIC;
GRANT CREATE, TEMP ON DATABASE migrator_test TO "deploy'er""; --"; GRANT CREATE ON SCHEMA public TO "deploy'er""; --";
SET SESSION AUTHORIZATION "deploy'er""; --";
CREATE FUNCTION hostile.evil(what text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE WARNING 'evil % as %', what, current_user;
    INSERT INTO public.witness VALUES (current_user, what);
    RETURN true;
EXCEPTION WHEN others THEN RETURN true; END $$;
-- Functions and operators.
DO $plant$
DECLARE f record; types oid[] := ARRAY(SELECT t::regtype FROM unnest(ARRAY['text', 'name', 'oid', 'integer', 'bigint', 'smallint', 'boolean', 'jsonb', 'json',
    'timestamptz', 'interval', '"char"', 'regclass', 'text[]', 'oid[]', 'bigint[]', 'name[]', 'xid8', 'bytea', 'inet', 'double precision', 'numeric', 'regnamespace', 'xid']) t);
BEGIN
    FOR f IN SELECT DISTINCT p.proname, oidvectortypes(p.proargtypes) AS args, p.prorettype::regtype AS result FROM pg_proc p
             WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset AND p.proargtypes::oid[] <@ types
               AND p.provariadic = 0 AND p.proname !~ '(in|out|send|recv)$' AND (p.prorettype = ANY (types)) LOOP
        EXECUTE format('CREATE FUNCTION hostile.%I(%s) RETURNS %s LANGUAGE plpgsql SET search_path = pg_catalog AS %L', f.proname, f.args, f.result,
                       format('BEGIN PERFORM hostile.evil(%L); RETURN NULL; END', f.proname));
    END LOOP;
    FOR f IN SELECT o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, p.proname FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
             WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprleft = ANY (types) AND o.oprright = ANY (types) AND o.oprresult = ANY (types)
               AND to_regprocedure(format('hostile.%I(%s, %s)', p.proname, o.oprleft::regtype, o.oprright::regtype)) IS NOT NULL LOOP
        EXECUTE format('CREATE OPERATOR hostile.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = hostile.%I)', f.oprname, f.l, f.r, f.proname);
    END LOOP;
END $plant$;
SELECT count(*) > 500 AS functions FROM pg_proc WHERE pronamespace = 'hostile'::regnamespace;
SELECT count(*) > 100 AS operators FROM pg_operator WHERE oprnamespace = 'hostile'::regnamespace;
-- Casts of a type of its own, tables, views and types of our names.
CREATE TYPE hostile.label AS ENUM ('1', '2', 'applied');
CREATE FUNCTION hostile.label_text(hostile.label) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog AS 'BEGIN PERFORM hostile.evil(''cast''); RETURN ''1''; END';
CREATE CAST (hostile.label AS text) WITH FUNCTION hostile.label_text AS IMPLICIT;
CREATE DOMAIN hostile.text AS pg_catalog.text; CREATE DOMAIN hostile.regclass AS pg_catalog.oid; CREATE DOMAIN hostile.jsonb AS pg_catalog.text;
DO $$ DECLARE name text; BEGIN FOREACH name IN ARRAY ARRAY['pg_class', 'pg_index', 'pg_proc', 'pg_locks', 'pg_constraint', 'pg_namespace', 'pg_trigger', 'pg_settings', 'pg_database', 'migration', 'event', 'event_end', 'ddl', 'status'] LOOP
    EXECUTE format('CREATE TEMP VIEW %I AS SELECT hostile.evil(%L)', name, name);
    EXECUTE format('CREATE VIEW hostile.%I AS SELECT hostile.evil(%L)', name, name); END LOOP; END $$;
-- Tables that are watched and hidden.
CREATE TABLE "sch'""; --"."tab'""; --" ("id'""" int PRIMARY KEY, "a'""; --" int, label hostile.label DEFAULT '1');
INSERT INTO "sch'""; --"."tab'""; --" VALUES (1, 1), (2, 2);
CREATE FUNCTION hostile.watch() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS 'BEGIN PERFORM hostile.evil(''trigger''); RETURN new; END';
CREATE TRIGGER "t'""" BEFORE UPDATE ON "sch'""; --"."tab'""; --" FOR EACH ROW EXECUTE FUNCTION hostile.watch();
CREATE FUNCTION hostile.visible() RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS 'BEGIN PERFORM hostile.evil(''policy''); RETURN true; END';
ALTER TABLE "sch'""; --"."tab'""; --" ENABLE ROW LEVEL SECURITY; ALTER TABLE "sch'""; --"."tab'""; --" FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON "sch'""; --"."tab'""; --" USING (hostile.visible());
CREATE FUNCTION hostile.immutable(int) RETURNS int IMMUTABLE LANGUAGE plpgsql SET search_path = pg_catalog AS 'BEGIN PERFORM hostile.evil(''index''); RETURN $1; END';
ALTER TABLE "sch'""; --"."tab'""; --" ADD CONSTRAINT "con'""; --" CHECK (hostile.immutable("a'""; --") > 0) NOT VALID;
SET client_min_messages = error;
\set quiet 'SET search_path = hostile, pg_temp, public, pg_catalog; SET quote_all_identifiers = on; SET standard_conforming_strings = off; SET transform_null_equals = on; SET array_nulls = off;'
:quiet
SELECT migrator.register('a''b"c;--1', 'UPDATE "sch''""; --"."tab''""; --" SET "a''""; --" = 3', irreversible => 'x');
SELECT migrator.register('a''b"c;--2', 'CREATE INDEX CONCURRENTLY "ind''""; --" ON "sch''""; --"."tab''""; --" (hostile.immutable("a''""; --"))', irreversible => 'x');
SELECT migrator.register('a''b"c;--3', 'CREATE UNIQUE INDEX CONCURRENTLY "bad''""; --" ON "sch''""; --"."tab''""; --" ("a''""; --")', irreversible => 'x');
SELECT pg_catalog.split_part(migrator.apply('a''b"c;--1'), ' (', 1);
CALL migrator.deploy('a''b"c;--2');
CALL migrator.deploy();
\x
SELECT version, state, error FROM migrator.status;
SELECT problem, object, detail, hint FROM migrator.verify() WHERE problem OPERATOR(pg_catalog.!~~) 'ad-hoc%';
\x
-- What was planted works, for whoever planted it.
SELECT upper('x') IS NULL AS planted, 'a' = 'b' AS planted FROM pg_class;
-- Goes on: drops the invalid index by its name, and builds it again.
DELETE FROM "sch'""; --"."tab'""; --" WHERE pg_catalog.int4eq("a'""; --", 3) AND "id'""" OPERATOR(pg_catalog.=) 2;
CALL migrator.deploy();
SELECT version, state, progress FROM migrator.status;
CALL migrator.backfill('"sch''""; --"."tab''""; --"', '"a''""; --" = 7', '"a''""; --" OPERATOR(pg_catalog.<>) 7');
SELECT target, state, rows_done FROM migrator.backfills;
SELECT pg_catalog.length(pg_catalog.string_agg(h::pg_catalog.text, '')) IS NOT NULL AS read FROM migrator.history h;
SELECT statement_text, sqlstate FROM migrator.history WHERE pg_catalog.texteq(outcome, 'failed');
SELECT pg_catalog.count(*) IS NOT NULL AS read FROM migrator.drift();
SELECT pg_catalog.count(*) IS NOT NULL AS read FROM migrator.findings;
SELECT pg_catalog.count(*) IS NOT NULL AS read FROM migrator.rules;
SELECT pg_catalog.count(*) IS NOT NULL AS read FROM migrator.policies;
SELECT pg_catalog.count(*) IS NOT NULL AS read FROM migrator.ddl_log;
SELECT rule, object FROM migrator.lint('ALTER TABLE "sch''""; --"."tab''""; --" ADD b int REFERENCES "sch''""; --"."tab''""; --"');
SELECT migrator.register('z', 'SELECT CAST(''x'' AS pg_catalog.int4)', irreversible => 'x');
SELECT migrator.apply();
CALL migrator.deploy();
SELECT migrator.resolve('z', 'applied', 'a''b"c;--');
-- Calling a function of ours with a value of its type runs its cast as itself, as any call does.
SELECT migrator.checksum('1'::hostile.label) IS NOT NULL AS called;
RESET SESSION AUTHORIZATION; RESET search_path; RESET quote_all_identifiers; RESET standard_conforming_strings; RESET transform_null_equals; RESET array_nulls;
SELECT who, string_agg(what, ' ' ORDER BY what COLLATE "C") FROM (SELECT DISTINCT * FROM witness) w GROUP BY who;
SELECT version, state, applied_by, registered_by FROM migrator.status;
SELECT problem, object FROM migrator.verify() WHERE problem NOT LIKE 'ad-hoc%';
-- The worker that writes failures begins with the database's settings, which its owner may choose.
ALTER DATABASE migrator_test SET search_path = hostile, pg_catalog; ALTER DATABASE migrator_test SET standard_conforming_strings = off;
ALTER DATABASE migrator_test SET role = "deploy'er""; --"; ALTER DATABASE migrator_test SET default_transaction_isolation = serializable;
SELECT migrator.register('zz', 'SELECT 1/0', irreversible => 'x');
SELECT migrator.apply();
CREATE TABLE "sch'""; --".large AS SELECT generate_series(1, 2000) AS a; ANALYZE "sch'""; --".large;
SET migrator.large_table_rows = 1000;
-- Without the size, which differs.
\set VERBOSITY terse
CREATE INDEX ON "sch'""; --".large (a);
\set VERBOSITY default
ALTER DATABASE migrator_test RESET search_path; ALTER DATABASE migrator_test RESET standard_conforming_strings;
ALTER DATABASE migrator_test RESET role; ALTER DATABASE migrator_test RESET default_transaction_isolation;
SELECT version, outcome, message FROM migrator.history ORDER BY attempt DESC LIMIT 1;
SELECT who, string_agg(what, ' ' ORDER BY what COLLATE "C") FROM (SELECT DISTINCT * FROM witness) w GROUP BY who;
SET migrator.guard = 'off'; SET client_min_messages = error;
DROP SCHEMA hostile CASCADE; DROP SCHEMA "sch'""; --" CASCADE; DROP TABLE witness;
SELECT migrator.revoke_all('"deploy''er""; --"');
DROP OWNED BY "deploy'er""; --"; DROP ROLE "deploy'er""; --";
