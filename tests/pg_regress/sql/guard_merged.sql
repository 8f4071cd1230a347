SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
\pset format unaligned
\pset tuples_only
-- A child that has a column already keeps it when its parent gets one of that name. From 18 on it gets the parent's NOT NULL,
-- too, and is read for it unless it has one; before, it stays as it is.
SET migrator.large_table_rows = 1000;
CREATE TABLE mn (id int PRIMARY KEY);
CREATE TABLE mn_1 (c int) INHERITS (mn);
CREATE TABLE mn_2 () INHERITS (mn_1);
INSERT INTO mn_1 SELECT g, g FROM generate_series(1, 2000) g;
INSERT INTO mn_2 SELECT g, g FROM generate_series(1, 2000) g;
ANALYZE mn_1, mn_2;
-- As in the tables themselves, so in a script.
SELECT rule, message, hint FROM migrator.lint('ALTER TABLE mn ADD c int NOT NULL DEFAULT 5') WHERE rule LIKE '%not-null';
SELECT rule, message, hint FROM migrator.lint('ALTER TABLE mn ADD c serial') WHERE rule LIKE '%not-null';
-- Where it is there already, nothing is read.
SET migrator.guard = off;
ALTER TABLE mn_1 ALTER c SET NOT NULL;
RESET migrator.guard;
ALTER TABLE mn ADD c int NOT NULL DEFAULT 5;
SELECT attrelid::regclass, attnotnull FROM pg_attribute WHERE attrelid::regclass::text LIKE 'mn%' AND attname = 'c' ORDER BY 1;
SET migrator.guard = off;
DROP TABLE mn, mn_1, mn_2;
DROP EXTENSION migrator;
