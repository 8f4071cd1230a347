SET client_min_messages = error;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- What refuses a statement, without what differs from server to server: sizes, and how a column becomes NOT NULL.
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
SET migrator.large_table_rows = 1000;
-- A change of type that rewrites the rows, typed as the hint says: two columns at once, with what hangs on them.
CREATE TABLE swapped (a int, b int NOT NULL DEFAULT 5, note text, CONSTRAINT positive CHECK (a > 0 AND b > 0));
COMMENT ON COLUMN swapped.a IS E'it''s\nan a';
CREATE INDEX swapped_ab ON swapped (note COLLATE "C", a DESC) INCLUDE (b) WITH (fillfactor = 70);
INSERT INTO swapped SELECT g, g, 'x' FROM generate_series(1, 2000) g;
INSERT INTO swapped (note) VALUES ('no a');
ANALYZE swapped;
SELECT said FROM pg_temp.refused('ALTER TABLE swapped ALTER a TYPE bigint, ALTER b TYPE bigint, ALTER note SET DEFAULT $$y$$') said WHERE said !~ 'not_null|SET NOT NULL;';
\set ECHO none
SELECT hint FROM pg_temp.refused('ALTER TABLE swapped ALTER a TYPE bigint, ALTER b TYPE bigint, ALTER note SET DEFAULT $$y$$') hint OFFSET 2 \gexec
\set ECHO all
INSERT INTO swapped DEFAULT VALUES;
\d swapped
SELECT count(*), count(a), sum(a), sum(b) FROM swapped;
SELECT conname, convalidated, obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conrelid = 'swapped'::regclass AND contype = 'c';
SELECT col_description('swapped'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'swapped'::regclass AND attname = 'a';
-- A serial key, referenced by others and by itself.
CREATE TABLE sw_serial (id serial PRIMARY KEY, parent int REFERENCES sw_serial, name text, UNIQUE (name, id) DEFERRABLE);
INSERT INTO sw_serial (parent, name) SELECT 1, g FROM generate_series(1, 2000) g;
CREATE TABLE sw_line (id int PRIMARY KEY, of int CONSTRAINT lines_of REFERENCES sw_serial ON DELETE CASCADE);
INSERT INTO sw_line SELECT g, g FROM generate_series(1, 2000) g;
ANALYZE sw_serial, sw_line;
SELECT said FROM pg_temp.refused('ALTER TABLE sw_serial ALTER id TYPE bigint') said WHERE said !~ 'not_null|SET NOT NULL;';
\set ECHO none
SELECT hint FROM pg_temp.refused('ALTER TABLE sw_serial ALTER id TYPE bigint') hint OFFSET 2 \gexec
\set ECHO all
INSERT INTO sw_serial (parent, name) VALUES (5, 'next') RETURNING id;
INSERT INTO sw_line VALUES (3000, 3000);
DELETE FROM sw_serial WHERE id = 2001;
\d sw_serial
SELECT conname, convalidated FROM pg_constraint WHERE confrelid = 'sw_serial'::regclass ORDER BY 1;
-- The column that references it.
\set ECHO none
SELECT hint FROM pg_temp.refused('ALTER TABLE sw_line ALTER of TYPE bigint') hint OFFSET 2 \gexec
\set ECHO all
INSERT INTO sw_line VALUES (3000, 3000);
SELECT conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'sw_line'::regclass AND contype <> 'n' ORDER BY 1;
-- An identity key, of which another session may hold numbers.
CREATE TABLE sw_identity (id int GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 5 CACHE 20) PRIMARY KEY, name text);
CREATE ROLE "Sw reader";
GRANT USAGE, SELECT ON SEQUENCE sw_identity_id_seq TO "Sw reader";
INSERT INTO sw_identity (name) SELECT g FROM generate_series(1, 2000) g;
ANALYZE sw_identity;
SELECT said FROM pg_temp.refused('ALTER TABLE sw_identity ALTER COLUMN id TYPE bigint') said WHERE said !~ 'not_null|SET NOT NULL;';
\set ECHO none
SELECT hint FROM pg_temp.refused('ALTER TABLE sw_identity ALTER COLUMN id TYPE bigint') hint OFFSET 2 \gexec
\set ECHO all
INSERT INTO sw_identity (name) VALUES ('next') RETURNING id > 10005;
SELECT attidentity, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = 'sw_identity'::regclass AND attname = 'id';
SELECT seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache FROM pg_sequence
WHERE seqrelid = pg_get_serial_sequence('sw_identity', 'id')::regclass;
SELECT has_sequence_privilege('Sw reader', 'sw_identity_id_seq', 'USAGE, SELECT');
SELECT conname, contype FROM pg_constraint WHERE conrelid = 'sw_identity'::regclass AND contype <> 'n';
-- Nothing of the helpers is left.
SELECT proname FROM pg_proc WHERE proname ~ 'swap$';
SELECT relname FROM pg_class WHERE relname ~ '_new' AND relnamespace = 'public'::regnamespace;
-- Typed on and on although a statement failed: the swap does not happen.
CREATE TABLE sw_failing (a int, b int);
INSERT INTO sw_failing SELECT g, g FROM generate_series(1, 2000) g;
INSERT INTO sw_failing VALUES (2000, 2000);
CREATE INDEX CONCURRENTLY sw_failing_a ON sw_failing (a);
ANALYZE sw_failing;
CREATE TABLE sw_typed AS SELECT row_number() OVER () AS number, hint
FROM pg_temp.refused('ALTER TABLE sw_failing ALTER a TYPE bigint, ALTER b TYPE bigint') hint OFFSET 2;
\set ECHO none
-- The rows are not filled.
SELECT hint FROM sw_typed WHERE hint !~ '^CALL' ORDER BY number \gexec
SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = 'sw_failing'::regclass AND attname = 'a';
-- They are, but the index is not valid.
UPDATE sw_failing SET a = a;
UPDATE sw_typed SET hint = replace(hint, 'CREATE INDEX', 'CREATE UNIQUE INDEX');
DROP INDEX CONCURRENTLY sw_failing_a_new;
SELECT hint FROM sw_typed WHERE number > (SELECT number FROM sw_typed WHERE hint ~ '^CALL') AND hint !~ 'NOT VALID' ORDER BY number \gexec
SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = 'sw_failing'::regclass AND attname = 'a';
-- Nor without the trigger.
UPDATE sw_typed SET hint = replace(hint, 'CREATE UNIQUE INDEX', 'CREATE INDEX');
DROP INDEX CONCURRENTLY sw_failing_a_new;
BEGIN; DROP TRIGGER zzz_sw_failing_swap ON sw_failing; COMMIT;
SELECT hint FROM sw_typed WHERE number > (SELECT number FROM sw_typed WHERE hint ~ '^CALL') AND hint !~ 'NOT VALID' ORDER BY number \gexec
SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = 'sw_failing'::regclass AND attname = 'a';
\set ECHO all
-- What there is no recipe because of.
CREATE TABLE sw_not (a int, b int, c text, d timestamp, e int, f int, g int);
INSERT INTO sw_not SELECT g, g FROM generate_series(1, 2000) g;
CREATE INDEX sw_partial ON sw_not (a) WHERE a > 5;
CREATE STATISTICS sw_both ON b, c FROM sw_not;
GRANT SELECT (e) ON sw_not TO PUBLIC;
ANALYZE sw_not;
SELECT said FROM pg_temp.refused('ALTER TABLE sw_not ALTER a TYPE bigint') said WHERE said !~ 'not_null|SET NOT NULL;';
SELECT said FROM pg_temp.refused('ALTER TABLE sw_not ALTER b TYPE bigint') said WHERE said !~ 'not_null|SET NOT NULL;';
SELECT said FROM pg_temp.refused('ALTER TABLE sw_not ALTER c TYPE int USING c::int') said WHERE said !~ 'not_null|SET NOT NULL;';
SELECT said FROM pg_temp.refused('ALTER TABLE sw_not ALTER d TYPE timestamptz') said WHERE said !~ 'not_null|SET NOT NULL;';
SELECT said FROM pg_temp.refused('ALTER TABLE sw_not ALTER e TYPE bigint') said WHERE said !~ 'not_null|SET NOT NULL;';
SELECT said FROM pg_temp.refused('ALTER TABLE sw_not ALTER f SET NOT NULL, ALTER g TYPE bigint') said WHERE said !~ 'not_null|SET NOT NULL;';
CREATE FUNCTION sw_touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER sw_touch BEFORE UPDATE ON sw_not FOR EACH ROW EXECUTE FUNCTION sw_touch();
SELECT said FROM pg_temp.refused('ALTER TABLE sw_not ALTER g TYPE bigint') said WHERE said !~ 'not_null|SET NOT NULL;';
SET migrator.guard = off;
DROP TABLE sw_failing, sw_typed, swapped, sw_serial, sw_line, sw_identity, sw_not;
DROP FUNCTION sw_touch;
DROP ROLE "Sw reader";
