SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- A script that prepares a partition before it attaches it: what earlier statements prove and build counts.
SET migrator.large_table_rows = 500;
CREATE TABLE la_ref (id int PRIMARY KEY); INSERT INTO la_ref SELECT generate_series(0, 2000);
CREATE TABLE la (id int, r int REFERENCES la_ref) PARTITION BY RANGE (id);
CREATE INDEX la_r ON la (r);
CREATE TABLE la_1 (id int, r int); INSERT INTO la_1 SELECT g, g FROM generate_series(0, 999) g; ANALYZE la_1;
CREATE FUNCTION la_lint(script text) RETURNS SETOF text LANGUAGE sql AS
    $$ SELECT statement || ': ' || rule FROM migrator.lint(script) WHERE action = 'error' $$;
SELECT * FROM la_lint($$ALTER TABLE la ATTACH PARTITION la_1 FOR VALUES FROM (0) TO (1000);$$);
SELECT * FROM la_lint($$
ALTER TABLE la_1 ADD CONSTRAINT la_1_check CHECK ((id IS NOT NULL) AND (id >= 0) AND (id < 1000)) NOT VALID;
ALTER TABLE la ATTACH PARTITION la_1 FOR VALUES FROM (0) TO (1000);$$);
SELECT * FROM la_lint($$
ALTER TABLE la_1 ADD CONSTRAINT la_1_check CHECK ((id IS NOT NULL) AND (id >= 0) AND (id < 1000)) NOT VALID;
ALTER TABLE la_1 VALIDATE CONSTRAINT la_1_check;
ALTER TABLE la ATTACH PARTITION la_1 FOR VALUES FROM (0) TO (1000);$$);
SELECT * FROM la_lint($$
ALTER TABLE la_1 ADD CONSTRAINT la_1_check CHECK ((id IS NOT NULL) AND (id >= 0) AND (id < 1000)) NOT VALID;
ALTER TABLE la_1 VALIDATE CONSTRAINT la_1_check;
CREATE INDEX CONCURRENTLY la_1_r ON la_1 (r);
ALTER TABLE la_1 ADD FOREIGN KEY (r) REFERENCES la_ref NOT VALID;
ALTER TABLE la_1 VALIDATE CONSTRAINT la_1_r_fkey;
ALTER TABLE la ATTACH PARTITION la_1 FOR VALUES FROM (0) TO (1000);
ALTER TABLE la_1 DROP CONSTRAINT la_1_check;$$);
-- A new table has no rows, a proof that is dropped again proves nothing.
SELECT * FROM la_lint($$
CREATE TABLE la_2 (LIKE la INCLUDING ALL);
ALTER TABLE la ATTACH PARTITION la_2 FOR VALUES FROM (1000) TO (2000);$$);
ALTER TABLE la_1 ADD CONSTRAINT la_1_check CHECK ((id IS NOT NULL) AND (id >= 0) AND (id < 1000)) NOT VALID;
ALTER TABLE la_1 VALIDATE CONSTRAINT la_1_check;
CREATE INDEX CONCURRENTLY la_1_r ON la_1 (r);
SELECT * FROM la_lint($$
ALTER TABLE la_1 DROP CONSTRAINT la_1_check;
ALTER TABLE la ATTACH PARTITION la_1 FOR VALUES FROM (0) TO (1000);$$);
SET client_min_messages = warning; SET migrator.guard = off; DROP TABLE la, la_1, la_ref; DROP FUNCTION la_lint;
