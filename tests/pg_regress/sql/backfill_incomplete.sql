SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- A condition that the update does not make false, rows that cannot be changed, an error in the middle.
SET client_min_messages = warning;
CREATE TABLE bfi (id int PRIMARY KEY, src text, dst text);
INSERT INTO bfi SELECT g, CASE WHEN g % 10 > 0 THEN 'S' || g END FROM generate_series(1, 100) g;
CALL migrator.backfill('bfi', 'dst = lower(src)', 'dst IS NULL', 7);
SELECT count(dst) FROM bfi;
SELECT state, error FROM migrator.backfills;
CALL migrator.backfill('bfi', 'dst = lower(src)', 'dst IS NULL AND src IS NOT NULL', 7);
SELECT id, state FROM migrator.backfills;
\x
SELECT object, detail, hint FROM migrator.verify() WHERE problem = 'backfill failed';
\x
SELECT migrator.cancel_backfill(1);
SELECT count(*) FROM migrator.verify() WHERE problem = 'backfill failed';
-- A trigger that keeps a row as it is.
CREATE FUNCTION bfi_keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN OLD.id = 5 THEN NULL ELSE NEW END; END';
CREATE TRIGGER keep BEFORE UPDATE ON bfi FOR EACH ROW EXECUTE FUNCTION bfi_keep();
UPDATE bfi SET dst = NULL;
CALL migrator.backfill('bfi', 'dst = ''x''', 'dst IS DISTINCT FROM ''x''', 7);
DROP TRIGGER keep ON bfi;
-- A row that cannot be changed is told with its error; the others are changed, and the same CALL tries it again.
UPDATE bfi SET dst = NULL, src = id::text;
UPDATE bfi SET src = 'fifty' WHERE id = 50;
CALL migrator.backfill('bfi', 'dst = (src::int + 1)::text', 'dst IS NULL', 10);
SELECT count(dst) FROM bfi;
SELECT id, state, rows_done, error FROM migrator.backfills ORDER BY id DESC LIMIT 1;
UPDATE bfi SET src = '50' WHERE id = 50;
CALL migrator.backfill('bfi', 'dst = (src::int + 1)::text', 'dst IS NULL', 10);
SELECT count(*) FROM bfi WHERE dst::int = id + 1;
SELECT id, state, rows_done, error FROM migrator.backfills ORDER BY id DESC LIMIT 1;
-- A deferred constraint fails where it can be told which row.
CREATE TABLE bfi_parent (id int PRIMARY KEY); INSERT INTO bfi_parent VALUES (1);
ALTER TABLE bfi ADD parent int REFERENCES bfi_parent DEFERRABLE INITIALLY DEFERRED;
CALL migrator.backfill('bfi', 'parent = id', 'parent IS NULL', 10);
SELECT count(parent) FROM bfi;
-- A REPEATABLE READ default does not matter; statement_timeout counts for a batch.
SET default_transaction_isolation = 'repeatable read';
SET statement_timeout = '1s';
CALL migrator.backfill('bfi', 'parent = 1', 'parent IS NULL', 10);
SELECT count(parent) FROM bfi;
RESET default_transaction_isolation;
RESET statement_timeout;
-- The primary key changes between two calls: without a condition nobody knows what is done.
CREATE TABLE bfi_key (id int PRIMARY KEY, other int NOT NULL UNIQUE, n int DEFAULT 0, src text);
INSERT INTO bfi_key SELECT g, 101 - g, 0, CASE WHEN g = 50 THEN 'x' ELSE '1' END FROM generate_series(1, 100) g;
\set SHOW_CONTEXT never
CALL migrator.backfill('bfi_key', 'n = n + src::int', NULL, 10);
UPDATE bfi_key SET src = '1';
SET migrator.guard = 'off';
ALTER TABLE bfi_key DROP CONSTRAINT bfi_key_pkey, ADD PRIMARY KEY (other);
CALL migrator.backfill('bfi_key', 'n = n + src::int', NULL, 10);
SELECT sum(n) FROM bfi_key;
UPDATE bfi_key SET n = 0, src = CASE WHEN id = 50 THEN 'x' ELSE '1' END;
CALL migrator.backfill('bfi_key', 'n = n + src::int', 'n = 0', 10);
UPDATE bfi_key SET src = '1';
ALTER TABLE bfi_key DROP CONSTRAINT bfi_key_pkey, ADD PRIMARY KEY (id);
CALL migrator.backfill('bfi_key', 'n = n + src::int', 'n = 0', 10);
SELECT sum(n) FROM bfi_key;
\set SHOW_CONTEXT errors
DROP TABLE bfi, bfi_parent, bfi_key; DROP FUNCTION bfi_keep;
