SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- Published tables whose rows cannot be told apart refuse UPDATE and DELETE.
CREATE TABLE pub_key (id int PRIMARY KEY, a int UNIQUE NOT NULL);
INSERT INTO pub_key VALUES (1, 1);
CREATE TABLE pub_none (a int);
INSERT INTO pub_none VALUES (1);
ANALYZE pub_key, pub_none;
CREATE TABLE pub_empty (a int);
CREATE TABLE pub_unique (a int NOT NULL UNIQUE);
INSERT INTO pub_unique VALUES (1);
ANALYZE pub_unique;
CREATE UNLOGGED TABLE pub_unlogged (a int);
CREATE PUBLICATION p FOR TABLE pub_key, pub_none, pub_unique;
CREATE PUBLICATION p FOR TABLE pub_empty;
DROP PUBLICATION p;
CREATE PUBLICATION p FOR TABLE pub_none WITH (publish = 'insert');
DROP PUBLICATION p;
CREATE PUBLICATION p FOR TABLE pub_key;
ALTER PUBLICATION p ADD TABLE pub_none;
ALTER PUBLICATION p SET TABLE pub_none, pub_key;
ALTER PUBLICATION p DROP TABLE pub_key;
ALTER PUBLICATION p ADD TABLE pub_key;
-- The hint.
ALTER TABLE public.pub_unique REPLICA IDENTITY USING INDEX pub_unique_a_key;
ALTER TABLE public.pub_none REPLICA IDENTITY FULL;
ALTER PUBLICATION p SET TABLE pub_none, pub_key, pub_unique;
-- A published table loses its identity, or changes.
ALTER TABLE pub_key REPLICA IDENTITY NOTHING;
ALTER TABLE pub_key DROP CONSTRAINT pub_key_pkey;
ALTER TABLE pub_key DROP CONSTRAINT pub_key_a_key;
ALTER TABLE pub_unique DROP CONSTRAINT pub_unique_a_key;
ALTER TABLE pub_key ADD COLUMN c int;
ALTER TABLE pub_none RENAME COLUMN a TO b;
-- Schemas, all tables, parents.
CREATE SCHEMA pub_schema;
CREATE TABLE pub_schema.t (a int) PARTITION BY RANGE (a);
CREATE TABLE pub_schema.t1 PARTITION OF pub_schema.t DEFAULT;
INSERT INTO pub_schema.t VALUES (1);
ANALYZE pub_schema.t1;
CREATE PUBLICATION p2 FOR TABLES IN SCHEMA pub_schema;
CREATE PUBLICATION p2 FOR TABLE pub_schema.t;
CREATE PUBLICATION p2 FOR TABLE pub_key, TABLES IN SCHEMA pub_schema;
CREATE DATABASE regression_pub;
\c regression_pub
SET client_min_messages = warning;
CREATE EXTENSION migrator;
CREATE TABLE pub_one (a int);
CREATE TABLE "Pub 2" (a int PRIMARY KEY);
INSERT INTO pub_one VALUES (1);
ANALYZE pub_one;
CREATE PUBLICATION p FOR ALL TABLES;
DO $$BEGIN FOR i IN 1..12 LOOP EXECUTE format('CREATE TABLE pub_%s (a int)', i); END LOOP; END$$;
CREATE PUBLICATION p FOR ALL TABLES;
\c migrator_test
SET client_min_messages = warning;
DROP DATABASE regression_pub WITH (FORCE);
SET migrator.guard = 'off';
DROP PUBLICATION p;
DROP TABLE pub_key, pub_none, pub_unique, pub_unlogged, pub_empty;
DROP SCHEMA pub_schema CASCADE;
