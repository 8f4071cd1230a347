SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- What Postgres refuses on a partitioned table is said before it has waited for a lock, with the way that there is.
SET migrator.large_table_rows = 1;
CREATE TABLE parted (id int, a int, c int) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (a);
CREATE TABLE parted_2a PARTITION OF parted_2 FOR VALUES FROM (0) TO (20);
INSERT INTO parted SELECT g, g, g FROM generate_series(1, 15) g;
ANALYZE parted_1, parted_2a;
CREATE FUNCTION parted_indexes() RETURNS TABLE (index text, valid boolean, part_of text) LANGUAGE sql AS
'SELECT i.indexrelid::regclass::text, indisvalid, inhparent::regclass::text FROM pg_index i
 LEFT JOIN pg_inherits ON inhrelid = i.indexrelid WHERE indrelid::regclass::text LIKE ''parted%'' ORDER BY 1';
SELECT statement, action, message, detail, hint FROM migrator.lint($$
CREATE INDEX CONCURRENTLY parted_c ON parted (c); CREATE INDEX CONCURRENTLY ON ONLY parted (c)$$) \gx
CREATE INDEX CONCURRENTLY parted_c ON parted (c);
CREATE INDEX CONCURRENTLY parted_1_c_idx ON public.parted_1 USING btree (c);
CREATE INDEX CONCURRENTLY parted_2a_c_idx ON public.parted_2a USING btree (c);
CREATE INDEX parted_c ON ONLY public.parted USING btree (c);
CREATE INDEX parted_2_c_idx ON ONLY public.parted_2 USING btree (c);
ALTER INDEX public.parted_2_c_idx ATTACH PARTITION public.parted_2a_c_idx;
ALTER INDEX public.parted_c ATTACH PARTITION public.parted_2_c_idx;
ALTER INDEX public.parted_c ATTACH PARTITION public.parted_1_c_idx;
SELECT * FROM parted_indexes();
-- Twice, where the name is there; what some partitions have already; and what is small.
CREATE INDEX CONCURRENTLY IF NOT EXISTS parted_c ON parted (c);
CREATE INDEX IF NOT EXISTS parted_c ON public.parted USING btree (c);
CREATE INDEX CONCURRENTLY ON parted_1 (a);
CREATE INDEX CONCURRENTLY parted_a ON parted (a);
CREATE INDEX CONCURRENTLY parted_2a_a_idx ON public.parted_2a USING btree (a);
CREATE INDEX parted_a ON public.parted USING btree (a);
SET migrator.large_table_rows = 1000;
CREATE UNIQUE INDEX CONCURRENTLY ON parted (id, a) WHERE c > 1;
CREATE UNIQUE INDEX ON public.parted USING btree (id, a) WHERE (c > 1);
SET migrator.large_table_rows = 1;
SELECT * FROM parted_indexes();
-- What Postgres refuses for another reason as well.
CREATE UNIQUE INDEX CONCURRENTLY parted_u ON parted (c);
CREATE UNIQUE INDEX parted_u ON public.parted USING btree (c);
CREATE UNIQUE INDEX parted_u ON parted (c, lower(id::text));
CREATE INDEX CONCURRENTLY ON parted (nothing);
-- In a migration.
SELECT migrator.register('1', 'CREATE INDEX CONCURRENTLY parted_m ON parted (c)', irreversible => 'a test');
CALL migrator.deploy();
-- A policy leaves it to Postgres.
SELECT migrator.set_rule('refused-on-partitioned', 'off', reason => 'a test');
CREATE INDEX CONCURRENTLY parted_m ON parted (c);
SELECT migrator.set_rule('refused-on-partitioned', 'default', reason => 'a test');
-- The index that a foreign key lacks.
CREATE TABLE parted_keys (id int PRIMARY KEY, a int, UNIQUE (id, a));
INSERT INTO parted_keys SELECT g, g FROM generate_series(1, 15) g;
SET migrator.guard = off;
DROP INDEX parted_c, parted_a;
RESET migrator.guard;
SET migrator.allow = 'add-foreign-key-validating';
BEGIN; ALTER TABLE parted ADD FOREIGN KEY (c, a) REFERENCES parted_keys (id, a); ROLLBACK;
BEGIN; ALTER TABLE parted ADD FOREIGN KEY (c) REFERENCES parted_keys; ROLLBACK;
CREATE INDEX CONCURRENTLY parted_1_c_idx ON public.parted_1 (c);
CREATE INDEX CONCURRENTLY parted_2a_c_idx ON public.parted_2a (c);
BEGIN; ALTER TABLE parted ADD FOREIGN KEY (c) REFERENCES parted_keys; ROLLBACK;
CREATE INDEX ON public.parted (c);
BEGIN; ALTER TABLE parted ADD FOREIGN KEY (c) REFERENCES parted_keys; ROLLBACK;
-- With the column, after which the hint can be typed.
ALTER TABLE parted ADD COLUMN k int REFERENCES parted_keys;
CREATE INDEX CONCURRENTLY parted_1_k_idx ON public.parted_1 (k);
CREATE INDEX CONCURRENTLY parted_2a_k_idx ON public.parted_2a (k);
CREATE INDEX parted_k_idx ON ONLY public.parted (k);
CREATE INDEX parted_2_k_idx ON ONLY public.parted_2 (k);
ALTER INDEX public.parted_2_k_idx ATTACH PARTITION public.parted_2a_k_idx;
ALTER INDEX public.parted_k_idx ATTACH PARTITION public.parted_2_k_idx;
ALTER INDEX public.parted_k_idx ATTACH PARTITION public.parted_1_k_idx;
RESET migrator.allow;
SELECT * FROM parted_indexes();
-- The type of a partition key, at any level.
ALTER TABLE parted ALTER COLUMN id TYPE bigint;
ALTER TABLE parted ALTER COLUMN a TYPE bigint;
-- What Postgres refuses deletes no statistics.
ALTER TABLE parted_keys ALTER COLUMN id TYPE point;
SET migrator.guard = off;
DROP TABLE parted, parted_keys; DROP FUNCTION parted_indexes;
