SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- REFRESH MATERIALIZED VIEW: refused exactly when people read what is large.
SET migrator.large_table_rows = 500;
CREATE MATERIALIZED VIEW "Sum" AS SELECT g AS n FROM generate_series(1, 1000) g WITH NO DATA;
REFRESH MATERIALIZED VIEW "Sum";
ANALYZE "Sum";
REFRESH MATERIALIZED VIEW "Sum";
-- A unique index that will not do.
CREATE UNIQUE INDEX ON "Sum" ((n + 1)); CREATE UNIQUE INDEX ON "Sum" (n) WHERE n > 5;
REFRESH MATERIALIZED VIEW "Sum";
CREATE UNIQUE INDEX ON "Sum" (n);
REFRESH MATERIALIZED VIEW "Sum";
REFRESH MATERIALIZED VIEW CONCURRENTLY public."Sum";
REFRESH MATERIALIZED VIEW "Sum" WITH NO DATA;
REFRESH MATERIALIZED VIEW "Sum";
-- Concurrently does not help in a transaction that keeps readers off already.
SET migrator.guard = off;
REFRESH MATERIALIZED VIEW "Sum"; ANALYZE "Sum";
BEGIN; ALTER MATERIALIZED VIEW "Sum" RENAME COLUMN n TO m;
SET LOCAL migrator.guard = enforce;
REFRESH MATERIALIZED VIEW CONCURRENTLY "Sum";
ROLLBACK;
RESET migrator.guard;
-- No materialized view; not somebody's who may refresh it.
CREATE TABLE rmv_table AS SELECT g FROM generate_series(1, 1000) g; ANALYZE rmv_table;
REFRESH MATERIALIZED VIEW rmv_table;
CREATE ROLE regress_refresh;
GRANT USAGE ON SCHEMA public TO regress_refresh;
SET ROLE regress_refresh;
REFRESH MATERIALIZED VIEW "Sum";
RESET ROLE;
SET migrator.guard = off; DROP TABLE rmv_table; RESET migrator.guard; REVOKE USAGE ON SCHEMA public FROM regress_refresh; DROP ROLE regress_refresh;
SET client_min_messages = warning; SET migrator.guard = off; DROP MATERIALIZED VIEW "Sum";
