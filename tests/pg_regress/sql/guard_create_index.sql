SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- create-index-blocking: refused exactly when Postgres would build it on a large table.
SET migrator.large_table_rows = 1000;
CREATE TABLE cib (id int PRIMARY KEY, a int, t text);
CREATE INDEX cib_small ON cib (a);
INSERT INTO cib SELECT g, g, 'x' FROM generate_series(1, 2000) g;
ANALYZE cib;
CREATE INDEX cib_large ON cib (a);
CREATE UNIQUE INDEX "Odd ""name" ON cib USING btree (a DESC NULLS LAST, lower(t) COLLATE "C" text_pattern_ops) INCLUDE (id)
    WITH (fillfactor = 70) WHERE a > 5 AND t <> 'it''s';
CREATE INDEX ON cib (a);
DO $$ BEGIN EXECUTE 'CREATE INDEX cib_large ON cib (a)'; END $$;
-- Not built: the name exists already (IF NOT EXISTS or error), CONCURRENTLY.
CREATE INDEX IF NOT EXISTS cib_small ON cib (a);
CREATE INDEX cib_small ON cib (a);
CREATE INDEX CONCURRENTLY cib_large ON cib (a);
-- Not our business: temporary, created in this transaction, a view, not there.
CREATE TEMP TABLE cib_temp AS SELECT g AS a FROM generate_series(1, 2000) g;
CREATE INDEX ON cib_temp (a);
BEGIN;
CREATE TABLE cib_new AS SELECT g AS a FROM generate_series(1, 2000) g;
SAVEPOINT s;
CREATE INDEX ON cib_new (a);
ROLLBACK;
BEGIN;
CREATE TABLE IF NOT EXISTS cib (a int);
CREATE INDEX cib_new_or_not ON cib (a);
ROLLBACK;
CREATE INDEX ON cib_nowhere (a);
-- By size as well as by rows.
SET migrator.large_table_rows = 1000000;
CREATE INDEX cib_again ON cib (a);
DROP INDEX cib_again;
SET migrator.large_table_size = '64kB';
CREATE INDEX cib_again ON cib (a);
RESET migrator.large_table_size;
SET client_min_messages = error;
DROP TABLE cib, cib_temp;
-- Literals keep their white space.
SET client_min_messages = notice;
CREATE TABLE cib (a int, t text); INSERT INTO cib SELECT g, g FROM generate_series(1, 2000) g; ANALYZE cib;
SET migrator.large_table_rows = 1000;
CREATE INDEX cib_blanks ON cib (a) WHERE t = 'x   y';
SET migrator.guard = 'off';
DROP TABLE cib;
