SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Rows that cannot be changed: each is named, all others are changed, exactly once, and the same call tries them again.
SET client_min_messages = warning; SET migrator.guard = 'off';
-- Of 300 rows: one that is no number, one that a constraint forbids, and two that a trigger refuses, with an SQLSTATE of its own.
CREATE TABLE be (id int PRIMARY KEY, src text, n int DEFAULT 0 CHECK (n < 10), changes int DEFAULT 0);
CREATE FUNCTION be_bad() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.src = '001' THEN RAISE 'not this one' USING DETAIL = 'for a reason'; END IF;
    IF NEW.src = '0001' THEN RAISE 'nor that' USING ERRCODE = 'MY001'; END IF;
    NEW.changes := NEW.changes + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER bad BEFORE UPDATE OF n ON be FOR EACH ROW EXECUTE FUNCTION be_bad();
CREATE PROCEDURE pg_temp.fill() LANGUAGE sql AS $$
    TRUNCATE be;
    INSERT INTO be SELECT g, CASE g WHEN 30 THEN 'x' WHEN 110 THEN '001' WHEN 111 THEN '0001' WHEN 290 THEN '99' ELSE '1' END FROM generate_series(1, 300) g;
$$;
\set found 'SELECT n, changes, count(*) FROM be GROUP BY 1, 2 ORDER BY 1, 2; SELECT "table", "row", sqlstate, message, detail FROM migrator.backfill_errors WHERE backfill = (SELECT max(id) FROM migrator.backfills) ORDER BY "row"; SELECT state, rows_done, errors FROM migrator.backfills ORDER BY id DESC LIMIT 1;'
-- Along the key, without a where_clause: what failed is remembered by its key.
CALL pg_temp.fill();
CALL migrator.backfill('be', 'n = n + src::int', NULL, 50);
:found
UPDATE be SET src = '1' WHERE id IN (30, 110);
CALL migrator.backfill('be', 'n = n + src::int', NULL, 50);
:found
UPDATE be SET src = '1' WHERE id = 290; DELETE FROM be WHERE id = 111;
CALL migrator.backfill('be', 'n = n + src::int', NULL, 50);
:found
-- Along the key and through the pages, with a where_clause.
CALL pg_temp.fill();
CALL migrator.backfill('be', 'n = n + src::int', 'n = 0', 50, walk => 'key');
:found
UPDATE be SET src = '1';
CALL migrator.backfill('be', 'n = n + src::int', 'n = 0', 50, walk => 'key');
:found
CALL pg_temp.fill();
CALL migrator.backfill('be', 'n = n + src::int', 'n = 0 AND id > 0', 50, walk => 'physical');
:found
UPDATE be SET src = '1';
CALL migrator.backfill('be', 'n = n + src::int', 'n = 0 AND id > 0', 50, walk => 'physical');
:found
-- In stripes.
CALL pg_temp.fill();
CALL migrator.backfill('be', 'n = n + src::int', 'n = 0 AND id > -1', 50, walk => 'key', stripes => 4);
:found
-- error_ratio 0: not one. What was committed before stays; so does what is found out about the row.
CALL pg_temp.fill();
CALL migrator.backfill('be', 'n = 0 + src::int', NULL, 50, error_ratio => 0);
:found
CALL migrator.backfill('be', 'n = 0 + src::int', NULL, 50, error_ratio => 0);
:found
UPDATE be SET src = '1';
CALL migrator.backfill('be', 'n = 0 + src::int', NULL, 50, error_ratio => 0);
:found
-- The default of 0.01 counts from ten rows on; 1 is never more than all.
CALL pg_temp.fill(); UPDATE be SET src = 'x' WHERE id % 2 = 0;
CALL migrator.backfill('be', 'n = 1 * src::int', NULL, 50);
SELECT n, changes, count(*), max(id) FROM be GROUP BY 1, 2 ORDER BY 1, 2;
CALL migrator.backfill('be', 'n = 1 * src::int', NULL, 50, error_ratio => 1);
SELECT n, changes, count(*), max(id) FROM be GROUP BY 1, 2 ORDER BY 1, 2;
-- All rows fail; each has its error.
CALL migrator.backfill('be', 'n = id / 0', NULL, 50, error_ratio => 1);
SELECT count(*), count(DISTINCT "row"), min(message) FROM migrator.backfill_errors WHERE backfill = (SELECT max(id) FROM migrator.backfills);
-- What is no row's fault ends the run at once, with Postgres's own words.
ALTER FUNCTION be_bad() RENAME TO be_good;
CREATE OR REPLACE FUNCTION be_good() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM nowhere(); RETURN NEW; END';
\set VERBOSITY terse
CALL migrator.backfill('be', 'n = 2', 'n < 2');
\set VERBOSITY default
SELECT state, rows_done, errors, error FROM migrator.backfills ORDER BY id DESC LIMIT 1;
-- Two rows that exclude each other.
DROP TRIGGER bad ON be; CALL pg_temp.fill(); UPDATE be SET n = 1; CREATE UNIQUE INDEX be_unique ON be (n) WHERE n > 1;
CALL migrator.backfill('be', 'n = 2', 'n < 2 AND id IN (5, 6)');
DROP INDEX be_unique;
-- Deferred constraints fail where the row is known.
CREATE TABLE be_parent (id int PRIMARY KEY); INSERT INTO be_parent SELECT g FROM generate_series(1, 300) g WHERE g NOT IN (7, 200);
ALTER TABLE be ADD parent int REFERENCES be_parent DEFERRABLE INITIALLY DEFERRED;
CALL migrator.backfill('be', 'parent = id', NULL, 50);
CALL migrator.backfill('be', 'parent = id', 'parent IS NULL');
SELECT "row", sqlstate, message, detail FROM migrator.backfill_errors WHERE message ~ 'foreign key' ORDER BY backfill, "row";
SELECT count(*), count(parent) FROM be;
-- A trigger that puts the check off again, so that nobody can tell which row it was: it ends all the same.
CREATE FUNCTION be_later() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN SET CONSTRAINTS ALL DEFERRED; RETURN NEW; END';
CREATE TRIGGER later BEFORE UPDATE ON be FOR EACH ROW EXECUTE FUNCTION be_later();
CALL migrator.backfill('be', 'parent = -1', 'parent > 0');
SELECT count(*) FROM be WHERE parent = -1;
DROP TABLE be, be_parent; DROP FUNCTION be_good, be_later;
