\set VERBOSITY default
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- What reaches no event trigger: seen where the library is preloaded.
CREATE TABLE gu (id int PRIMARY KEY, a int); INSERT INTO gu SELECT g, g FROM generate_series(1, 1000) g;
CREATE TABLE gu_ref (id int PRIMARY KEY, gu int REFERENCES gu); INSERT INTO gu_ref SELECT g, g FROM generate_series(1, 1000) g;
ANALYZE gu, gu_ref;
SELECT * FROM migrator.guard_status();
ALTER DATABASE migrator_test SET session_preload_libraries = 'migrator';
\c -
SELECT * FROM migrator.guard_status();
-- Small tables: what the statistics say of their use is not shown, and differs.
SELECT migrator.set_rule('truncate', 'error');
TRUNCATE gu_ref;
TRUNCATE gu CASCADE;
DO $$BEGIN EXECUTE 'TRUNCATE gu_ref'; END$$;
SET migrator.large_table_rows = 500;
VACUUM FULL gu;
CLUSTER gu USING gu_pkey;
REINDEX TABLE gu;
BEGIN;
LOCK TABLE gu;
ROLLBACK;
-- Off until set.
BEGIN; UPDATE gu SET a = 0; ROLLBACK;
SELECT migrator.set_rule('update-without-where', 'error');
SELECT migrator.set_rule('delete-without-where', 'warning', reason => 'for now');
SELECT migrator.set_rule('modify-many-rows', 'error', 'gu', threshold_rows => 900);
UPDATE gu SET a = 0;
UPDATE gu_ref SET gu = 1;
UPDATE gu_ref SET gu = 1
    RETURNING *;
BEGIN; DELETE FROM gu_ref; ROLLBACK;
DELETE FROM gu WHERE a < 950;
UPDATE gu SET a = 0 WHERE id < 10;
SELECT rule, action, policies FROM migrator.rules WHERE rule ~ 'where|many-rows';
SELECT * FROM migrator.guard_status();
-- As long as it is allowed, and recorded.
BEGIN;
SET LOCAL migrator.allow = 'truncate, update-without-where';
UPDATE gu_ref SET gu = 1;
TRUNCATE gu_ref;
COMMIT;
SELECT tag, statement, objects, outcome, rules, allowed_by FROM migrator.ddl_log WHERE outcome = 'bypassed';
ALTER DATABASE migrator_test RESET session_preload_libraries;
\c -
TRUNCATE gu, gu_ref;
DROP TABLE gu_ref; DROP TABLE gu;
