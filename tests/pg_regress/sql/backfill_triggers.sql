SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Triggers fire as they would for an UPDATE: once for each row, and once for each batch.
SET client_min_messages = warning; SET migrator.guard = 'off';
CREATE TABLE tg (id int PRIMARY KEY, v int, w int DEFAULT 0, n int DEFAULT 0); INSERT INTO tg SELECT generate_series(1, 300);
CREATE TABLE tg_log (trigger text, id int);
CREATE FUNCTION tg_before() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.w := NEW.w + 1; RETURN NEW; END';
CREATE FUNCTION tg_after() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO tg_log VALUES (TG_NAME, NEW.id); RETURN NULL; END';
CREATE FUNCTION tg_statement() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO tg_log SELECT TG_NAME, count(*) FROM new_rows; RETURN NULL; END';
CREATE TRIGGER before BEFORE UPDATE ON tg FOR EACH ROW EXECUTE FUNCTION tg_before();
CREATE TRIGGER after AFTER UPDATE ON tg FOR EACH ROW EXECUTE FUNCTION tg_after();
CREATE TRIGGER statement AFTER UPDATE ON tg REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tg_statement();
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON tg DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tg_after();
\set counts 'SELECT min(w), max(w), min(n), max(n) FROM tg; SELECT trigger, count(*), count(DISTINCT id) AS ids, sum(id) FROM tg_log WHERE trigger <> ''statement'' GROUP BY 1 ORDER BY 1; SELECT sum(id), max(id) <= 50 AS in_batches FROM tg_log WHERE trigger = ''statement''; TRUNCATE tg_log;'
CALL migrator.backfill('tg', 'n = n + 1', NULL, 50, walk => 'key');
:counts
CALL migrator.backfill('tg', 'n = n + 1', 'n = 1', 50, walk => 'key');
:counts
CALL migrator.backfill('tg', 'n = n + 1', 'n = 2', walk => 'physical', stripes => 8);
SELECT min(w), max(w), min(n), max(n) FROM tg; SELECT trigger, count(*), count(DISTINCT id) FROM tg_log WHERE trigger <> 'statement' GROUP BY 1 ORDER BY 1; TRUNCATE tg_log;
DROP TRIGGER statement ON tg; DROP TRIGGER late ON tg; DROP TRIGGER after ON tg;
CLUSTER tg USING tg_pkey;
-- One that does what the backfill is for, one that takes it back, one that keeps the row as it is.
CREATE OR REPLACE FUNCTION tg_before() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.v := coalesce(NEW.v, NEW.id); RETURN NEW; END';
CALL migrator.backfill('tg', 'v = v', 'v IS NULL');
SELECT count(*) FROM tg WHERE v = id;
CREATE OR REPLACE FUNCTION tg_before() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id % 100 = 0 THEN NEW.v := OLD.v; END IF; RETURN NEW; END';
CALL migrator.backfill('tg', 'v = 0', 'v > 0', error_ratio => 1);
SELECT "row", sqlstate, message, detail FROM migrator.backfill_errors;
SELECT id, v FROM tg WHERE v <> 0;
CREATE OR REPLACE FUNCTION tg_before() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN NEW.id % 100 > 0 THEN NEW END; END';
CALL migrator.backfill('tg', 'v = -1', 'v >= 0');
SELECT count(*), min(id), max(id) FROM tg WHERE v >= 0;
-- Without a where_clause nobody can tell.
CALL migrator.backfill('tg', 'v = -2');
SELECT v, count(*) FROM tg GROUP BY 1 ORDER BY 1;
-- One that deletes the row instead, one that writes other rows of the table.
CREATE OR REPLACE FUNCTION tg_before() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 150 THEN DELETE FROM tg WHERE id = 150; RETURN NULL; END IF; IF NEW.id = 7 THEN UPDATE tg SET v = -2 WHERE id = 8; END IF; RETURN NEW; END';
CALL migrator.backfill('tg', 'v = -3', 'v <> -3', error_ratio => 1);
SELECT "row", sqlstate, message FROM migrator.backfill_errors WHERE backfill = (SELECT max(id) FROM migrator.backfills);
SELECT v, count(*) FROM tg GROUP BY 1 ORDER BY 1;
-- Triggers that are switched off stay so; a replica's session fires none.
ALTER TABLE tg DISABLE TRIGGER before;
CALL migrator.backfill('tg', 'v = -4', 'v <> -4');
ALTER TABLE tg ENABLE TRIGGER before;
CREATE OR REPLACE FUNCTION tg_before() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''never''; END';
SET session_replication_role = replica;
CALL migrator.backfill('tg', 'v = -5', 'v <> -5');
RESET session_replication_role;
SELECT v, count(*) FROM tg GROUP BY 1 ORDER BY 1;
SELECT id, state FROM migrator.backfills WHERE state <> 'done';
DROP TABLE tg, tg_log; DROP FUNCTION tg_before, tg_after, tg_statement;
