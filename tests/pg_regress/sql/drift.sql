SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- Only the blocking rules have a say here.
DO $$ BEGIN PERFORM migrator.set_rule(rule, 'off') FROM migrator.rules WHERE class <> 'blocking'; END $$;
-- What happened outside of migrations.
CREATE TABLE dr_before (a int);
SELECT count(*) FROM migrator.drift();
SELECT migrator.register('1', 'CREATE TABLE dr (a int)', irreversible => 'x');
SELECT split_part(migrator.apply(), ' (', 1);
SELECT count(*) FROM migrator.drift();
SELECT * FROM migrator.verify();
CREATE ROLE regress_drift; GRANT CREATE ON SCHEMA public TO regress_drift; ALTER TABLE dr OWNER TO regress_drift;
SET SESSION AUTHORIZATION regress_drift; SET application_name = 'a BI tool';
ALTER TABLE dr ADD b int; CREATE INDEX dr_b ON dr (b);
RESET SESSION AUTHORIZATION; RESET application_name;
CREATE TABLE dr_gone (a int); DROP TABLE dr_gone;
CREATE MATERIALIZED VIEW dr_mat AS SELECT 1 AS a; REFRESH MATERIALIZED VIEW dr_mat;
CREATE TEMP TABLE dr_temp (a int); DROP TABLE dr_temp;
SELECT object, object_type, tag, statement, session_role, role, application_name, allowed_by LIKE 'policy%' AS policy, since_last_migration FROM migrator.drift();
SELECT * FROM migrator.verify() ORDER BY object;
SELECT migrator.register('2', 'DROP MATERIALIZED VIEW dr_mat', irreversible => 'x');
SELECT split_part(migrator.apply(), ' (', 1);
SELECT * FROM migrator.verify();
SELECT DISTINCT since_last_migration FROM migrator.drift();
SELECT count(*) FROM migrator.drift(clock_timestamp());
-- A guard that does not enforce is a problem as well.
ALTER EVENT TRIGGER migrator_guard DISABLE;
ALTER EVENT TRIGGER migrator_log ENABLE REPLICA;
ALTER ROLE regress_drift SET migrator.guard = 'off';
ALTER ROLE regress_drift IN DATABASE migrator_test SET session_replication_role = 'replica';
ALTER DATABASE migrator_test SET migrator.allow = 'create-index-blocking';
SELECT * FROM migrator.verify() ORDER BY object, detail;
ALTER EVENT TRIGGER migrator_guard ENABLE; ALTER EVENT TRIGGER migrator_log ENABLE;
ALTER ROLE regress_drift RESET migrator.guard; ALTER ROLE regress_drift IN DATABASE migrator_test RESET session_replication_role;
ALTER DATABASE migrator_test RESET migrator.allow;
SELECT * FROM migrator.verify();
-- Who replays changes is let alone, and leaves no trace.
SET migrator.large_table_rows = 1000;
INSERT INTO dr SELECT generate_series(1, 5000);
SET session_replication_role = replica;
CREATE INDEX dr_a ON dr (a);
RESET session_replication_role;
SELECT count(*) FROM migrator.ddl_log WHERE 'public.dr_a' = ANY (objects);
DROP TABLE dr, dr_before; DROP OWNED BY regress_drift; DROP ROLE regress_drift;
