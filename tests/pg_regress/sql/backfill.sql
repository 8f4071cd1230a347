SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Every matching row is changed, along any primary key.
SET client_min_messages = warning;
CREATE TABLE bf (id bigint PRIMARY KEY, email text, normalized_email text);
INSERT INTO bf SELECT g * 3, 'User' || g FROM generate_series(1, 1000) g;
CALL migrator.backfill('bf', 'normalized_email = lower(email)', 'normalized_email IS NULL', batch_rows => 70);
SELECT count(*) FILTER (WHERE normalized_email = lower(email)) FROM bf;
SELECT id, target, state, rows_done, percent, eta, waiting_for FROM migrator.backfills;
-- Again: nothing is left to do.
CALL migrator.backfill('bf', 'normalized_email = lower(email)', 'normalized_email IS NULL');
SELECT id, state, rows_done FROM migrator.backfills;
-- Without a condition every row once; in batches of one; on an empty table.
CALL migrator.backfill('bf', 'email = email || ''!''', batch_rows => 1);
SELECT count(*) FILTER (WHERE email LIKE '%!' AND email NOT LIKE '%!!') FROM bf;
SET migrator.allow = 'truncate';
TRUNCATE bf;
RESET migrator.allow;
CALL migrator.backfill('bf', 'email = ''x''', 'email IS NULL');
-- Composite keys of several types, descending data, quoted names, another schema.
CREATE SCHEMA "Odd schema";
CREATE TABLE "Odd schema"."it's ""odd""" ("Key 1" text COLLATE "C", k2 timestamptz, k3 uuid, v int, PRIMARY KEY ("Key 1", k2, k3));
INSERT INTO "Odd schema"."it's ""odd""" SELECT 'K' || g % 7, timestamptz '2020-01-01 UTC' + g * interval '1.000001 s',
    md5(g::text)::uuid FROM generate_series(1, 500) g;
SET DateStyle = 'German';
CALL migrator.backfill('"Odd schema"."it''s ""odd"""', 'v = 1', 'v IS NULL', 13);
RESET DateStyle;
SELECT count(*) FILTER (WHERE v = 1) FROM "Odd schema"."it's ""odd""";
-- Other key types.
CREATE TABLE bf_numeric (k numeric PRIMARY KEY, v int); INSERT INTO bf_numeric SELECT g / 7.0 FROM generate_series(-50, 50) g;
CREATE TABLE bf_float (k float8 PRIMARY KEY, v int); INSERT INTO bf_float SELECT g / 7.0 FROM generate_series(-50, 50) g;
INSERT INTO bf_float VALUES ('Infinity'), ('-Infinity'), ('NaN');
CREATE TABLE bf_bytea (k bytea PRIMARY KEY, v int); INSERT INTO bf_bytea SELECT sha256(g::text::bytea) FROM generate_series(1, 100) g;
CREATE TABLE bf_interval (k interval PRIMARY KEY, v int); INSERT INTO bf_interval SELECT g * interval '1 day 3 hours' FROM generate_series(1, 100) g;
CREATE TYPE bf_color AS ENUM ('red', 'green', 'blue');
CREATE TABLE bf_enum (k bf_color PRIMARY KEY, v int); INSERT INTO bf_enum VALUES ('red'), ('green'), ('blue');
CREATE DOMAIN bf_positive AS int CHECK (VALUE > 0);
CREATE TABLE bf_domain (k bf_positive PRIMARY KEY, v int); INSERT INTO bf_domain SELECT generate_series(1, 100);
CREATE TABLE bf_inet (k inet PRIMARY KEY, v int); INSERT INTO bf_inet SELECT '10.0.0.0'::inet + g FROM generate_series(1, 100) g;
CALL migrator.backfill('bf_numeric', 'v = 1', 'v IS NULL', 9);
CALL migrator.backfill('bf_float', 'v = 1', 'v IS NULL', 9);
CALL migrator.backfill('bf_bytea', 'v = 1', 'v IS NULL', 9);
CALL migrator.backfill('bf_interval', 'v = 1', 'v IS NULL', 9);
CALL migrator.backfill('bf_enum', 'v = 1', 'v IS NULL', 1);
CALL migrator.backfill('bf_domain', 'v = 1', 'v IS NULL', 9);
CALL migrator.backfill('bf_inet', 'v = 1', 'v IS NULL', 9);
-- Types whose name alone means one character or bit.
CREATE TABLE bf_char (k char(6) PRIMARY KEY, v int DEFAULT 0); INSERT INTO bf_char SELECT 'k' || lpad(g::text, 5, '0') FROM generate_series(1, 100) g;
CREATE TABLE bf_bit (k bit(16) PRIMARY KEY, v int DEFAULT 0); INSERT INTO bf_bit SELECT g::bit(16) FROM generate_series(1, 100) g;
CALL migrator.backfill('bf_char', 'v = v + 1', NULL, 7);
CALL migrator.backfill('bf_bit', 'v = v + 1', NULL, 7);
SELECT sum(v), min(v), max(v) FROM (TABLE bf_char UNION ALL SELECT k::text, v FROM bf_bit) s;
SET migrator.guard = 'off';
DROP TABLE bf_char, bf_bit;
-- A partitioned table, and a table with children.
CREATE TABLE bf_part (id int PRIMARY KEY, v int) PARTITION BY RANGE (id);
CREATE TABLE bf_part_1 PARTITION OF bf_part FOR VALUES FROM (0) TO (50);
CREATE TABLE bf_part_2 PARTITION OF bf_part FOR VALUES FROM (50) TO (1000);
INSERT INTO bf_part SELECT generate_series(1, 100);
CALL migrator.backfill('bf_part', 'v = 1', 'v IS NULL', 9);
SELECT target, state, rows_done FROM migrator.backfills WHERE id > 4 AND target !~ 'char|bit';
-- Several columns, expressions, a clause that ends in a comment.
CREATE TABLE bf_many (id int PRIMARY KEY, a int, b int, c int); INSERT INTO bf_many (id) SELECT generate_series(1, 10);
CALL migrator.backfill('bf_many', 'a = id * 2, (b, c) = (SELECT id, 7) -- both', 'a IS NULL -- not yet');
SELECT count(*) FROM bf_many WHERE a = id * 2 AND b = id AND c = 7;
DROP TABLE bf, bf_numeric, bf_float, bf_bytea, bf_interval, bf_enum, bf_domain, bf_inet, bf_part, bf_many;
DROP SCHEMA "Odd schema" CASCADE; DROP TYPE bf_color; DROP DOMAIN bf_positive;
