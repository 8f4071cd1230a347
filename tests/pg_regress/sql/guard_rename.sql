SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- Renames break whatever uses the old name; the hint keeps it alive.
SET migrator.large_table_rows = 1000;
CREATE ROLE regress_reader;
CREATE TABLE ren (id int PRIMARY KEY, a int, "Odd c" text);
INSERT INTO ren SELECT g, g, 'x' FROM generate_series(1, 2000) g;
ANALYZE ren;
GRANT SELECT, INSERT ON ren TO regress_reader;
GRANT SELECT ON ren TO PUBLIC;
CREATE TABLE small (id int);
CREATE TABLE ren_parts (id int, k int) PARTITION BY RANGE (id);
CREATE TABLE ren_part_1 PARTITION OF ren_parts DEFAULT;
-- Small and used by nobody: a warning.
ALTER TABLE small RENAME TO smaller;
ALTER TABLE smaller RENAME COLUMN id TO ident;
-- Large.
ALTER TABLE ren RENAME TO "Ren 2";
ALTER TABLE ren RENAME COLUMN "Odd c" TO c;
ALTER TABLE IF EXISTS public.ren RENAME a TO "A";
-- The hint works when typed, and what it makes is what was asked for.
BEGIN;
SET LOCAL migrator.allow = 'rename-column, rename-table';
ALTER TABLE public.ren RENAME COLUMN "Odd c" TO c;
ALTER TABLE public.ren RENAME TO ren_table;
CREATE VIEW public.ren WITH (security_invoker = true) AS SELECT *, c AS "Odd c" FROM public.ren_table;
GRANT SELECT ON public.ren TO PUBLIC;
GRANT INSERT, SELECT ON public.ren TO regress_reader;
COMMIT;
INSERT INTO ren (id, "Odd c") VALUES (0, 'old name') RETURNING c, "Odd c";
INSERT INTO ren (id, c) VALUES (-1, 'new name') RETURNING c, "Odd c";
BEGIN;
SET LOCAL migrator.allow = 'rename-table';
DROP VIEW public.ren;
ALTER TABLE public.ren_table RENAME TO ren;
COMMIT;
SELECT attname FROM pg_attribute WHERE attrelid = 'ren'::regclass AND attnum > 0 ORDER BY attnum;
-- Small, but a view and a function name it; the view follows, the function does not.
CREATE VIEW ren_view AS SELECT ident FROM smaller;
CREATE FUNCTION ren_f() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT sum(ident) FROM smaller); END';
ALTER TABLE smaller RENAME COLUMN ident TO id;
ALTER VIEW ren_view RENAME TO ren_view_2;
-- A name that is only a part of another one is not named.
CREATE FUNCTION ren_g() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT sum(ident) FROM smaller2); END';
-- Another schema.
CREATE SCHEMA ren_other;
ALTER TABLE ren SET SCHEMA ren_other;
ALTER TABLE ren SET SCHEMA public;
ALTER SCHEMA ren_other RENAME TO ren_empty;
CREATE VIEW ren_empty."V" AS SELECT 1 AS one;
ALTER SCHEMA ren_empty RENAME TO "Ren";
CREATE TABLE "Ren".t AS SELECT generate_series(1, 2000) AS a;
ALTER SCHEMA "Ren" RENAME TO ren;
-- An enum.
CREATE TYPE ren_mood AS ENUM ('sad', 'it''s ok');
ALTER TYPE ren_mood RENAME VALUE 'it''s ok' TO 'ok';
ALTER TABLE ren ADD COLUMN m ren_mood[];
ALTER TYPE ren_mood RENAME VALUE 'sad' TO 'unhappy';
-- Partitions are named by few, indexes and constraints by nobody; parents are.
ALTER TABLE ren_part_1 RENAME TO ren_part_2;
INSERT INTO ren_parts SELECT g, g FROM generate_series(1, 2000) g;
ALTER TABLE ren_parts RENAME TO ren_partitioned;
ALTER TABLE ren_part_2 RENAME TO ren_part_3;
ALTER TABLE ren_parts RENAME COLUMN k TO key;
ALTER INDEX ren_pkey RENAME TO ren_key;
ALTER TABLE ren RENAME CONSTRAINT ren_key TO ren_pkey;
-- What is new or temporary is nobody's yet.
BEGIN;
CREATE TABLE ren_new AS SELECT * FROM ren;
ALTER TABLE ren_new RENAME TO ren_newer;
ALTER TABLE ren_newer RENAME COLUMN a TO b;
CREATE TYPE ren_color AS ENUM ('red');
ALTER TYPE ren_color RENAME VALUE 'red' TO 'green';
CREATE SCHEMA ren_s;
CREATE TABLE ren_s.t AS SELECT * FROM ren;
ALTER SCHEMA ren_s RENAME TO ren_s2;
ROLLBACK;
CREATE TEMP TABLE ren_temp AS SELECT * FROM ren;
ALTER TABLE ren_temp RENAME TO ren_temporary;
-- A schema altered in this transaction is not new.
BEGIN;
ALTER SCHEMA "Ren" OWNER TO CURRENT_USER;
ALTER SCHEMA "Ren" RENAME TO ren;
ROLLBACK;
-- Postgres's own errors come first.
ALTER TABLE nothing RENAME TO something;
ALTER TABLE ren RENAME COLUMN nothing TO something;
SET migrator.guard = 'off';
DROP TABLE ren_temporary, ren, smaller, ren_parts CASCADE;
DROP SCHEMA "Ren" CASCADE;
DROP FUNCTION ren_f, ren_g;
DROP TYPE ren_mood;
DROP ROLE regress_reader;
