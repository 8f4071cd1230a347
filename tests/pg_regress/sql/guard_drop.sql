SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- DROP of what holds rows, or is used.
SET migrator.large_table_rows = 1000;
CREATE TABLE big (id int PRIMARY KEY, a int);
INSERT INTO big SELECT g, g FROM generate_series(1, 2000) g;
ANALYZE big;
SELECT count(*) FROM big;
SELECT pg_stat_force_next_flush();
CREATE TABLE "Small t" (a int);
INSERT INTO "Small t" VALUES (1);
ANALYZE "Small t";
CREATE TABLE empty (a int);
-- Large: an error, with what the statistics know of its use.
DROP TABLE big;
DROP TABLE IF EXISTS nothing, public.big;
-- Small: a warning. Several at once. Nothing where there is nothing.
BEGIN; DROP TABLE "Small t"; ROLLBACK;
DROP TABLE "Small t", big;
DROP TABLE nothing, big;
DROP TABLE IF EXISTS nothing;
BEGIN; DROP TABLE empty; ROLLBACK;
-- A function that names it; Postgres knows of no dependency.
CREATE FUNCTION drop_f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM "Small t"';
DROP TABLE "Small t";
CREATE FUNCTION drop_g() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN drop_f(); END';
BEGIN; DROP FUNCTION drop_f(); ROLLBACK;
BEGIN; DROP FUNCTION drop_g(); ROLLBACK;
BEGIN; DROP FUNCTION drop_f(), drop_g(); ROLLBACK;
-- The hint.
BEGIN;
SET LOCAL migrator.allow = 'drop-table';
DROP TABLE public.big;
ROLLBACK;
-- A partition locks its parent.
CREATE TABLE dparts (id int) PARTITION BY RANGE (id);
CREATE TABLE dpart_1 PARTITION OF dparts FOR VALUES FROM (0) TO (10000);
INSERT INTO dparts SELECT generate_series(1, 2000);
ANALYZE dpart_1;
SELECT pg_stat_force_next_flush();
DROP TABLE dpart_1;
CREATE TABLE dpart_2 PARTITION OF dparts DEFAULT;
DROP TABLE dpart_1;
DROP TABLE dparts;
-- Materialized views count when they are large, views do not.
CREATE VIEW big_view AS SELECT a FROM empty;
CREATE MATERIALIZED VIEW big_mat AS SELECT g FROM generate_series(1, 2000) g;
ANALYZE big_mat;
SELECT pg_stat_force_next_flush();
BEGIN; DROP VIEW big_view; ROLLBACK;
DROP MATERIALIZED VIEW big_mat;
-- Foreign keys to a large table lock that, too.
CREATE TABLE child (big_id int REFERENCES big);
BEGIN; DROP TABLE child; ROLLBACK;
-- Schemas.
CREATE SCHEMA dschema;
CREATE TABLE dschema.t AS SELECT generate_series(1, 2000) AS a;
ANALYZE dschema.t;
DROP SCHEMA dschema;
DROP SCHEMA dschema CASCADE;
CREATE SCHEMA dschema_2;
DROP SCHEMA dschema_2;
-- What somebody owns.
CREATE ROLE regress_owner;
GRANT CREATE ON SCHEMA public TO regress_owner;
SET ROLE regress_owner;
CREATE TABLE owned_1 AS SELECT generate_series(1, 2000) AS a;
CREATE TABLE owned_2 (a int);
CREATE TEMP TABLE owned_temp AS SELECT generate_series(1, 2000) AS a;
ANALYZE owned_1;
-- Not its own: Postgres refuses.
DROP TABLE big;
RESET ROLE;
SELECT pg_stat_force_next_flush();
DROP OWNED BY regress_owner;
-- New and temporary ones.
BEGIN;
CREATE TABLE dnew AS SELECT * FROM big;
SAVEPOINT s;
CREATE TABLE dnew_2 AS SELECT * FROM big;
DROP TABLE dnew_2;
RELEASE s;
ALTER TABLE dnew ADD COLUMN b int;
DROP TABLE dnew;
CREATE SCHEMA dnew;
CREATE TABLE dnew.t AS SELECT * FROM big;
DROP SCHEMA dnew CASCADE;
ROLLBACK;
CREATE TEMP TABLE dtemp AS SELECT * FROM big;
DROP TABLE dtemp;
SET migrator.guard = 'off';
DROP OWNED BY regress_owner;
DROP TABLE child, big, dparts, "Small t", empty CASCADE;
DROP MATERIALIZED VIEW big_mat;
DROP FUNCTION drop_f, drop_g;
DROP SCHEMA dschema CASCADE;
DROP ROLE regress_owner;
