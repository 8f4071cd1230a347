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
SET client_min_messages = warning; SET migrator.guard = off; DROP MATERIALIZED VIEW "Sum";
