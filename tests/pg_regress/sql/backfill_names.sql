SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Names that have to be quoted, or that a statement of ours might take for its own.
SET client_min_messages = warning; SET migrator.guard = 'off';
CREATE FUNCTION pg_temp.exact(t regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    EXECUTE format($q$SELECT string_agg(c || ' rows with n = ' || n, ', ' ORDER BY n) FROM (SELECT n, count(*) AS c FROM %s GROUP BY n) s$q$, t) INTO found;
    RETURN found;
END $$;
\set walks 'CALL migrator.backfill(:''t'', ''n = n + 1'', NULL, 7, walk => ''key''); CALL migrator.backfill(:''t'', ''n = n + 1'', ''n = 1'', 7, walk => ''key''); CALL migrator.backfill(:''t'', ''n = n + 1'', ''n = 2'', 7, walk => ''physical''); SELECT pg_temp.exact(:''t'');'
CREATE SCHEMA "Bn odd.schema";
CREATE TABLE "Bn odd.schema"."it's ""Odd"".täble" ("Key ""1""" int, "k.2" text, "select" int, n int DEFAULT 0, PRIMARY KEY ("Key ""1""", "k.2", "select"));
INSERT INTO "Bn odd.schema"."it's ""Odd"".täble" SELECT g % 3, g, g % 2 FROM generate_series(1, 150) g;
\set t '"Bn odd.schema"."it''s ""Odd"".täble"'
:walks
CALL migrator.backfill('"Bn odd.schema"."it''s ""Odd"".täble"', 'n = "it''s ""Odd"".täble"."select" + 10', '"it''s ""Odd"".täble".n = 3');
SELECT pg_temp.exact('"Bn odd.schema"."it''s ""Odd"".täble"');
-- Tables and columns with the names that our statements use inside.
CREATE TABLE changed (still int, changed int, key int, "of" int, found int, page int, first int, row_id int, n int DEFAULT 0, PRIMARY KEY (changed, still, key, "of", found, page));
INSERT INTO changed SELECT g % 3, g % 5, g % 7, g % 11, g % 13, g, g FROM generate_series(1, 150) g;
\set t changed
:walks
CALL migrator.backfill('changed', 'first = changed.still + 1000 + (SELECT max(changed.page) FROM changed)', 'first < 1000');
CALL migrator.backfill('changed', 'row_id = still', 'row_id IS NULL AND still IS NOT NULL AND changed > -1 AND "of" > -1 AND found > -1');
SELECT count(*) FROM changed WHERE first > 150 AND row_id = still;
CREATE TABLE found (id int PRIMARY KEY, "ctid " int, n int DEFAULT 0); INSERT INTO found SELECT generate_series(1, 100);
CREATE TABLE "of" (id int, n int DEFAULT 0) PARTITION BY RANGE (id); CREATE TABLE still PARTITION OF "of" (PRIMARY KEY (id)) DEFAULT; INSERT INTO "of" SELECT generate_series(1, 100);
\set t found
:walks
\set t '"of"'
:walks
-- A failing row is named as it would be typed.
CALL migrator.backfill('"Bn odd.schema"."it''s ""Odd"".täble"', 'n = 1 / ("select" - "select")', '"k.2" = ''7''');
SELECT "table", "row" FROM migrator.backfill_errors;
-- In no schema of the search_path; a table of the same name is there, and so are the functions and operators of the clauses.
CREATE SCHEMA bn_far; CREATE SCHEMA bn_near;
CREATE TABLE bn_far.same (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO bn_far.same SELECT generate_series(1, 100);
CREATE TABLE bn_near.same (LIKE bn_far.same INCLUDING ALL); INSERT INTO bn_near.same SELECT generate_series(1, 100);
CREATE FUNCTION bn_near.count(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT -1::bigint';
CREATE FUNCTION bn_near.next(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';
CREATE FUNCTION bn_near.less(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR bn_near.<= (LEFTARG = int, RIGHTARG = int, FUNCTION = bn_near.less); CREATE OPERATOR bn_near.= (LEFTARG = int, RIGHTARG = int, FUNCTION = bn_near.less);
SET search_path = bn_near, pg_catalog;
CALL migrator.backfill('bn_far.same', 'n = next(n)', NULL, 7);
CALL migrator.backfill('bn_far.same', 'n = next(n)', 'less(n, 0) AND n < 2', 7);
RESET search_path;
SELECT pg_temp.exact('bn_far.same'), pg_temp.exact('bn_near.same');
-- Without a name at all of its own in the path: pg_catalog comes first, temporary tables before it.
CREATE TEMPORARY TABLE pg_class (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO pg_class VALUES (1);
CALL migrator.backfill('pg_temp.pg_class', 'n = 1', 'n = 0');
SELECT n FROM pg_temp.pg_class;
SELECT id, regexp_replace(target, 'pg_temp_\d+', 'pg_temp') AS target, state FROM migrator.backfills WHERE state <> 'done' OR target ~ '^pg_temp';
DROP TABLE pg_temp.pg_class, changed, found, "of"; DROP SCHEMA "Bn odd.schema", bn_far, bn_near CASCADE;
