SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- What refuses a statement, without sizes, which differ from server to server: message and hint.
CREATE FUNCTION pg_temp.refused(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE said text; hint text;
BEGIN
    EXECUTE statement;
    RETURN NEXT 'not refused';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN QUERY SELECT * FROM regexp_split_to_table(concat_ws(E'\n', said, nullif(hint, '')), E'\n');
END $$;
\pset format unaligned
\pset tuples_only
-- ONLY: the hint leaves the children alone, and what Postgres refuses with ONLY it refuses itself.
SET client_min_messages = error;
SET migrator.large_table_rows = 1000;
CREATE TABLE elders (a int, b int);
INSERT INTO elders SELECT g, g FROM generate_series(1, 2000) g;
CREATE TABLE heirs () INHERITS (elders);
INSERT INTO heirs VALUES (NULL, NULL);
ANALYZE elders, heirs;
SELECT pg_temp.refused($$ALTER TABLE ONLY elders ADD CONSTRAINT elders_b CHECK (b > 0) NO INHERIT$$);
ALTER TABLE ONLY public.elders ADD CONSTRAINT elders_b CHECK ((b > 0)) NO INHERIT NOT VALID;
ALTER TABLE ONLY public.elders VALIDATE CONSTRAINT elders_b;
SELECT pg_temp.refused($$ALTER TABLE ONLY elders ADD CHECK (b > 0)$$);
SELECT pg_temp.refused($$ALTER TABLE ONLY elders ADD COLUMN c float8 DEFAULT random()$$);
SELECT pg_temp.refused($$ALTER TABLE ONLY elders ADD COLUMN c int NOT NULL$$);
SELECT pg_temp.refused($$ALTER TABLE ONLY elders ALTER COLUMN a TYPE bigint$$);
SELECT conrelid::regclass, conname FROM pg_constraint WHERE conrelid IN ('elders'::regclass, 'heirs'::regclass) AND contype = 'c';
SET migrator.guard = off;
DROP TABLE elders CASCADE;
