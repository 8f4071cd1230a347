SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- Only the blocking rules have a say here.
DO $$ BEGIN PERFORM migrator.set_rule(rule, 'off') FROM migrator.rules WHERE class <> 'blocking'; END $$;
-- Every DDL statement, exactly, and nothing else.
CREATE TABLE lg (id serial PRIMARY KEY, b int);
CREATE TABLE IF NOT EXISTS lg (x int);
CREATE TEMP TABLE lg_temp (a int); CREATE INDEX ON lg_temp (a); ALTER TABLE lg_temp ADD b int;
CREATE RULE lg_rule AS ON INSERT TO lg_temp DO NOTHING; CREATE POLICY lg_policy ON lg_temp; COMMENT ON COLUMN lg_temp.a IS 'x';
CREATE TRIGGER lg_trigger BEFORE UPDATE ON lg_temp FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TEMP VIEW lg_temp_view AS SELECT 1 AS a; CREATE FUNCTION pg_temp.lg() RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP TABLE lg_temp;
/* from: the application */ ALTER TABLE lg
    ADD c text; -- behind it
COMMENT ON TABLE lg IS 'x; y';
CREATE TABLE lg1 (a int)\; CREATE INDEX lg1_a ON lg1 (a)\; DROP TABLE lg1\; CREATE TABLE  lg1 (a int)\; DROP TABLE lg1;
-- In DO, in functions of SQL and PL/pgSQL, through EXECUTE.
DO $$ BEGIN
    CREATE TABLE lg2 (x int);
    EXECUTE 'create table lg3 (y int); create   TABLE "lg 4" (z int)';
    CREATE TABLE lg5 AS SELECT 1 AS n;
    EXECUTE format('DROP TABLE %I', 'lg 4');
END $$;
CREATE FUNCTION lg_sql() RETURNS void LANGUAGE sql AS $$ CREATE TABLE lg6 (a int); CREATE TABLE lg7 AS SELECT 1 AS a; DROP TABLE lg7; $$;
SELECT lg_sql();
-- Statements that are equal and written differently: which one it was is not known.
DO $$ BEGIN EXECUTE 'CREATE TABLE lg8 (a int); DROP TABLE lg8; create table lg8 (a int); DROP TABLE lg8'; END $$;
-- What goes along with what is dropped.
CREATE VIEW lg_view AS SELECT id FROM lg;
SET client_min_messages = error;
DROP TABLE lg CASCADE;
SET client_min_messages = warning;
GRANT SELECT ON lg2 TO PUBLIC;
CREATE INDEX CONCURRENTLY lg2_x ON lg2 (x);
DROP INDEX CONCURRENTLY lg2_x;
CREATE MATERIALIZED VIEW lg_mat AS SELECT 1 AS a;
REFRESH MATERIALIZED VIEW lg_mat;
SELECT 1 AS a INTO lg9;
CREATE SCHEMA lgs CREATE TABLE lgs.t (a int) CREATE VIEW lgs.v AS SELECT 1 AS x;
DROP SCHEMA lgs CASCADE;
BEGIN; CREATE TABLE lg_rolled_back (a int); ROLLBACK;
BEGIN; SAVEPOINT s; CREATE TABLE lg_rolled_back (a int); ROLLBACK TO s; CREATE TABLE lg10 (a int); COMMIT;
-- A restore is none of its business.
BEGIN; SET LOCAL row_security = off; SET LOCAL check_function_bodies = off; SELECT set_config('search_path', '', true);
CREATE TABLE public.lg_restored (a int); COMMIT;
SELECT migrator.register('1', 'CREATE TABLE lg11 (a int); SELECT lg_sql()', irreversible => 'x');
DROP TABLE lg6;
SELECT split_part(migrator.apply(), ' (', 1);
SELECT tag, statement, objects, object_types, migration, migration_statement FROM migrator.ddl_log;
SELECT DISTINCT outcome, rules, allowed_by, message, session_role, role, client_addr, application_name,
    backend_pid = pg_backend_pid() AS mine, xid IS NOT NULL AS xid, at <= clock_timestamp() AS at FROM migrator.ddl_log WHERE rules = '{}';
-- Who, with whose rights.
CREATE ROLE regress_log; GRANT CREATE ON SCHEMA public TO regress_log;
SET ROLE regress_log; SET application_name = 'somebody''s tool';
CREATE TABLE lg12 (a int); DROP TABLE lg12;
SELECT * FROM migrator.ddl_log;
RESET ROLE; RESET application_name;
SELECT statement, session_role, role, application_name FROM migrator.ddl_log WHERE session_role <> role;
-- Only added to.
DELETE FROM migrator.ddl;
UPDATE migrator.ddl SET statement = 'harmless';
TRUNCATE migrator.ddl;
-- A year, by default.
INSERT INTO migrator.ddl (at, tag, session_role, role, backend_pid, outcome) SELECT now() - interval '13 months', 'OLD', 'x', 'x', 1, 'ran' FROM generate_series(1, 3);
SELECT migrator.prune_ddl_log();
SET migrator.ddl_log_retention = 0;
INSERT INTO migrator.ddl (at, tag, session_role, role, backend_pid, outcome) SELECT now() - interval '13 months', 'OLD', 'x', 'x', 1, 'ran' FROM generate_series(1, 3);
SELECT migrator.prune_ddl_log();
SET migrator.ddl_log_retention = '30d';
-- DDL does it now and then.
DO $$ BEGIN FOR i IN 1..500 LOOP EXECUTE format('CREATE TABLE lgx%s (a int)', i); EXECUTE format('DROP TABLE lgx%s', i); END LOOP; END $$;
SELECT count(*) FROM migrator.ddl WHERE tag = 'OLD';
RESET migrator.ddl_log_retention;
-- Its end is not seen, its beginning is not seen.
ALTER EVENT TRIGGER migrator_guard DISABLE;
CREATE TABLE lg13 (a int);
ALTER EVENT TRIGGER migrator_guard ENABLE;
ALTER EVENT TRIGGER migrator_log DISABLE;
CREATE TABLE lg14 (a int);
ALTER EVENT TRIGGER migrator_log ENABLE;
SELECT tag, statement, objects, allowed_by FROM migrator.ddl_log ORDER BY id DESC LIMIT 1;
SHOW lock_timeout;
DROP TABLE lg2, lg3, lg5, lg6, lg9, lg10, lg11, lg13, lg14, lg_restored; DROP MATERIALIZED VIEW lg_mat; DROP FUNCTION lg_sql(); DROP OWNED BY regress_log; DROP ROLE regress_log;
