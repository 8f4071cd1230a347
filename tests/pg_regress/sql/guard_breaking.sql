SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- Statements that can only fail, and changes that break what is stored or who reads.
SET migrator.large_table_rows = 1000;
CREATE TABLE brk (id int PRIMARY KEY, a varchar(10), g int GENERATED ALWAYS AS (id + 1) STORED, p int);
INSERT INTO brk (id, a, p) SELECT g, 'x', g FROM generate_series(1, 2000) g;
ANALYZE brk;
-- ALTER TYPE under what uses the column.
CREATE VIEW brk_v AS
    SELECT a,
           id
    FROM brk
    WHERE a <> 'it''s';
GRANT SELECT ON brk_v TO PUBLIC;
ALTER TABLE brk ALTER COLUMN a TYPE varchar(20);
BEGIN;
DROP VIEW public.brk_v;
ALTER TABLE public.brk ALTER COLUMN a TYPE character varying(20);
CREATE VIEW public.brk_v AS SELECT a, id FROM public.brk WHERE ((a)::text <> 'it''s'::text);
GRANT SELECT ON public.brk_v TO PUBLIC;
COMMIT;
CREATE VIEW brk_w AS SELECT * FROM brk_v;
ALTER TABLE brk ALTER COLUMN a TYPE text;
DROP VIEW brk_v, brk_w;
ALTER TABLE brk ALTER COLUMN id TYPE bigint;
CREATE POLICY brk_policy ON brk USING (p > 0);
ALTER TABLE brk ALTER COLUMN p TYPE bigint;
CREATE TABLE brk_parts (id int, k int) PARTITION BY RANGE (id);
ALTER TABLE brk_parts ALTER COLUMN id TYPE bigint;
CREATE TABLE brk_small (a int, b int);
CREATE FUNCTION brk_t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER brk_t BEFORE UPDATE OF a ON brk_small FOR EACH ROW EXECUTE FUNCTION brk_t();
ALTER TABLE brk_small ALTER COLUMN a TYPE bigint;
ALTER TABLE brk_small ALTER COLUMN b TYPE bigint;
-- A row type that is stored elsewhere.
CREATE TABLE brk_row (id int PRIMARY KEY, a int);
CREATE TABLE brk_history (was brk_row[]);
ALTER TABLE brk_row ADD COLUMN b int DEFAULT 0;
ALTER TABLE brk_row ADD COLUMN b int NOT NULL DEFAULT 0;
ALTER TABLE brk_row ADD COLUMN b int;
DROP TABLE brk_history;
-- A function that something stored was made with.
CREATE FUNCTION brk_f(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';
CREATE OR REPLACE FUNCTION brk_f(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT upper($1)';
CREATE INDEX CONCURRENTLY brk_i ON brk (brk_f(a));
CREATE OR REPLACE FUNCTION brk_f(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';
CREATE OR REPLACE FUNCTION brk_f(text) RETURNS text IMMUTABLE LANGUAGE sql AS '
SELECT lower($1)';
ALTER TABLE brk_small ADD CHECK (brk_f('x') <> 'y');
CREATE OR REPLACE FUNCTION brk_f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
DROP INDEX CONCURRENTLY brk_i;
CREATE OR REPLACE FUNCTION public.brk_f(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';
-- Row level security without a policy.
DROP POLICY brk_policy ON brk;
ALTER TABLE brk ENABLE ROW LEVEL SECURITY;
CREATE POLICY brk_all ON public.brk USING (true);
ALTER TABLE public.brk ENABLE ROW LEVEL SECURITY;
-- json.
ALTER TABLE brk_small ADD COLUMN j json NOT NULL DEFAULT '{}', ADD COLUMN k json[];
-- Foreign keys are triggers.
CREATE TABLE brk_child (id int REFERENCES brk);
ALTER TABLE brk DISABLE TRIGGER ALL;
ALTER TABLE brk_child DISABLE TRIGGER ALL;
ALTER TABLE brk_small DISABLE TRIGGER ALL;
-- A crash empties it.
INSERT INTO brk_small VALUES (1, 1);
ANALYZE brk_small;
ALTER TABLE brk_small SET UNLOGGED;
ALTER TABLE brk_small SET UNLOGGED;
-- Off, unless somebody turns them on.
ALTER TABLE brk_small ALTER COLUMN b SET DEFAULT 1;
SELECT migrator.set_rule(r, 'warning', reason => 'test')
FROM unnest('{change-default,drop-not-null,cached-plan-break}'::text[]) r;
ALTER TABLE brk_small ALTER COLUMN b SET DEFAULT 1;
ALTER TABLE brk_small ALTER COLUMN b DROP NOT NULL;
ALTER TABLE brk_small ALTER COLUMN j DROP NOT NULL;
CREATE FUNCTION brk_rows() RETURNS SETOF brk_small LANGUAGE sql AS 'SELECT * FROM brk_small';
ALTER TABLE brk_small ADD COLUMN z int;
SET migrator.guard = 'off';
DROP EXTENSION migrator;
DROP TABLE brk_child, brk, brk_parts, brk_small, brk_row CASCADE;
DROP FUNCTION brk_t, brk_f(text), brk_f(int);
