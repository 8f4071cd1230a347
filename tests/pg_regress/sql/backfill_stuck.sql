SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Rows for which the update does not make the where_clause false: found out, never an endless loop, and left as they were.
SET client_min_messages = warning; SET migrator.guard = 'off';
CREATE TABLE bs (id int PRIMARY KEY, src text, dst text, n int DEFAULT 0); INSERT INTO bs SELECT g, CASE WHEN g NOT IN (5, 250) THEN 'S' || g END FROM generate_series(1, 300) g;
-- The source is NULL.
CALL migrator.backfill('bs', 'n = n + 1, dst = lower(src)', 'dst IS NULL', 50, walk => 'key');
SELECT n, count(*), count(dst) FROM bs GROUP BY 1 ORDER BY 1;
SELECT "row", sqlstate, message, detail FROM migrator.backfill_errors;
-- Again: the same. With a source: done.
CALL migrator.backfill('bs', 'n = n + 1, dst = lower(src)', 'dst IS NULL', 50, walk => 'key');
UPDATE bs SET src = 'x' WHERE src IS NULL;
CALL migrator.backfill('bs', 'n = n + 1, dst = lower(src)', 'dst IS NULL', 50, walk => 'key');
SELECT n, count(*), count(dst) FROM bs GROUP BY 1;
-- In a table without a key the row is named by its place.
CREATE TABLE bs_none (src text, dst text); INSERT INTO bs_none VALUES ('a'), (NULL), ('b');
CALL migrator.backfill('bs_none', 'dst = src', 'dst IS NULL');
SELECT "row" FROM migrator.backfill_errors;
-- A condition that has nothing to do with the change: for no row, for all of them.
CALL migrator.backfill('bs', 'n = n + 1', 'n < 0');
CALL migrator.backfill('bs', 'n = n + 1', 'true', 50, walk => 'key');
SELECT min(n), max(n) FROM bs;
-- One that comes true again only after many changes is taken for one that stays.
CALL migrator.backfill('bs', 'n = n + 1', 'n < 3', 50, walk => 'key');
SELECT min(n), max(n) FROM bs;
DROP TABLE bs, bs_none;
