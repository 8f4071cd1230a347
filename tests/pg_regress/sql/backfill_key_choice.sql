SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Along which key a table is walked: the primary key, or another unique one that no row is missing from.
SET client_min_messages = warning; SET migrator.guard = 'off';
CREATE FUNCTION pg_temp.exact(t regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    EXECUTE format($q$SELECT string_agg(c || ' rows with n = ' || n, ', ' ORDER BY n) FROM (SELECT n, count(*) AS c FROM %s GROUP BY n) s$q$, t) INTO found;
    RETURN found;
END $$;
\set walk 'CALL migrator.backfill(:''t'', ''n = n + 1'', NULL, 7, walk => ''key''); SELECT pg_temp.exact(:''t''); SELECT u.key_order FROM migrator.backfill_unit u JOIN migrator.backfill_run r ON r.id = u.backfill WHERE to_regclass(r.target) = :''t''::regclass AND r.set_clause = ''n = n + 1'';'
\set rows 'generate_series(1, 100) g'
-- The primary key before a shorter one, the shorter one of two.
CREATE TABLE kc_primary (a int NOT NULL UNIQUE, b int, c int, n int DEFAULT 0, PRIMARY KEY (b, c)); INSERT INTO kc_primary SELECT g, g % 3, g FROM :rows;
\set t kc_primary
:walk
CREATE TABLE kc_shorter (a int NOT NULL, b int NOT NULL, c text NOT NULL UNIQUE, n int DEFAULT 0, UNIQUE (a, b)); INSERT INTO kc_shorter SELECT g % 3, g, g FROM :rows;
\set t kc_shorter
:walk
-- Taken: with other columns in its index, in descending order, in an order of its own for each column, checked late, made as an index only.
CREATE TABLE kc_include (a int NOT NULL, n int DEFAULT 0, UNIQUE (a) INCLUDE (n)); INSERT INTO kc_include SELECT g FROM :rows;
\set t kc_include
:walk
CREATE TABLE kc_desc (a int NOT NULL, n int DEFAULT 0); CREATE UNIQUE INDEX ON kc_desc (a DESC NULLS LAST); INSERT INTO kc_desc SELECT g FROM :rows;
\set t kc_desc
:walk
CREATE TABLE kc_order (a int NOT NULL, b int NOT NULL, n int DEFAULT 0); CREATE UNIQUE INDEX ON kc_order (a DESC, b); INSERT INTO kc_order SELECT g % 5, g FROM :rows;
\set t kc_order
:walk
CREATE TABLE kc_deferrable (a int NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED, n int DEFAULT 0); INSERT INTO kc_deferrable SELECT g FROM :rows;
\set t kc_deferrable
:walk
-- Not taken, each for one reason: a NULL may be in it, it covers a part of the rows, it is of an expression, it is not complete yet, it is in another order or collation.
CREATE TABLE kc_nullable (a int UNIQUE, n int DEFAULT 0); INSERT INTO kc_nullable SELECT NULL FROM :rows;
\set t kc_nullable
:walk
CREATE TABLE kc_partial (a int NOT NULL, n int DEFAULT 0); CREATE UNIQUE INDEX ON kc_partial (a) WHERE a > 50; INSERT INTO kc_partial SELECT greatest(g, 50) FROM :rows;
\set t kc_partial
:walk
CREATE TABLE kc_expression (a int NOT NULL, n int DEFAULT 0); CREATE UNIQUE INDEX ON kc_expression (abs(a)); INSERT INTO kc_expression SELECT g FROM :rows;
\set t kc_expression
:walk
CREATE TABLE kc_invalid (a int NOT NULL, n int DEFAULT 0); INSERT INTO kc_invalid SELECT 1 FROM :rows;
\set VERBOSITY terse
CREATE UNIQUE INDEX CONCURRENTLY ON kc_invalid (a);
\set VERBOSITY default
\set t kc_invalid
:walk
CREATE TABLE kc_pattern (a text NOT NULL, n int DEFAULT 0); CREATE UNIQUE INDEX ON kc_pattern (a text_pattern_ops); INSERT INTO kc_pattern SELECT g FROM :rows;
\set t kc_pattern
:walk
CREATE TABLE kc_collation (a text NOT NULL, n int DEFAULT 0); CREATE UNIQUE INDEX ON kc_collation (a COLLATE "POSIX"); INSERT INTO kc_collation SELECT g FROM :rows;
\set t kc_collation
:walk
-- NOT NULL, though not of the rows that were there before: from 18 on there is such a thing.
CREATE TABLE kc_not_valid (a int UNIQUE, n int DEFAULT 0); INSERT INTO kc_not_valid SELECT NULL FROM :rows;
SELECT current_setting('server_version_num')::int >= 180000 AS not_valid \gset
\if :not_valid
ALTER TABLE kc_not_valid ADD CONSTRAINT some_day NOT NULL a NOT VALID;
\endif
\set t kc_not_valid
:walk
-- A key that is computed from what is changed moves too.
CREATE TABLE kc_generated (a int, k int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY, n int DEFAULT 0); INSERT INTO kc_generated SELECT g FROM :rows;
CALL migrator.backfill('kc_generated', 'a = a + 1000, n = n + 1', walk => 'key');
CALL migrator.backfill('kc_generated', 'a = a + 1000, n = n + 1', 'a < 1000');
SELECT pg_temp.exact('kc_generated'), min(a), max(k) FROM kc_generated;
-- Without a key: what is done can only be told by a where_clause.
CREATE TABLE kc_none (a int, n int DEFAULT 0); INSERT INTO kc_none SELECT g % 2 FROM :rows;
CALL migrator.backfill('kc_none', 'n = n + 1');
CALL migrator.backfill('kc_none', 'n = n + 1', walk => 'physical');
CALL migrator.backfill('kc_none', 'n = n + 1', 'n = 0', walk => 'key');
CALL migrator.backfill('kc_none', 'n = n + 1', 'n = 0');
SELECT pg_temp.exact('kc_none');
SELECT target, walk, state FROM migrator.backfills WHERE target ~ 'none|generated';
DROP TABLE kc_primary, kc_shorter, kc_include, kc_desc, kc_order, kc_deferrable, kc_nullable, kc_partial, kc_expression, kc_invalid, kc_pattern, kc_collation, kc_not_valid, kc_generated, kc_none;
