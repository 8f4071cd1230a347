SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Every function, view, table and column of ours is described; nothing that changes state is for everybody.
SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'migrator'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL;
SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'migrator'::regnamespace AND relkind IN ('r', 'v')
    AND obj_description(oid, 'pg_class') IS NULL;
SELECT evtname, evtevent, evttags, evtenabled FROM pg_event_trigger WHERE evtname LIKE 'migrator%';
SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'migrator'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE') ORDER BY p.oid::regprocedure::text;
SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'migrator'::regnamespace AND relkind IN ('r', 'v', 'S')
    AND has_table_privilege('public', oid, 'SELECT, INSERT, UPDATE, DELETE');
SELECT name, setting, unit, context, short_desc FROM pg_settings WHERE name LIKE 'migrator.%' ORDER BY name COLLATE "C";
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = 'migrator' AND table_name IN ('status', 'history', 'backfills', 'backfill_errors', 'rules', 'policies', 'ddl_log') ORDER BY table_name, ordinal_position;
