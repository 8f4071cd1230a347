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
-- What CONCURRENTLY leaves out: invalid indexes of a table are built one by one, those of exclusion constraints cannot be.
SET migrator.guard = off;
CREATE TABLE "Re".ranges (r int4range, n int, CONSTRAINT "No Overlap" EXCLUDE USING gist (r WITH &&));
INSERT INTO "Re".ranges SELECT int4range(g, g + 1), g FROM generate_series(1, 1000) g; ANALYZE "Re".ranges;
RESET migrator.guard;
REINDEX TABLE "Re".ranges;
REINDEX INDEX "Re"."No Overlap";
SET migrator.guard = off;
CREATE INDEX valid ON "Re".ranges (n); CREATE INDEX invalid ON "Re".ranges (n);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"Re".invalid'::regclass;
RESET migrator.guard;
REINDEX TABLE "Re".ranges;
-- In a script it is seen on every version.
SELECT rule, message, hint FROM migrator.lint('REINDEX INDEX "Re"."No Overlap"; REINDEX (CONCURRENTLY) TABLE "Re".ranges');
-- Who reads a materialized view waits for its indexes, too.
CREATE MATERIALIZED VIEW "Re".view AS SELECT g AS n FROM generate_series(1, 1000) g; ANALYZE "Re".view;
CREATE INDEX view_n ON "Re".view (n);
REINDEX TABLE "Re".view;
REINDEX (TABLESPACE pg_default) INDEX "Re".view_n;
-- The owner of a schema may reindex everybody's tables in it; who may not hears so from Postgres.
CREATE ROLE regress_reindex;
SET ROLE regress_reindex;
\set VERBOSITY terse
REINDEX TABLE "Re".ranges;
REINDEX SCHEMA "Re";
RESET ROLE;
ALTER SCHEMA "Re" OWNER TO regress_reindex;
SET ROLE regress_reindex;
REINDEX SCHEMA "Re";
RESET ROLE;
-- MAINTAIN (17) is enough.
GRANT MAINTAIN ON "Re".ranges TO regress_reindex;
SET ROLE regress_reindex;
REINDEX TABLE "Re".ranges;
RESET ROLE;
\set VERBOSITY default
SET client_min_messages = warning; SET migrator.guard = off; DROP SCHEMA "Re" CASCADE; DROP ROLE regress_reindex;
