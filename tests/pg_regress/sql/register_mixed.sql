SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Schema and data apart, unless it is said that it does not matter; then that is recorded.
SELECT migrator.register('1', E'CREATE TABLE mixed (n int);\nINSERT INTO mixed VALUES (1)', down => 'DROP TABLE mixed');
SELECT migrator.register('1', 'WITH gone AS (DELETE FROM a RETURNING *) SELECT * FROM gone; ALTER TABLE a ADD b int', irreversible => 'x');
SELECT migrator.register('1', 'GRANT SELECT ON a TO PUBLIC; TRUNCATE a', irreversible => 'x');
SELECT migrator.register('1', $$ALTER TABLE a ADD b int; CALL migrator.backfill('a', 'b = 1', 'b IS NULL')$$, irreversible => 'x');
SELECT migrator.register('1', 'COMMENT ON TABLE a IS $$x$$; COPY a FROM $$/tmp/x$$', irreversible => 'x');
SELECT count(*) FROM migrator.status;
-- What is neither does not mix: reading, settings, scaffolding, maintenance.
SELECT migrator.register('2', 'SET work_mem = $$9MB$$; CREATE TEMP TABLE work AS SELECT 1 AS n; CREATE TEMP TABLE more (n int); INSERT INTO work VALUES (2)', irreversible => 'x');
SELECT migrator.register('3', 'SELECT n INTO TEMP scaffold FROM x; UPDATE x SET n = 1; COPY x TO $$/tmp/x$$', irreversible => 'x');
SELECT migrator.register('4', 'CREATE TABLE made AS SELECT 1 AS n; SELECT 1; VACUUM made; REFRESH MATERIALIZED VIEW v; DO $$BEGIN END$$', irreversible => 'x');
SELECT migrator.register('5', 'CREATE TABLE seeded (n int); INSERT INTO seeded VALUES (1)', down => 'DELETE FROM seeded; DROP TABLE seeded', mixed => true);
SELECT version, overrides FROM migrator.status;
-- Said of what does not mix, it is not recorded.
SELECT migrator.register('6', 'SELECT 1', irreversible => 'x', mixed => true);
SELECT overrides FROM migrator.status WHERE version = '6';
