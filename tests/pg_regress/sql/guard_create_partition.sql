SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- CREATE TABLE ... PARTITION OF: refused exactly when a large DEFAULT partition would be searched.
SET migrator.large_table_rows = 500;
SET migrator.guard = off;
CREATE TABLE cp (id int NOT NULL, k text, "W x" int DEFAULT 7, CONSTRAINT positive CHECK (id > 0)) PARTITION BY LIST (k);
CREATE INDEX cp_w ON cp ("W x");
CREATE TABLE cp_other PARTITION OF cp DEFAULT;
INSERT INTO cp SELECT g, 'z' FROM generate_series(1, 1000) g; ANALYZE cp_other;
RESET migrator.guard;
CREATE TABLE "Cp a" PARTITION OF cp FOR VALUES IN ('a', NULL) WITH (fillfactor = 70);
-- The hint, typed.
ALTER TABLE public.cp_other ADD CONSTRAINT cp_other_default_check CHECK ((k IS NOT NULL) AND (k <> 'a'::text)) NOT VALID;
ALTER TABLE public.cp_other VALIDATE CONSTRAINT cp_other_default_check;
CREATE TABLE public."Cp a" (LIKE public.cp INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE INCLUDING COMPRESSION) WITH (fillfactor = '70');
ALTER TABLE public.cp ATTACH PARTITION public."Cp a" FOR VALUES IN ('a', NULL);
ALTER TABLE public.cp_other DROP CONSTRAINT cp_other_default_check;
\d+ "Cp a"
-- With columns of its own the statement itself is repeated.
CREATE TABLE cp_b PARTITION OF cp (id DEFAULT 5) FOR VALUES IN ('b');
-- Proven, small, the DEFAULT partition itself, what exists.
SET migrator.guard = off;
ALTER TABLE cp_other ADD CHECK (k = 'z'), ALTER k SET NOT NULL;
RESET migrator.guard;
CREATE TABLE cp_c PARTITION OF cp FOR VALUES IN ('c');
CREATE TABLE IF NOT EXISTS cp_c PARTITION OF cp FOR VALUES IN ('d');
CREATE TABLE cp_2 (id int) PARTITION BY RANGE (id);
CREATE TABLE cp_2_other PARTITION OF cp_2 DEFAULT;
INSERT INTO cp_2 VALUES (1);
CREATE TABLE cp_2_a PARTITION OF cp_2 FOR VALUES FROM (5) TO (6);
-- A foreign key to a large table locks it for an instant and reads nothing.
SET migrator.guard = off;
CREATE TABLE cp_clients (id int PRIMARY KEY); INSERT INTO cp_clients SELECT generate_series(1, 2000);
RESET migrator.guard;
CREATE TABLE cp_orders (id int PRIMARY KEY, client int REFERENCES cp_clients);
-- IF NOT EXISTS that does nothing is nobody's business, unless somebody wants to know.
CREATE TABLE IF NOT EXISTS cp_orders (id text);
SELECT migrator.set_rule('if-not-exists-noop', 'warning', reason => 'test');
CREATE TABLE IF NOT EXISTS cp_orders (id text);
SET client_min_messages = warning; SET migrator.guard = off; DROP TABLE cp, cp_2, cp_orders, cp_clients;
