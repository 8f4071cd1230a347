SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
\set VERBOSITY default
\set SHOW_CONTEXT never
-- Partitioned tables, and tables with children. n counts how often a row was changed.
SET client_min_messages = warning;
SET migrator.guard = 'off';
CREATE SCHEMA tr; SET search_path = tr;
CREATE TABLE ranged (id int, k int, n int DEFAULT 0, PRIMARY KEY (id, k)) PARTITION BY RANGE (k);
CREATE TABLE ranged_1 PARTITION OF ranged FOR VALUES FROM (0) TO (30);
CREATE TABLE ranged_2 PARTITION OF ranged FOR VALUES FROM (30) TO (60) PARTITION BY LIST (id);
CREATE TABLE ranged_2_odd PARTITION OF ranged_2 FOR VALUES IN (31, 33, 35, 37, 39, 41);
CREATE TABLE ranged_2_rest PARTITION OF ranged_2 DEFAULT;
CREATE TABLE ranged_3 (gone text, n int DEFAULT 0, k int NOT NULL, id int NOT NULL); ALTER TABLE ranged_3 DROP gone;
ALTER TABLE ranged ATTACH PARTITION ranged_3 FOR VALUES FROM (60) TO (90);
CREATE TABLE ranged_rest PARTITION OF ranged DEFAULT;
INSERT INTO ranged SELECT g, g FROM generate_series(1, 120) g;
CREATE TABLE hashed (id int PRIMARY KEY, n int DEFAULT 0) PARTITION BY HASH (id);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO hashed SELECT generate_series(1, 120);
CREATE TABLE parent (id int PRIMARY KEY, n int DEFAULT 0);
CREATE TABLE child (more text, PRIMARY KEY (id)) INHERITS (parent);
CREATE TABLE grandchild (PRIMARY KEY (id)) INHERITS (child);
INSERT INTO parent SELECT generate_series(1, 40); INSERT INTO child SELECT generate_series(30, 80); INSERT INTO grandchild SELECT generate_series(1, 29);
CREATE TABLE no_partitions (id int PRIMARY KEY, n int DEFAULT 0) PARTITION BY RANGE (id);
SELECT format('CALL migrator.backfill(%L, ''n = %1$s.n + 1'', %s)', t, replace(o, '@', t)) FROM unnest('{ranged,hashed,parent,no_partitions}'::text[]) t,
    unnest('{"NULL","''@.n = 1''","''@.n = 2'', walk => ''key'', batch_rows => 7","NULL, stripes => 3","''n = 4 AND EXISTS (SELECT FROM hashed h WHERE h.id > @.n)'', stripes => 3"}'::text[]) WITH ORDINALITY o (o, i) ORDER BY t, i
\set ECHO none
\gexec
\set ECHO all
SELECT tableoid::regclass, n, count(*) FROM (SELECT tableoid, n FROM ranged UNION ALL SELECT tableoid, n FROM hashed UNION ALL SELECT tableoid, n FROM parent) s GROUP BY 1, 2 ORDER BY tableoid::regclass::text, 2;
SELECT DISTINCT target, state FROM migrator.backfills ORDER BY 1, 2;
-- One partition of it; what moves rows to another one; what names the table with its schema.
CALL migrator.backfill('ranged_2', 'n = n + 1', 'n = 5');
CALL migrator.backfill('ranged', 'k = k + 1', 'n = 5');
CALL migrator.backfill('ranged_2', 'id = 1', 'n = 5');
CALL migrator.backfill('ranged', 'n = tr.ranged.n + 1', 'tr.ranged.n = 5');
SELECT n, count(*) FROM ranged GROUP BY n ORDER BY n;
-- A child without a key, and one whose rows fail.
CREATE TABLE stray () INHERITS (parent); INSERT INTO stray VALUES (1), (0), (0);
CALL migrator.backfill('parent', 'n = n + 1');
CALL migrator.backfill('parent', 'n = n + 1', 'n IN (0, 5)', walk => 'key');
CALL migrator.backfill('parent', 'n = n / id + 1', 'n IN (0, 5)');
CALL migrator.backfill('parent', 'n = n + 1', 'n IN (0, 5)');
SELECT tableoid::regclass, n, count(*) FROM parent GROUP BY 1, 2 ORDER BY tableoid::regclass::text, 2;
-- Policies of a parent count only through it: as a whole.
CREATE ROLE regress_tenant; GRANT USAGE ON SCHEMA tr, migrator TO regress_tenant; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA migrator TO regress_tenant;
ALTER TABLE hashed ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON hashed USING (id <= 60) WITH CHECK (n < 8);
GRANT SELECT, UPDATE ON hashed, hashed_0, hashed_1 TO regress_tenant;
SET ROLE regress_tenant;
CALL migrator.backfill('hashed', 'n = n + 1');
CALL migrator.backfill('hashed', 'n = n + 1', 'n = 6', batch_rows => 7);
CALL migrator.backfill('hashed', 'n = n + 1', 'n = 7', walk => 'physical');
CALL migrator.backfill('hashed', 'n = n + 1', 'n = 7');
RESET ROLE;
SELECT id <= 60 AS own, n, count(*) FROM hashed GROUP BY 1, 2 ORDER BY 1, 2;
-- Rights on the parent only: as a whole as well.
GRANT SELECT, UPDATE ON ranged, parent TO regress_tenant;
SET ROLE regress_tenant;
CALL migrator.backfill('ranged', 'n = n + 1', batch_rows => 7);
CALL migrator.backfill('parent', 'n = n + 1');
RESET ROLE;
SELECT n, count(*) FROM ranged GROUP BY n ORDER BY n;
SELECT n, count(*) FROM stray GROUP BY n ORDER BY n;
RESET search_path;
DROP SCHEMA tr CASCADE; DROP OWNED BY regress_tenant; DROP ROLE regress_tenant;
