SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- statement_timeout counts for what a batch does, not for the CALL; a page that takes longer is done row by row.
SET client_min_messages = warning; SET migrator.guard = 'off';
CREATE TABLE bto (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO bto SELECT generate_series(1, 40);
CREATE FUNCTION bto_slow(seconds float) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(seconds); RETURN 1; END';
SET statement_timeout = '400ms';
CALL migrator.backfill('bto', 'n = n + bto_slow(0.02)', NULL, 1);
CALL migrator.backfill('bto', 'n = n + bto_slow(0.02)', 'n = 1', target_ms => 50);
SELECT min(n), max(n), count(*) FROM bto;
-- A row that takes longer all by itself ends the call; what was done before stays.
CALL migrator.backfill('bto', 'n = n + CASE id WHEN 20 THEN bto_slow(30) ELSE 1 END', NULL, 1);
SELECT n, count(*), max(id) FROM bto GROUP BY 1 ORDER BY 1;
SELECT state, rows_done, error FROM migrator.backfills ORDER BY id DESC LIMIT 1;
CREATE OR REPLACE FUNCTION bto_slow(seconds float) RETURNS int LANGUAGE sql AS 'SELECT 1';
CALL migrator.backfill('bto', 'n = n + CASE id WHEN 20 THEN bto_slow(30) ELSE 1 END', NULL, 1);
SELECT min(n), max(n), count(*) FROM bto;
SELECT state, rows_done, error FROM migrator.backfills ORDER BY id DESC LIMIT 1;
-- And afterwards it counts as before.
SELECT pg_sleep(30);
RESET statement_timeout;
-- The isolation level that the session prefers does not matter.
SET default_transaction_isolation = 'serializable'; SET default_transaction_deferrable = on;
CALL migrator.backfill('bto', 'n = n + 1', NULL, 7);
CALL migrator.backfill('bto', 'n = n + 1', 'n = 4');
SHOW transaction_isolation;
SELECT min(n), max(n), count(*) FROM bto;
RESET default_transaction_isolation; RESET default_transaction_deferrable;
DROP TABLE bto; DROP FUNCTION bto_slow;
