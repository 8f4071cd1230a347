SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Tables of every kind: each row is changed exactly once by each walk, with and without a where_clause.
SET client_min_messages = warning; SET migrator.guard = 'off';
CREATE FUNCTION pg_temp.exact(t regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    EXECUTE format($q$SELECT string_agg(c || ' rows with n = ' || n, ', ' ORDER BY n) FROM (SELECT n, count(*) AS c FROM %s GROUP BY n) s$q$, t) INTO found;
    RETURN found;
END $$;
\set walks 'CALL migrator.backfill(:''t'', ''n = n + 1'', NULL, 7, walk => ''key''); CALL migrator.backfill(:''t'', ''n = n + 1'', ''n = 1'', 7, walk => ''key''); CALL migrator.backfill(:''t'', ''n = n + 1'', ''n = 2'', 7, walk => ''physical''); SELECT pg_temp.exact(:''t'');'
-- Of no row, of one, of one page.
CREATE TABLE bt_empty (id int PRIMARY KEY, n int DEFAULT 0);
CREATE TABLE bt_one (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO bt_one VALUES (-1);
CREATE TABLE bt_page (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO bt_page SELECT generate_series(1, 50);
\set t bt_empty
:walks
\set t bt_one
:walks
\set t bt_page
:walks
-- Unlogged; with dropped columns; with full pages; with values out of line; with holes that deleted rows left.
CREATE UNLOGGED TABLE bt_unlogged (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO bt_unlogged SELECT generate_series(1, 500);
CREATE TABLE bt_dropped (x text, id int, y int, PRIMARY KEY (y, id), z text, n int DEFAULT 0); ALTER TABLE bt_dropped DROP x, DROP z; INSERT INTO bt_dropped SELECT g, g % 3 FROM generate_series(1, 500) g;
CREATE TABLE bt_full (id int PRIMARY KEY, n int DEFAULT 0) WITH (fillfactor = 100); INSERT INTO bt_full SELECT generate_series(1, 1500);
CREATE TABLE bt_toast (id int PRIMARY KEY, body text, n int DEFAULT 0); ALTER TABLE bt_toast ALTER body SET STORAGE EXTERNAL; INSERT INTO bt_toast SELECT g, repeat(g::text, 3000) FROM generate_series(1, 100) g;
CREATE TABLE bt_holes (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO bt_holes SELECT generate_series(1, 3000); DELETE FROM bt_holes WHERE id BETWEEN 500 AND 2500 OR id > 2990;
\set t bt_unlogged
:walks
\set t bt_dropped
:walks
\set t bt_full
:walks
\set t bt_toast
:walks
SELECT count(*) FROM bt_toast WHERE body = repeat(id::text, 3000);
\set t bt_holes
:walks
-- Temporary: no other process can read it.
CREATE TEMPORARY TABLE bt_temporary (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO bt_temporary SELECT generate_series(1, 500);
\set t bt_temporary
:walks
CALL migrator.backfill('bt_temporary', 'n = n + 1', 'n = 3', workers => 2);
SELECT pg_temp.exact('bt_temporary');
DO $$
DECLARE detail text; hint text;
BEGIN
    PERFORM migrator.start_backfill('bt_temporary', 'n = n + 1', 'n = 4');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RAISE WARNING '% % %', regexp_replace(SQLERRM, 'pg_temp_\d+', 'pg_temp'), detail, hint;
END $$;
-- Columns that are generated, or have a number of their own.
CREATE TABLE bt_generated (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int DEFAULT 0, double int GENERATED ALWAYS AS (n * 2) STORED); INSERT INTO bt_generated SELECT FROM generate_series(1, 300);
\set t bt_generated
:walks
SELECT count(*) FROM bt_generated WHERE double = n * 2;
CALL migrator.backfill('bt_generated', 'double = 1');
CALL migrator.backfill('bt_generated', 'id = 1', 'n = 0', walk => 'physical');
-- Stripes: so many as asked for, none, or, where a page holds few rows or an index covers the column, none by itself.
CREATE TABLE bt_stripes (id int PRIMARY KEY, n int DEFAULT 0, wide text); INSERT INTO bt_stripes SELECT g, 0, repeat('x', 50) FROM generate_series(-4000, 4000) g; ANALYZE bt_stripes;
CALL migrator.backfill('bt_stripes', 'n = n + 1', walk => 'key', stripes => 3);
CALL migrator.backfill('bt_stripes', 'n = n + 1', 'n = 1', walk => 'key', stripes => 3);
CALL migrator.backfill('bt_stripes', 'n = n + 1', 'n = 2', walk => 'physical', stripes => 3);
CALL migrator.backfill('bt_stripes', 'n = n + 1', 'n = 3', walk => 'physical', stripes => 64);
CALL migrator.backfill('bt_stripes', 'n = n + 1', 'n = 4', stripes => 1);
CALL migrator.backfill('bt_stripes', 'n = n + 1', 'n = 5');
SELECT pg_temp.exact('bt_stripes');
CREATE INDEX ON bt_stripes (n);
CALL migrator.backfill('bt_stripes', 'n = n + 1', 'n = 6');
CREATE TABLE bt_wide (id int PRIMARY KEY, n int DEFAULT 0, wide text); INSERT INTO bt_wide SELECT g, 0, repeat('x', 3000) FROM generate_series(1, 200) g; ALTER TABLE bt_wide ALTER wide SET STORAGE PLAIN; ANALYZE bt_wide;
CALL migrator.backfill('bt_wide', 'n = n + 1', 'n = 0');
CREATE TABLE bt_textkey (id text PRIMARY KEY, n int DEFAULT 0, wide text); INSERT INTO bt_textkey SELECT to_char(g, 'FM00000'), 0, repeat('x', 50) FROM generate_series(1, 8000) g; ANALYZE bt_textkey;
CALL migrator.backfill('bt_textkey', 'n = n + 1', walk => 'key');
CALL migrator.backfill('bt_textkey', 'n = n + 1', stripes => 5);
CREATE TABLE bt_money (id money PRIMARY KEY, n int DEFAULT 0); INSERT INTO bt_money SELECT g::money FROM generate_series(1, 100) g;
\set t bt_money
:walks
CALL migrator.backfill('bt_money', 'n = n + 1', NULL, 7, walk => 'key', stripes => 3);
SELECT pg_temp.exact('bt_stripes'), pg_temp.exact('bt_wide'), pg_temp.exact('bt_textkey'), pg_temp.exact('bt_money');
SELECT u.name, u.walk, u.stripes FROM migrator.backfill_unit u WHERE u.name ~ 'stripes|wide|textkey|money' ORDER BY u.backfill;
-- Inheritance: children with columns of their own and in another order, with a key of their own, with a key that may be NULL.
CREATE TABLE bt_parent (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO bt_parent SELECT generate_series(1, 50);
CREATE TABLE bt_child (extra text, n int DEFAULT 0, id int PRIMARY KEY); ALTER TABLE bt_child INHERIT bt_parent; INSERT INTO bt_child (id) SELECT generate_series(1, 50);
CREATE TABLE bt_grandchild (other uuid PRIMARY KEY) INHERITS (bt_child); ALTER TABLE bt_grandchild ALTER id SET NOT NULL; INSERT INTO bt_grandchild SELECT 'x', 0, g, md5(g::text)::uuid FROM generate_series(1, 50) g;
\set t bt_parent
:walks
SELECT tableoid::regclass, pg_temp.exact(tableoid) FROM bt_parent GROUP BY 1, 2 ORDER BY 1;
CREATE TABLE bt_keyless () INHERITS (bt_parent); INSERT INTO bt_keyless SELECT 7, 0 FROM generate_series(1, 50);
CALL migrator.backfill('bt_parent', 'n = n + 1');
CALL migrator.backfill('bt_parent', 'n = n + 1', 'n IN (0, 3)');
SELECT pg_temp.exact('bt_parent');
-- The child alone is a table too.
CALL migrator.backfill('bt_child', 'n = n + 1', 'n = 4', walk => 'key');
SELECT tableoid::regclass, min(n), max(n) FROM bt_parent GROUP BY 1 ORDER BY 1;
SELECT state, count(*) FROM migrator.backfills GROUP BY 1;
DROP TABLE bt_parent CASCADE; DROP TABLE bt_empty, bt_one, bt_page, bt_unlogged, bt_dropped, bt_full, bt_toast, bt_holes, bt_temporary, bt_generated, bt_stripes, bt_wide, bt_textkey, bt_money;
