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
-- Half of a hint is typed already: the next one goes on from there.
SET migrator.large_table_rows = 1000;
CREATE TABLE half_p (id int PRIMARY KEY);
CREATE TABLE half (a int, b int, pid int, u int);
CREATE INDEX half_pid ON half (pid);
INSERT INTO half SELECT g, g, NULL, g FROM generate_series(1, 2000) g;
ANALYZE half;
-- A CHECK that proves it, left by a hint: it is validated, and dropped as the hint would have. One of the user's own stays.
ALTER TABLE half ADD CONSTRAINT half_a_not_null CHECK (a IS NOT NULL) NOT VALID;
ALTER TABLE half ADD CONSTRAINT half_b CHECK (b IS NOT NULL AND b > 0) NOT VALID;
SELECT pg_temp.refused($$ALTER TABLE half ALTER COLUMN a SET NOT NULL$$);
ALTER TABLE public.half VALIDATE CONSTRAINT half_a_not_null;
ALTER TABLE public.half ALTER COLUMN a SET NOT NULL;
ALTER TABLE public.half DROP CONSTRAINT half_a_not_null;
SELECT pg_temp.refused($$ALTER TABLE half ALTER COLUMN b SET NOT NULL$$);
ALTER TABLE public.half VALIDATE CONSTRAINT half_b;
ALTER TABLE public.half ALTER COLUMN b SET NOT NULL;
-- A foreign key or a CHECK without a name is the one that is there. Under its name Postgres refuses another.
ALTER TABLE half ADD CONSTRAINT half_pid_fkey FOREIGN KEY (pid) REFERENCES half_p NOT VALID;
SELECT pg_temp.refused($$ALTER TABLE half ADD FOREIGN KEY (pid) REFERENCES half_p (id)$$);
ALTER TABLE half ADD CONSTRAINT half_pid_fkey FOREIGN KEY (pid) REFERENCES half_p (id);
SELECT pg_temp.refused($$ALTER TABLE half ADD FOREIGN KEY (pid) REFERENCES half_p (id) ON DELETE CASCADE$$);
ALTER TABLE public.half VALIDATE CONSTRAINT half_pid_fkey;
ALTER TABLE half ADD CONSTRAINT half_u_check CHECK (u > 0) NOT VALID;
SELECT pg_temp.refused($$ALTER TABLE half ADD CHECK (u > 0)$$);
ALTER TABLE public.half VALIDATE CONSTRAINT half_u_check;
-- An invalid index, left by a build that failed.
INSERT INTO half VALUES (2000, 2000, NULL, 2000);
SET client_min_messages = error;
CREATE UNIQUE INDEX CONCURRENTLY half_u ON half (u);
CREATE UNIQUE INDEX CONCURRENTLY half_u_key ON half (u);
CREATE UNIQUE INDEX CONCURRENTLY ON half (a);
SET client_min_messages = warning;
DELETE FROM half WHERE ctid IN (SELECT max(ctid) FROM half WHERE u = 2000);
CREATE UNIQUE INDEX half_u ON half (u);
CREATE UNIQUE INDEX IF NOT EXISTS half_u ON half (u);
CREATE UNIQUE INDEX CONCURRENTLY half_u ON half (u);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS half_u ON half (u);
DROP INDEX CONCURRENTLY public.half_u;
CREATE UNIQUE INDEX CONCURRENTLY half_u ON public.half USING btree (u);
CREATE UNIQUE INDEX half_u ON half (u);
-- Without a name: one like it.
SELECT pg_temp.refused($$CREATE UNIQUE INDEX ON half (a)$$);
DROP INDEX CONCURRENTLY public.half_a_idx;
CREATE UNIQUE INDEX CONCURRENTLY ON public.half USING btree (a);
-- Of a constraint, named or not.
SELECT pg_temp.refused($$ALTER TABLE half ADD UNIQUE (u)$$);
SELECT pg_temp.refused($$ALTER TABLE half ADD CONSTRAINT half_u_key UNIQUE (u)$$);
DROP INDEX CONCURRENTLY public.half_u_key;
CREATE UNIQUE INDEX CONCURRENTLY half_u_key ON public.half USING btree (u);
ALTER TABLE public.half ADD CONSTRAINT half_u_key UNIQUE USING INDEX half_u_key;
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 'half'::regclass ORDER BY 1::text;
SELECT conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'half'::regclass AND contype <> 'n'
ORDER BY conname;
-- A partitioned table: its partitions are gone on with.
CREATE TABLE half_parts (id int, pid int) PARTITION BY RANGE (id);
CREATE TABLE half_parts_1 PARTITION OF half_parts FOR VALUES FROM (0) TO (1000);
CREATE TABLE half_parts_2 PARTITION OF half_parts FOR VALUES FROM (1000) TO (3000);
INSERT INTO half_parts SELECT g FROM generate_series(1, 2000) g;
INSERT INTO half_parts VALUES (2000, NULL);
ANALYZE half_parts;
SET client_min_messages = error;
CREATE UNIQUE INDEX CONCURRENTLY half_parts_2_id_key ON half_parts_2 (id);
SET client_min_messages = warning;
DELETE FROM half_parts WHERE ctid IN (SELECT max(ctid) FROM half_parts_2 WHERE id = 2000) AND id = 2000;
SELECT pg_temp.refused($$ALTER TABLE half_parts ADD UNIQUE (id)$$);
-- An index, too: an invalid one of a partition would be taken for it, and the whole would be invalid.
SET migrator.guard = off;
ALTER TABLE half_parts DETACH PARTITION half_parts_2; DROP TABLE half_parts_2;
CREATE TABLE half_parts_2 PARTITION OF half_parts FOR VALUES FROM (1000) TO (9000);
INSERT INTO half_parts SELECT g FROM generate_series(1000, 5000) g;
INSERT INTO half_parts VALUES (2000, NULL);
ANALYZE half_parts;
RESET migrator.guard;
SET client_min_messages = error;
CREATE UNIQUE INDEX CONCURRENTLY half_parts_2_id_idx ON half_parts_2 (id);
SET client_min_messages = warning;
DELETE FROM half_parts WHERE ctid IN (SELECT max(ctid) FROM half_parts_2 WHERE id = 2000) AND id = 2000;
SELECT pg_temp.refused($$CREATE UNIQUE INDEX ON half_parts (id)$$);
\set ECHO none
SELECT hint FROM pg_temp.refused($$CREATE UNIQUE INDEX ON half_parts (id)$$) hint OFFSET 2 \gexec
\set ECHO all
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid::regclass::text LIKE 'half_parts%' ORDER BY 1::text;
-- Of many partitions, those that have it already are left out.
CREATE TABLE half_many (id int, k int) PARTITION BY RANGE (id);
SELECT format('CREATE TABLE half_many_%s PARTITION OF half_many FOR VALUES FROM (%s) TO (%s)', g, g, g + 1) FROM generate_series(1, 15) g \gexec
INSERT INTO half_many SELECT 1 + g % 15, g FROM generate_series(1, 15000) g;
ANALYZE half_many;
CREATE INDEX CONCURRENTLY half_many_3_k_idx ON half_many_3 (k);
SELECT regexp_replace(hint, '\{[0-9,]+\}', '{' || cardinality(string_to_array(hint, ',')) - 1 || ' oids}')
FROM pg_temp.refused($$CREATE INDEX ON half_many (k)$$) hint;
SET migrator.guard = off;
DROP TABLE half_many, half_parts, half, half_p;
