SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- Columns and constraints that go, and what goes with them.
SET migrator.large_table_rows = 1000;
CREATE TABLE dcol (id int PRIMARY KEY, a int, b int, "C d" text, e int, UNIQUE (b, "C d"), CHECK (a > b));
INSERT INTO dcol SELECT g, 2 * g + 1, g, 'x', 1 FROM generate_series(1, 2000) g;
ANALYZE dcol;
CREATE TABLE dcol_small (a int, b int);
INSERT INTO dcol_small VALUES (1, 2);
ANALYZE dcol_small;
CREATE TABLE dcol_empty (a int, b int);
ALTER TABLE dcol DROP COLUMN e;
BEGIN; ALTER TABLE dcol_small DROP COLUMN b; ROLLBACK;
ALTER TABLE dcol_empty DROP COLUMN b;
ALTER TABLE dcol DROP COLUMN nothing;
ALTER TABLE dcol DROP COLUMN IF EXISTS nothing;
-- What goes with it without a word.
ALTER TABLE dcol DROP COLUMN "C d";
ALTER TABLE dcol DROP COLUMN a;
CREATE INDEX CONCURRENTLY dcol_ea ON dcol (e, a DESC);
CREATE INDEX CONCURRENTLY dcol_e ON dcol (e);
CREATE INDEX CONCURRENTLY dcol_part ON dcol (id) WHERE e > 0;
CREATE STATISTICS dcol_stat ON e, a FROM dcol;
ALTER TABLE dcol DROP COLUMN e;
-- The hint.
CREATE INDEX CONCURRENTLY ON public.dcol USING btree (a DESC);
BEGIN;
SET LOCAL migrator.allow = 'drop-column-takes-index, drop-column';
ALTER TABLE public.dcol DROP COLUMN e;
COMMIT;
-- A change of type that is none.
ALTER TABLE dcol DROP COLUMN b, ADD COLUMN b bigint;
ALTER TABLE dcol DROP COLUMN "C d", DROP COLUMN a;
-- Named by a trigger function.
CREATE FUNCTION dcol_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.b := 1; RETURN NEW; END';
CREATE TRIGGER dcol_t BEFORE INSERT ON dcol_small FOR EACH ROW EXECUTE FUNCTION dcol_f();
ALTER TABLE dcol_small DROP COLUMN b;
ALTER TABLE dcol_small RENAME COLUMN b TO c;
-- Constraints.
ALTER TABLE dcol DROP CONSTRAINT dcol_pkey;
ALTER TABLE dcol DROP CONSTRAINT "dcol_b_C d_key";
CREATE TABLE dcol_child (id int REFERENCES dcol);
INSERT INTO dcol_child VALUES (1);
ALTER TABLE dcol_child DROP CONSTRAINT dcol_child_id_fkey;
ALTER TABLE dcol DROP CONSTRAINT dcol_pkey;
ALTER TABLE dcol DROP CONSTRAINT IF EXISTS nothing;
ALTER TABLE dcol ADD CONSTRAINT dcol_positive CHECK (b > 0) NOT VALID;
ALTER TABLE dcol DROP CONSTRAINT dcol_positive;
ALTER TABLE dcol_empty ADD UNIQUE (a);
ALTER TABLE dcol_empty DROP CONSTRAINT dcol_empty_a_key;
SET migrator.guard = 'off';
DROP TABLE dcol_child, dcol, dcol_small, dcol_empty;
DROP FUNCTION dcol_f;
