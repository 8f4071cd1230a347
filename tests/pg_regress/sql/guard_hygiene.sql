SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- What will be regretted later: warnings, or off.
SET migrator.large_table_rows = 1000;
CREATE TABLE hyg (id bigint PRIMARY KEY, a int, b int, c text, d text);
INSERT INTO hyg SELECT g, g, g, 'x', 'y' FROM generate_series(1, 2000) g;
CREATE TABLE hyg_other (id bigint PRIMARY KEY, k text UNIQUE);
INSERT INTO hyg_other SELECT g, g FROM generate_series(1, 2000) g;
ANALYZE hyg, hyg_other;
CREATE TABLE hyg_small (id serial, a int, b int);
-- Foreign keys.
ALTER TABLE hyg ADD CONSTRAINT hyg_fk FOREIGN KEY (a) REFERENCES hyg_other NOT VALID;
CREATE INDEX CONCURRENTLY ON public.hyg (b, a);
ALTER TABLE hyg ADD CONSTRAINT hyg_fk_b FOREIGN KEY (b) REFERENCES hyg_other NOT VALID;
ALTER TABLE hyg ADD CONSTRAINT hyg_fk_d FOREIGN KEY (d) REFERENCES hyg_other (k) NOT VALID;
ALTER TABLE hyg_small ADD FOREIGN KEY (a) REFERENCES hyg, ADD FOREIGN KEY (b) REFERENCES hyg_other;
-- Twice the same.
CREATE INDEX CONCURRENTLY hyg_twice ON hyg USING btree (b, a);
CREATE INDEX CONCURRENTLY hyg_once ON hyg (b) WHERE a > 0;
CREATE INDEX hyg_small_1 ON hyg_small (lower(a::text));
CREATE INDEX hyg_small_2 ON hyg_small (lower(a::text));
ALTER TABLE hyg_small ADD CONSTRAINT hyg_check CHECK (a > 0);
ALTER TABLE hyg_small ADD CHECK (a > 0);
CREATE UNIQUE INDEX hyg_unique ON hyg_small (a, b);
ALTER TABLE hyg_small ADD CONSTRAINT hyg_key UNIQUE (a, b);
ALTER TABLE public.hyg_small ADD CONSTRAINT hyg_key_2 UNIQUE USING INDEX hyg_unique;
-- Sequences.
ALTER TABLE hyg_small ALTER COLUMN id TYPE bigint;
ALTER SEQUENCE public.hyg_small_id_seq AS bigint;
ALTER TABLE hyg_small ALTER COLUMN id TYPE bigint;
ALTER TABLE hyg_small ALTER COLUMN id TYPE int;
SELECT setval('hyg_small_id_seq', 1800000000);
ALTER TABLE hyg_small ADD COLUMN c int, ADD COLUMN d int;
CREATE INDEX hyg_small_c ON hyg_small (c);
BEGIN;
ALTER SEQUENCE hyg_small_id_seq OWNED BY NONE;
ALTER SEQUENCE hyg_small_id_seq INCREMENT BY 2;
ROLLBACK;
ALTER SEQUENCE hyg_small_id_seq INCREMENT BY 1;
-- Statistics.
ALTER TABLE hyg ALTER COLUMN c TYPE varchar;
-- Many columns, dropped ones included.
DO $$BEGIN EXECUTE (SELECT format('CREATE TABLE hyg_wide (%s)', string_agg('c' || g || ' bool', ', ')) FROM generate_series(1, 1499) g); END$$;
ALTER TABLE hyg_wide DROP COLUMN c1, DROP COLUMN c2;
ALTER TABLE hyg_wide ADD COLUMN a int;
ALTER TABLE hyg_wide ADD COLUMN b int;
-- Partitions that fill the lock table.
CREATE TABLE hyg_many (id int) PARTITION BY LIST (id);
DO $$BEGIN FOR i IN 1..900 LOOP EXECUTE format('CREATE TABLE hyg_many_%s PARTITION OF hyg_many FOR VALUES IN (%1$s)', i); END LOOP; END$$;
ALTER TABLE hyg_many ADD COLUMN a int;
DROP TABLE hyg_many;
-- Off, unless somebody turns them on.
CREATE TYPE hyg_mood AS ENUM ('sad');
CREATE DOMAIN hyg_positive AS int CHECK (VALUE > 0);
ALTER TYPE hyg_mood ADD VALUE 'ok';
SELECT count(migrator.set_rule(r, 'warning', reason => 'test')) FROM unnest('{create-enum,create-domain-with-constraint,
    enum-value-no-position,unnamed-constraint,wide-index,trigger-locks}'::text[]) r;
CREATE TYPE hyg_color AS ENUM ('red');
CREATE DOMAIN hyg_natural AS int NOT NULL;
CREATE DOMAIN hyg_any AS int;
ALTER TYPE hyg_mood ADD VALUE 'great';
ALTER TYPE hyg_mood ADD VALUE 'bad' BEFORE 'sad';
ALTER TABLE hyg_other ADD CHECK (id > 0) NOT VALID;
CREATE INDEX CONCURRENTLY hyg_wide_i ON hyg (a, b, c, d);
CREATE UNIQUE INDEX CONCURRENTLY hyg_wide_u ON hyg (id, b, c, d);
CREATE FUNCTION hyg_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER hyg_t BEFORE INSERT ON hyg FOR EACH ROW EXECUTE FUNCTION hyg_f();
ALTER TABLE hyg DISABLE TRIGGER hyg_t;
DROP TRIGGER hyg_t ON hyg;
SET migrator.guard = 'off';
DROP EXTENSION migrator;
DROP TABLE hyg_small, hyg, hyg_other, hyg_wide CASCADE;
DROP TYPE hyg_mood, hyg_color;
DROP DOMAIN hyg_positive, hyg_natural, hyg_any;
DROP FUNCTION hyg_f;
