SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Partitioned tables: leaf by leaf, each row exactly once by each walk, with and without a where_clause.
SET client_min_messages = warning; SET migrator.guard = 'off';
CREATE FUNCTION pg_temp.exact(t regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    EXECUTE format($q$SELECT string_agg(c || ' rows with n = ' || n, ', ' ORDER BY n) FROM (SELECT n, count(*) AS c FROM %s GROUP BY n) s$q$, t) INTO found;
    RETURN found;
END $$;
\set walks 'CALL migrator.backfill(:''t'', ''n = n + 1'', NULL, 7, walk => ''key''); CALL migrator.backfill(:''t'', ''n = n + 1'', ''n = 1'', 7, walk => ''key''); CALL migrator.backfill(:''t'', ''n = n + 1'', ''n = 2'', 7, walk => ''physical''); SELECT pg_temp.exact(:''t'');'
-- Ranges, with a default partition, one partition that is empty, one in another schema, and one whose columns are in another order behind dropped ones.
CREATE SCHEMA bp_other;
CREATE TABLE bp_range (id int, region text, n int DEFAULT 0, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE bp_range_1 PARTITION OF bp_range FOR VALUES FROM (0) TO (100);
CREATE TABLE bp_range_2 (gone int, n int DEFAULT 0, gone_too text, region text, id int NOT NULL PRIMARY KEY); ALTER TABLE bp_range_2 DROP gone, DROP gone_too; ALTER TABLE bp_range ATTACH PARTITION bp_range_2 FOR VALUES FROM (100) TO (200);
CREATE TABLE bp_other.bp_range_1 PARTITION OF bp_range FOR VALUES FROM (200) TO (250);
CREATE TABLE bp_range_3 PARTITION OF bp_range FOR VALUES FROM (250) TO (260);
CREATE TABLE bp_range_rest PARTITION OF bp_range DEFAULT;
INSERT INTO bp_range (id, region) SELECT g, 'r' FROM generate_series(-50, 400) g WHERE g NOT BETWEEN 250 AND 259;
\set t bp_range
:walks
SELECT tableoid::regclass, min(n), max(n), count(*) FROM bp_range GROUP BY 1 ORDER BY 1;
-- Lists and hashes, one below the other, three levels deep.
CREATE TABLE bp_tree (id int, region text, n int DEFAULT 0, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE bp_tree_a PARTITION OF bp_tree FOR VALUES IN ('a') PARTITION BY HASH (id);
CREATE TABLE bp_tree_a_0 PARTITION OF bp_tree_a FOR VALUES WITH (MODULUS 2, REMAINDER 0) PARTITION BY RANGE (id);
CREATE TABLE bp_tree_a_0_all PARTITION OF bp_tree_a_0 DEFAULT;
CREATE TABLE bp_tree_a_1 PARTITION OF bp_tree_a FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE bp_tree_b PARTITION OF bp_tree FOR VALUES IN ('b');
INSERT INTO bp_tree SELECT g, chr(97 + g % 2) FROM generate_series(1, 300) g;
\set t bp_tree
:walks
-- A part of the tree is a table as well; a tree without leaves is done.
CALL migrator.backfill('bp_tree_a', 'n = n + 1', 'n = 3');
SELECT pg_temp.exact('bp_tree'), pg_temp.exact('bp_tree_a');
CREATE TABLE bp_bare (id int, n int) PARTITION BY RANGE (id);
CALL migrator.backfill('bp_bare', 'n = 1');
-- No key of its own, but each partition has one; and one that has none.
CREATE TABLE bp_keys (a int, b int, n int DEFAULT 0) PARTITION BY LIST (a);
CREATE TABLE bp_keys_1 PARTITION OF bp_keys (PRIMARY KEY (b)) FOR VALUES IN (1);
CREATE TABLE bp_keys_2 PARTITION OF bp_keys (b NOT NULL, UNIQUE (b, a), a NOT NULL) FOR VALUES IN (2);
INSERT INTO bp_keys SELECT 1 + g % 2, g FROM generate_series(1, 200) g;
\set t bp_keys
:walks
CREATE TABLE bp_keys_3 PARTITION OF bp_keys FOR VALUES IN (3); INSERT INTO bp_keys SELECT 3, 1 FROM generate_series(1, 50) g;
CALL migrator.backfill('bp_keys', 'n = n + 1');
CALL migrator.backfill('bp_keys', 'n = n + 1', 'n = 0', walk => 'key');
CALL migrator.backfill('bp_keys', 'n = n + 1', 'n = 0');
SELECT pg_temp.exact('bp_keys');
-- Columns by which it is partitioned are refused, at any level, in an expression too, whichever part of the tree is named.
CALL migrator.backfill('bp_range', 'id = id + 1', 'true');
CALL migrator.backfill('bp_tree', 'id = id + 1', 'true');
CREATE TABLE bp_expression (id int, n int) PARTITION BY LIST ((abs(n) % 2));
CREATE TABLE bp_expression_0 PARTITION OF bp_expression FOR VALUES IN (0); CREATE TABLE bp_expression_1 PARTITION OF bp_expression FOR VALUES IN (1);
INSERT INTO bp_expression VALUES (1, 0);
CALL migrator.backfill('bp_expression', 'n = 1', 'n = 0');
CALL migrator.backfill('bp_expression', 'id = id + 1', 'id = 1');
TABLE bp_expression;
-- By the name of a leaf Postgres itself keeps its rows in it, row by row.
CALL migrator.backfill('bp_expression_0', 'n = n + 1', 'n = 0');
SELECT "table", "row", sqlstate, message FROM migrator.backfill_errors;
-- A foreign table among them: walked as a whole, along the key of the parent, of which there is none.
CREATE FOREIGN DATA WRAPPER bp_fdw; CREATE SERVER bp_server FOREIGN DATA WRAPPER bp_fdw;
CREATE FOREIGN TABLE bp_foreign PARTITION OF bp_keys FOR VALUES IN (4) SERVER bp_server;
CALL migrator.backfill('bp_keys', 'n = n + 1', 'n = 1');
SELECT target, walk, state FROM migrator.backfills WHERE state <> 'done';
DROP FOREIGN DATA WRAPPER bp_fdw CASCADE; DROP TABLE bp_range, bp_tree, bp_bare, bp_keys, bp_expression; DROP SCHEMA bp_other CASCADE;
