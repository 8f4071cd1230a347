SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- apply runs in the caller's transaction, in order, up to a target.
SELECT migrator.register('1', 'CREATE TABLE applied (n int); INSERT INTO applied VALUES (1);', down => 'DROP TABLE applied', mixed => true);
SELECT migrator.register('2', 'INSERT INTO applied VALUES (2)', irreversible => 'test');
SELECT migrator.register('10', 'INSERT INTO applied VALUES (10)', irreversible => 'test');
BEGIN;
SELECT regexp_replace(migrator.apply(), '\(.*\)', '(time)');
SELECT array_agg(n ORDER BY n) FROM applied;
ROLLBACK;
SELECT version, state FROM migrator.status;
SELECT to_regclass('applied') IS NULL AS rolled_back;
SELECT regexp_replace(migrator.apply('2'), '\(.*\)', '(time)');
SELECT version, state, progress, applied_by = current_user AS by_me, applied_at <= now() + interval '1 minute' AS now,
       duration IS NOT NULL AS timed FROM migrator.status;
SELECT regexp_replace(migrator.apply('2'), '\(.*\)', '(time)');
SELECT regexp_replace(migrator.apply(), '\(.*\)', '(time)');
SELECT array_agg(n) FROM applied;
-- Settings end with the migration, also those set without LOCAL.
SELECT migrator.register('11', $$SET search_path = pg_catalog; SET lock_timeout = '7s';
    SELECT set_config('work_mem', '99MB', false); CREATE TABLE public.settings AS
    SELECT current_setting('search_path') s, current_setting('lock_timeout') l$$, irreversible => 'test');
SHOW search_path;
SELECT regexp_replace(migrator.apply(), '\(.*\)', '(time)');
SELECT * FROM settings;
SHOW search_path;
SHOW lock_timeout;
SELECT current_setting('work_mem') = '99MB' AS leaked;
-- Lock waits are bounded by migrator.lock_timeout.
SELECT migrator.register('12', $$CREATE TABLE bound AS SELECT current_setting('lock_timeout') AS is$$, irreversible => 'test');
SELECT regexp_replace(migrator.apply(), '\(.*\)', '(time)');
SELECT * FROM bound;
SELECT attempt, version, outcome, runner, session_role = session_user AS me, h.checksum = migrator.checksum(m.up) AS same
FROM migrator.history h JOIN migrator.migration m USING (version) ORDER BY m.sort_key;
SET migrator.guard = 'off';
DROP TABLE applied, settings, bound;
