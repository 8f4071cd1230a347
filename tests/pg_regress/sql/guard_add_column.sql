SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- add-column-not-null: refused exactly when a row is there and nothing would fill the column.
CREATE TABLE anc (id int PRIMARY KEY);
ALTER TABLE anc ADD a0 int NOT NULL;
INSERT INTO anc VALUES (1, 1);
ANALYZE anc;
ALTER TABLE anc ADD a1 int NOT NULL;
ALTER TABLE anc ADD a1 int NOT NULL DEFAULT NULL;
ALTER TABLE anc ADD a1 int NOT NULL DEFAULT (NULL::int);
ALTER TABLE anc ADD a1 int DEFAULT 1, ADD "Select" varchar(20) COLLATE "C" NOT NULL;
DO $$ BEGIN EXECUTE 'ALTER TABLE anc ADD a1 uuid NOT NULL'; END $$;
-- Filled: default, identity, generated, serial, a domain's default.
CREATE DOMAIN anc_domain AS int DEFAULT 5;
ALTER TABLE anc ADD b1 int NOT NULL DEFAULT 0, ADD b2 int NOT NULL GENERATED ALWAYS AS IDENTITY,
    ADD b3 int NOT NULL GENERATED ALWAYS AS (id + 1) STORED, ADD b4 serial NOT NULL, ADD b5 anc_domain NOT NULL;
-- Nothing would be added.
ALTER TABLE anc ADD COLUMN IF NOT EXISTS b1 int NOT NULL;
-- Not our business: temporary, created in this transaction, not there, not a type, no NOT NULL.
CREATE TEMP TABLE anc_temp AS SELECT 1 AS a;
ALTER TABLE anc_temp ADD b int NOT NULL;
BEGIN;
CREATE TABLE anc_new AS SELECT 1 AS a;
SAVEPOINT s;
ALTER TABLE anc_new ADD b int NOT NULL;
ROLLBACK;
ALTER TABLE IF EXISTS anc_nowhere ADD b int NOT NULL;
ALTER TABLE anc ADD b6 nosuchtype NOT NULL;
ALTER TABLE anc ADD b6 int;
-- Rows that are gone do not count, rows of children and partitions do.
BEGIN;
DELETE FROM anc;
ALTER TABLE anc ADD a1 int NOT NULL;
ROLLBACK;
CREATE TABLE anc_part (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE anc_part_1 PARTITION OF anc_part FOR VALUES FROM (0) TO (10);
ALTER TABLE anc_part ADD c1 int NOT NULL;
INSERT INTO anc_part VALUES (1, 1);
ALTER TABLE anc_part ADD c2 int NOT NULL;
-- The name is resolved as the server will.
CREATE SCHEMA anc_s;
CREATE TABLE anc_s.anc (id int PRIMARY KEY);
SET search_path = anc_s, public;
ALTER TABLE anc ADD a1 int NOT NULL;
ALTER TABLE public.anc ADD a1 int NOT NULL;
RESET search_path;
-- Not the owner: Postgres says so, and the guard gives nothing away.
CREATE ROLE regress_other;
SET ROLE regress_other;
ALTER TABLE anc ADD a1 int NOT NULL;
RESET ROLE;
DROP ROLE regress_other;
SET client_min_messages = warning;
SET migrator.guard = 'off';
DROP TABLE anc, anc_part; DROP SCHEMA anc_s CASCADE; DROP DOMAIN anc_domain;
RESET migrator.guard;
-- Foreign partitions and children have no rows of ours to look at.
CREATE FOREIGN DATA WRAPPER anc_fdw; CREATE SERVER anc_server FOREIGN DATA WRAPPER anc_fdw;
CREATE TABLE anc_fp (a int) PARTITION BY RANGE (a);
CREATE FOREIGN TABLE anc_fp1 PARTITION OF anc_fp FOR VALUES FROM (0) TO (10) SERVER anc_server;
ALTER TABLE anc_fp ADD c int NOT NULL;
DROP TABLE anc_fp; DROP FOREIGN DATA WRAPPER anc_fdw CASCADE;
-- A child that has the column keeps its own; the rest of the statement may be what makes it NOT NULL.
CREATE TABLE anc_parent (id int); CREATE TABLE anc_child (id int, c int NOT NULL) INHERITS (anc_parent);
INSERT INTO anc_child VALUES (1, 1);
ALTER TABLE anc_parent ADD c int NOT NULL;
\set VERBOSITY terse
ALTER TABLE anc_parent ADD d int, ALTER d SET NOT NULL;
ALTER TABLE anc_parent ADD d int, ADD PRIMARY KEY (d);
\set VERBOSITY default
ALTER TABLE anc_parent ADD d int NOT NULL CHECK (d > 0), ADD e text;
SET migrator.guard = 'off';
DROP TABLE anc_parent CASCADE;
