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
SET client_min_messages = warning; SET migrator.guard = off; DROP TYPE thing CASCADE; DROP DOMAIN thing_checked;
