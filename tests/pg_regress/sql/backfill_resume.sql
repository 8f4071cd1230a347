SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- A run without a where_clause that stopped in the middle: who goes on has to find the same place in the same order.
SET client_min_messages = warning; SET migrator.guard = 'off';
\set VERBOSITY terse
\set counts 'SELECT n, count(*) FROM br GROUP BY n ORDER BY n;'
-- Dates in the key, begun by a session that writes them otherwise than the one that goes on.
CREATE TABLE br (k date[] PRIMARY KEY, src text DEFAULT '1', n int DEFAULT 0);
INSERT INTO br SELECT ARRAY[date '2020-01-01' + g] FROM generate_series(1, 100) g;
UPDATE br SET src = 'x' WHERE k = '{2020-02-09}';
SET DateStyle = 'SQL, DMY';
CALL migrator.backfill('br', 'n = n + src::int', NULL, 7, error_ratio => 0);
:counts
UPDATE br SET src = '1';
SET DateStyle = 'SQL, MDY';
CALL migrator.backfill('br', 'n = n + src::int', NULL, 7, error_ratio => 0);
:counts
RESET DateStyle;
DROP TABLE br;
-- The column has another collation, or another type, by now: another order.
CREATE TABLE br (k text COLLATE "C" PRIMARY KEY, src text DEFAULT '1', n int DEFAULT 0);
INSERT INTO br SELECT 'k' || g FROM generate_series(1, 100) g;
UPDATE br SET src = 'x' WHERE k = 'k50';
CALL migrator.backfill('br', 'n = n + src::int', NULL, 7, error_ratio => 0);
UPDATE br SET src = '1';
ALTER TABLE br ALTER k TYPE text COLLATE "POSIX";
\set VERBOSITY default
CALL migrator.backfill('br', 'n = n + src::int', NULL, 7, error_ratio => 0);
ALTER TABLE br ALTER k TYPE int USING substr(k, 2)::int;
CALL migrator.backfill('br', 'n = n + src::int', NULL, 7, error_ratio => 0);
\set VERBOSITY terse
ALTER TABLE br ALTER k TYPE text COLLATE "C" USING 'k' || k;
CALL migrator.backfill('br', 'n = n + src::int', NULL, 7, error_ratio => 0);
:counts
DROP TABLE br;
