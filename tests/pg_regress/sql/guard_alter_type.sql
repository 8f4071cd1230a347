SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- A change of type among other objects and other commands: what the hints say passes, and what Postgres refuses itself is
-- not refused for another reason.
SET migrator.large_table_rows = 1000;
CREATE TABLE retyped (id int PRIMARY KEY, a text, meta text DEFAULT '{}', n int, g int GENERATED ALWAYS AS (n * 2) STORED);
INSERT INTO retyped (id, a, n) SELECT g, 'x', g FROM generate_series(1, 2000) g;
ANALYZE retyped;
-- A view, on a table that would be rewritten: both in one transaction.
CREATE VIEW retyped_v AS SELECT a FROM retyped;
ALTER TABLE retyped ALTER COLUMN a TYPE varchar(50);
BEGIN;
SET LOCAL migrator.allow = 'alter-type-rewrite';
DROP VIEW public.retyped_v;
ALTER TABLE public.retyped ALTER COLUMN a TYPE character varying(50);
CREATE VIEW public.retyped_v AS SELECT a FROM public.retyped;
COMMIT;
ANALYZE retyped;
-- The same where an index is built anew.
DROP VIEW retyped_v;
CREATE INDEX CONCURRENTLY retyped_lower ON retyped (lower(a));
CREATE VIEW retyped_v AS SELECT a FROM retyped;
ALTER TABLE retyped ALTER COLUMN a TYPE text;
DROP VIEW retyped_v; DROP INDEX CONCURRENTLY retyped_lower;
-- What the same statement drops, it drops before: columns, constraints and expressions, in whatever order it names them.
CREATE TABLE retyped_small (a int, g int GENERATED ALWAYS AS (a * 2) STORED, b int PRIMARY KEY, c int);
ALTER TABLE retyped_small ALTER COLUMN a TYPE bigint;
BEGIN; ALTER TABLE retyped_small DROP COLUMN g, ALTER COLUMN a TYPE bigint; ROLLBACK;
BEGIN; ALTER TABLE retyped_small ALTER COLUMN a TYPE bigint, ALTER COLUMN g DROP EXPRESSION; ROLLBACK;
CREATE VIEW retyped_v AS SELECT b, c FROM retyped_small GROUP BY b;
SET migrator.allow = 'drop-column, drop-constraint, drop-cascade';
BEGIN; ALTER TABLE retyped_small ALTER COLUMN c TYPE bigint, DROP COLUMN b CASCADE; ROLLBACK;
BEGIN; ALTER TABLE retyped_small ALTER COLUMN c TYPE bigint, DROP CONSTRAINT retyped_small_pkey CASCADE; ROLLBACK;
ALTER TABLE retyped_small ALTER COLUMN c TYPE bigint, DROP COLUMN g;
RESET migrator.allow;
-- Refused for what it does to the rows, the hint drops first too.
ALTER TABLE retyped ALTER COLUMN n TYPE bigint, ALTER COLUMN g DROP EXPRESSION;
-- A default that has no cast to the new type, and a type that has none: Postgres says so.
ALTER TABLE retyped ALTER COLUMN meta TYPE jsonb USING meta::jsonb;
CREATE INDEX CONCURRENTLY retyped_meta ON retyped (meta);
ALTER TABLE retyped ALTER COLUMN meta TYPE int;
ALTER TABLE retyped ALTER COLUMN meta DROP DEFAULT, ALTER COLUMN meta TYPE jsonb USING meta::jsonb,
    ALTER COLUMN meta SET DEFAULT '{}';
-- One that has a cast.
ALTER TABLE retyped ALTER COLUMN n SET DEFAULT 0, ALTER COLUMN g DROP EXPRESSION;
ALTER TABLE retyped ALTER COLUMN n TYPE bigint;
SET migrator.guard = off;
DROP VIEW retyped_v; DROP TABLE retyped, retyped_small;
