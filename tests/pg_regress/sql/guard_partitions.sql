SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Partitioned tables: the sum of what would be built decides, and the recipe is another one.
SET migrator.large_table_rows = 1000;
CREATE TABLE pix (id int, a int, t text) PARTITION BY RANGE (id);
CREATE TABLE pix_1 PARTITION OF pix FOR VALUES FROM (0) TO (700);
CREATE TABLE pix_2 PARTITION OF pix FOR VALUES FROM (700) TO (2000) PARTITION BY RANGE (id);
CREATE TABLE pix_2a PARTITION OF pix_2 FOR VALUES FROM (700) TO (2000);
INSERT INTO pix SELECT g, g, 'x' FROM generate_series(1, 1399) g;
ANALYZE pix_1, pix_2a;
CREATE INDEX pix_a ON pix (a);
-- ON ONLY builds nothing; a leaf below the threshold may be built on.
CREATE INDEX pix_only ON ONLY pix (a);
SET migrator.guard = 'off';
DROP INDEX pix_only;
RESET migrator.guard;
-- What is there is attached, not built.
CREATE INDEX CONCURRENTLY pix_1_a ON pix_1 (a ASC);
CREATE INDEX pix_a ON pix (a);
SET migrator.guard = 'off';
DROP INDEX pix_a;
RESET migrator.guard;
CREATE INDEX pix_t ON pix (lower(t)) WHERE a > 1;
CREATE INDEX CONCURRENTLY ON pix_1 (lower(t)) WHERE a > 1;
CREATE INDEX CONCURRENTLY ON pix_2a (lower(t)) WHERE a > 1;
CREATE INDEX pix_t ON pix (lower(t)) WHERE a > 1;
-- Not the same: another order, another condition, uniqueness.
INSERT INTO pix SELECT g, g, 'x' FROM generate_series(1, 1399) g;
ANALYZE pix_1, pix_2a;
CREATE INDEX pix_t2 ON pix (lower(t) DESC) WHERE a > 1;
CREATE INDEX pix_t2 ON pix (lower(t)) WHERE a > 2;
-- A function of the user's, an index on a middle level.
CREATE FUNCTION pix_f(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE INDEX CONCURRENTLY ON pix_1 (pix_f(t));
CREATE INDEX CONCURRENTLY ON pix_2a (pix_f(t));
CREATE INDEX pix_user ON pix (pix_f(t));
SET migrator.guard = off;
CREATE INDEX pix_middle ON pix_2 (id, a);
RESET migrator.guard;
CREATE INDEX CONCURRENTLY ON pix_1 (id, a);
CREATE INDEX pix_top ON pix (id, a);
-- The names that Postgres chooses: expressions by their functions, what is included, what comes twice.
CREATE INDEX pix_names ON pix (lower(t), a, lower(t || 'x'), (a + 1)) INCLUDE (id);
ALTER TABLE pix ADD UNIQUE (id) INCLUDE (t);
SET migrator.guard = off;
TRUNCATE pix;
CREATE INDEX pix_names ON pix (lower(t), a, lower(t || 'x'), (a + 1)) INCLUDE (id);
ALTER TABLE pix ADD UNIQUE (id) INCLUDE (t);
SELECT relname FROM pg_class WHERE relname LIKE 'pix\_%\_lower\_a%' OR relname LIKE 'pix%id\_t\_key%' ORDER BY 1;
RESET migrator.guard;
SET migrator.guard = 'off';
DROP TABLE pix; DROP FUNCTION pix_f;
