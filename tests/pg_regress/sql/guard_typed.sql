SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- ALTER TYPE ... CASCADE: what it does to tables OF the type.
SET migrator.large_table_rows = 500;
CREATE TYPE thing AS (n int, name varchar(10));
CREATE TABLE things OF thing; INSERT INTO things SELECT g, 'x' FROM generate_series(1, 1000) g; ANALYZE things;
ALTER TYPE thing ALTER ATTRIBUTE n TYPE bigint CASCADE;
-- Widening is free, unless an index is made anew.
ALTER TYPE thing ALTER ATTRIBUTE name TYPE varchar(20) CASCADE;
SET migrator.guard = off;
CREATE INDEX things_name ON things (lower(name));
RESET migrator.guard;
ALTER TYPE thing ALTER ATTRIBUTE name TYPE text CASCADE, ALTER ATTRIBUTE n TYPE bigint CASCADE;
-- A new attribute is free, unless its type checks it.
ALTER TYPE thing ADD ATTRIBUTE more int CASCADE;
CREATE DOMAIN thing_checked AS int CHECK (VALUE > 0);
ALTER TYPE thing ADD ATTRIBUTE checked thing_checked CASCADE;
-- Postgres says no by itself.
ALTER TYPE thing ALTER ATTRIBUTE n TYPE bigint;
CREATE TABLE stored (t thing);
ALTER TYPE thing ALTER ATTRIBUTE n TYPE bigint CASCADE;
DROP TABLE stored;
-- Each command is a statement of its own in the hint. The type may be new where the table is not.
ALTER TYPE thing DROP ATTRIBUTE more CASCADE, ALTER ATTRIBUTE n TYPE bigint CASCADE;
SET migrator.guard = off;
CREATE TABLE plain (n int); INSERT INTO plain SELECT generate_series(1, 1000); ANALYZE plain;
RESET migrator.guard;
BEGIN;
CREATE TYPE fresh AS (n int);
ALTER TABLE plain OF fresh;
ALTER TYPE fresh ALTER ATTRIBUTE n TYPE bigint CASCADE;
ROLLBACK;
SET migrator.guard = off; DROP TABLE plain; RESET migrator.guard;
SET client_min_messages = warning; SET migrator.guard = off; DROP TYPE thing CASCADE; DROP DOMAIN thing_checked;
