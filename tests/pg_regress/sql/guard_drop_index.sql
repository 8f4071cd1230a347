SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- DROP INDEX waits for ACCESS EXCLUSIVE; CONCURRENTLY does not.
SET migrator.large_table_rows = 1000;
CREATE TABLE dix (id int PRIMARY KEY, a int, b int);
INSERT INTO dix SELECT g, g, g FROM generate_series(1, 2000) g;
ANALYZE dix;
CREATE INDEX CONCURRENTLY dix_a ON dix (a);
CREATE INDEX CONCURRENTLY "Dix b" ON dix (b);
CREATE TABLE dix_small (a int);
CREATE INDEX dix_small_a ON dix_small (a);
DROP INDEX dix_a;
DROP INDEX IF EXISTS nothing, dix_a, "Dix b";
DROP INDEX dix_a CASCADE;
-- Its own constraint's: Postgres refuses.
DROP INDEX dix_pkey;
DROP INDEX dix_small_a;
DROP INDEX CONCURRENTLY public.dix_a;
-- Partitioned indexes cannot be dropped CONCURRENTLY.
CREATE TABLE dixp (id int) PARTITION BY RANGE (id);
CREATE TABLE dixp_1 PARTITION OF dixp DEFAULT;
CREATE INDEX dixp_i ON dixp (id);
INSERT INTO dixp SELECT generate_series(1, 2000);
ANALYZE dixp;
DROP INDEX dixp_i;
DROP INDEX dixp_1_id_idx;
BEGIN;
SET LOCAL migrator.allow = 'drop-index-blocking';
SET LOCAL lock_timeout = '1s';
DROP INDEX public.dixp_i;
COMMIT;
-- In use, and no other index could do its work.
SET migrator.large_table_rows = 1000;
SET enable_seqscan = off;
DO $$BEGIN FOR i IN 1..1001 LOOP PERFORM 1 FROM dix WHERE b = i; END LOOP; END$$;
SELECT pg_stat_force_next_flush();
DROP INDEX CONCURRENTLY "Dix b";
SET migrator.guard = 'off';
DROP TABLE dix, dix_small, dixp;
