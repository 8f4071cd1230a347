SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- What cannot run in a transaction: apply hands it over, deploy runs it.
SET client_min_messages = warning;
CREATE TABLE conc (a int, b int); INSERT INTO conc SELECT g, g FROM generate_series(1, 100) g;
SELECT migrator.register('1', 'CREATE INDEX CONCURRENTLY conc_a ON conc (a)', irreversible => 'x');
SELECT migrator.register('2', E'ALTER TABLE conc ADD c int;\nCREATE INDEX CONCURRENTLY ON conc (b);\nVACUUM conc;\nREINDEX TABLE CONCURRENTLY conc;\nDROP INDEX CONCURRENTLY conc_a;', irreversible => 'x');
SELECT migrator.register('3', 'ALTER TABLE conc ADD d int', irreversible => 'x');
BEGIN;
SELECT migrator.apply();
ROLLBACK;
SELECT version, state, transactional FROM migrator.status;
CALL migrator.deploy('1');
CALL migrator.deploy();
SELECT version, state, progress FROM migrator.status;
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 'conc'::regclass ORDER BY 1;
CALL migrator.deploy();
SELECT version, outcome, runner FROM migrator.history;
SELECT * FROM migrator.verify();
-- Commands that refuse a transaction block for partitioned tables only.
CREATE TABLE conc_p (a int) PARTITION BY RANGE (a); CREATE INDEX conc_p_a ON conc_p (a);
SELECT migrator.register('3a', 'REINDEX TABLE conc_p; CLUSTER conc_p USING conc_p_a', irreversible => 'x');
CALL migrator.deploy();
DROP TABLE conc_p;
-- Settings end with the migration also when it is not transactional, and when it fails.
SELECT migrator.register('4', 'SET lock_timeout = ''9s''; RESET search_path; SET search_path = pg_catalog; VACUUM public.conc; CREATE TABLE public.conc_set AS SELECT current_setting(''lock_timeout'') l, current_setting(''search_path'') s', irreversible => 'x');
SELECT migrator.register('5', 'SET lock_timeout = ''8s''; SET ROLE pg_monitor; VACUUM conc; SELECT 1/0', irreversible => 'x');
SET search_path = public, pg_temp;
SET client_min_messages = error;
CALL migrator.deploy();
TABLE conc_set;
SHOW lock_timeout;
SHOW search_path;
SHOW role;
DROP TABLE conc, conc_set;
-- Each migration has its own time: a long deploy is no long transaction.
SELECT migrator.register('6', 'CREATE TABLE conc_now AS SELECT now() AS first', irreversible => 'x');
SELECT migrator.register('7', 'SELECT pg_sleep(0.1)', irreversible => 'x');
SELECT migrator.register('8', 'CREATE TABLE conc_later AS SELECT now() AS second', irreversible => 'x');
SELECT migrator.resolve('5', 'applied', 'test');
CALL migrator.deploy();
SELECT second - first >= interval '0.1 s' AS later FROM conc_now, conc_later;
DROP TABLE conc_now, conc_later;
