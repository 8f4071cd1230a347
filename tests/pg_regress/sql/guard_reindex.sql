SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- REINDEX, which fires events from 17: refused exactly when a large table's writers would wait.
SET migrator.large_table_rows = 500;
CREATE SCHEMA "Re";
CREATE TABLE "Re".large (id int PRIMARY KEY, a int); INSERT INTO "Re".large SELECT g, g FROM generate_series(1, 1000) g;
CREATE TABLE "Re".small_1 (id int PRIMARY KEY); INSERT INTO "Re".small_1 SELECT generate_series(1, 300);
CREATE TABLE "Re".small_2 (id int PRIMARY KEY); INSERT INTO "Re".small_2 SELECT generate_series(1, 300);
CREATE TABLE "Re".bare AS SELECT generate_series(1, 1000);
CREATE TABLE "Re".parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE "Re".parts_1 PARTITION OF "Re".parts FOR VALUES FROM (0) TO (400);
CREATE TABLE "Re".parts_2 PARTITION OF "Re".parts FOR VALUES FROM (400) TO (800);
INSERT INTO "Re".parts SELECT generate_series(0, 799);
ANALYZE;
REINDEX TABLE "Re".large;
REINDEX INDEX "Re".large_pkey;
REINDEX TABLE "Re".parts;
REINDEX SCHEMA "Re";
REINDEX (CONCURRENTLY) TABLE "Re".large;
REINDEX TABLE "Re".small_1;
REINDEX TABLE "Re".bare;
-- A schema's tables are done one by one: together they are no large table.
SET migrator.guard = off;
DROP TABLE "Re".large;
RESET migrator.guard;
REINDEX SCHEMA "Re";
SET client_min_messages = warning; SET migrator.guard = off; DROP SCHEMA "Re" CASCADE;
