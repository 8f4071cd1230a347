SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- CASCADE: its victims by name, and the way to drop them by name.
SET migrator.large_table_rows = 1000;
CREATE TABLE casc (id int PRIMARY KEY, a int, b int UNIQUE);
CREATE TABLE casc_child (casc_id int REFERENCES casc);
CREATE VIEW casc_v AS SELECT a FROM casc;
CREATE VIEW casc_w AS SELECT a + 1 AS b FROM casc_v;
-- Without CASCADE, Postgres says it all.
DROP TABLE casc;
ALTER TABLE casc DROP COLUMN a;
DROP TABLE casc CASCADE;
ALTER TABLE casc DROP COLUMN a CASCADE;
ALTER TABLE casc DROP CONSTRAINT casc_pkey CASCADE;
ALTER TABLE casc DROP CONSTRAINT casc_b_key CASCADE;
-- Several objects that depend on each other only.
BEGIN; DROP VIEW casc_v, casc_w CASCADE; ROLLBACK;
-- A materialized view over a view: in which order is Postgres's business.
CREATE MATERIALIZED VIEW casc_m AS SELECT * FROM casc_w;
DROP VIEW casc_v CASCADE;
-- Functions, types, domains, defaults, sequences.
CREATE FUNCTION casc_f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE TABLE casc_uses (a int DEFAULT casc_f(1), CHECK (casc_f(a) > 0));
CREATE INDEX casc_uses_f ON casc_uses (casc_f(a));
DROP FUNCTION casc_f CASCADE;
CREATE DOMAIN casc_d AS int;
ALTER TABLE casc_uses ADD COLUMN d casc_d;
DROP DOMAIN casc_d CASCADE;
CREATE SEQUENCE casc_s;
ALTER TABLE casc_uses ALTER COLUMN d SET DEFAULT nextval('casc_s');
DROP SEQUENCE casc_s CASCADE;
-- A schema's victims are those outside of it.
CREATE SCHEMA casc_schema;
CREATE TABLE casc_schema.t (a int);
CREATE VIEW casc_schema.v AS SELECT a FROM casc_schema.t;
BEGIN; DROP SCHEMA casc_schema CASCADE; ROLLBACK;
CREATE VIEW casc_outside AS SELECT a FROM casc_schema.v;
DROP SCHEMA casc_schema CASCADE;
-- Inheritance.
CREATE TABLE casc_parent (a int);
CREATE TABLE casc_heir () INHERITS (casc_parent);
DROP TABLE casc_parent CASCADE;
-- Triggers, policies and rules of other tables.
CREATE FUNCTION casc_t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER casc_trigger BEFORE INSERT ON casc FOR EACH ROW EXECUTE FUNCTION casc_t();
DROP FUNCTION casc_t CASCADE;
-- A default goes with its column, and so does a generated column's expression.
CREATE TYPE casc_e AS ENUM ('a');
CREATE TABLE casc_enum (id int, e casc_e DEFAULT 'a', CHECK (e >= 'a'));
INSERT INTO casc_enum SELECT generate_series(1, 2000);
ANALYZE casc_enum;
DROP TYPE casc_e CASCADE;
SET migrator.guard = 'off';
ALTER TABLE casc_enum ADD COLUMN g int GENERATED ALWAYS AS (casc_f(1)) STORED, ADD COLUMN d int DEFAULT casc_f(1);
RESET migrator.guard;
DROP FUNCTION casc_f CASCADE;
-- The hint.
BEGIN;
SET LOCAL migrator.allow = 'drop-cascade';
DROP MATERIALIZED VIEW casc_m;
DROP VIEW casc_w;
DROP VIEW casc_v;
ALTER TABLE casc_child DROP CONSTRAINT casc_child_casc_id_fkey;
DROP TABLE casc;
COMMIT;
-- Many.
CREATE TABLE casc_many (a int);
SELECT format('CREATE VIEW casc_many_%s AS SELECT a FROM casc_many', g) FROM generate_series(1, 20) g \gexec
DROP TABLE casc_many CASCADE;
SET migrator.guard = 'off';
DROP SCHEMA casc_schema CASCADE;
DROP TABLE casc_enum, casc_many, casc_parent, casc_uses, casc_child CASCADE;
DROP FUNCTION casc_f, casc_t;
DROP DOMAIN casc_d;
DROP TYPE casc_e;
DROP SEQUENCE casc_s;
