SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
\set VERBOSITY default
\set SHOW_CONTEXT never
-- Rows that cannot be changed are listed, all others are changed, and the same call tries them again. n counts changes.
SET client_min_messages = warning;
SET migrator.guard = 'off';
CREATE TABLE bfe (id int PRIMARY KEY, src text, dst int, n int NOT NULL DEFAULT 0);
INSERT INTO bfe SELECT g, g::text FROM generate_series(1, 2000) g;
CREATE VIEW listed AS SELECT "table", "row", sqlstate, message, detail FROM migrator.backfill_errors ORDER BY backfill DESC, length("row"), "row";
CREATE VIEW last AS SELECT id, state, walk, rows_done, percent, errors, error FROM migrator.backfills ORDER BY id DESC LIMIT 1;
-- Invalid input, by key, without where_clause.
UPDATE bfe SET src = 'x' || id WHERE id IN (3, 1001);
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1');
\echo :LAST_ERROR_SQLSTATE
TABLE listed; TABLE last;
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1');
UPDATE bfe SET src = '3' WHERE id = 3;
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1');
TABLE listed;
DELETE FROM bfe WHERE id = 1001;
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1');
TABLE listed; TABLE last;
SELECT n, count(*), sum(dst) FROM bfe GROUP BY n ORDER BY n;
-- The same with a where_clause, in the order of pages and along the key.
INSERT INTO bfe VALUES (1001, '1001', 1001, 1);
UPDATE bfe SET src = 'x' || id WHERE id IN (3, 1001);
CLUSTER bfe USING bfe_pkey;
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1', 'n = 1', walk => 'physical');
TABLE listed; TABLE last;
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
UPDATE bfe SET src = id::text;
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1', 'n = 1', walk => 'physical');
TABLE listed; TABLE last;
UPDATE bfe SET src = 'x' || id WHERE id IN (3, 1001);
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1', 'n = 2', walk => 'key');
UPDATE bfe SET src = id::text;
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1', 'n = 2', walk => 'key');
TABLE last;
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
-- A table without a key: rows are named by their place.
\set VERBOSITY terse
CREATE TABLE bfe_nokey AS SELECT * FROM bfe; UPDATE bfe_nokey SET src = 'x' WHERE id = 10;
CALL migrator.backfill('bfe_nokey', 'dst = src::int, n = n + 1', 'n = 3');
SELECT "table", sqlstate, message FROM listed WHERE "row" ~ '^ctid \(\d+,\d+\)$';
UPDATE bfe_nokey SET src = '10' WHERE id = 10;
CALL migrator.backfill('bfe_nokey', 'dst = src::int, n = n + 1', 'n = 3');
SELECT n, count(*) FROM bfe_nokey GROUP BY n ORDER BY n;
\set VERBOSITY default
-- Uniqueness, a check, an exception and states of one's own; DETAIL is kept.
CREATE TABLE bfe_kinds (id int PRIMARY KEY, u int UNIQUE, c int CHECK (c < 90), n int NOT NULL DEFAULT 0);
INSERT INTO bfe_kinds SELECT g FROM generate_series(1, 1000) g; INSERT INTO bfe_kinds VALUES (-1, 31);
CREATE FUNCTION bfe_raise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.id = 20 THEN RAISE EXCEPTION 'not this one' USING DETAIL = 'Because.', HINT = 'Ask.'; END IF;
    IF NEW.id = 40 THEN RAISE EXCEPTION USING ERRCODE = 'MY001', MESSAGE = E'two\nlines'; END IF;
    IF NEW.id = 50 THEN RAISE EXCEPTION USING ERRCODE = 'P0002'; END IF;
    RETURN NEW; END $$;
CREATE TRIGGER bfe_raise BEFORE UPDATE ON bfe_kinds FOR EACH ROW EXECUTE FUNCTION bfe_raise();
CALL migrator.backfill('bfe_kinds', 'u = id + 1, c = CASE WHEN id = 60 THEN 99 END, n = n + 1', 'n = 0');
TABLE listed;
SELECT n, count(*) FROM bfe_kinds GROUP BY n ORDER BY n;
DROP TRIGGER bfe_raise ON bfe_kinds; UPDATE bfe_kinds SET u = NULL WHERE id IN (29, 30, -1);
CALL migrator.backfill('bfe_kinds', 'u = id + 1, c = CASE WHEN id = 60 THEN 99 END, n = n + 1', 'n = 0');
TABLE listed;
ALTER TABLE bfe_kinds DROP CONSTRAINT bfe_kinds_c_check;
CALL migrator.backfill('bfe_kinds', 'u = id + 1, c = CASE WHEN id = 60 THEN 99 END, n = n + 1', 'n = 0');
TABLE listed; TABLE last;
SELECT n, count(*) FROM bfe_kinds GROUP BY n ORDER BY n;
-- How many may fail: none, one in a hundred but at least ten, all.
UPDATE bfe SET n = 0, dst = NULL, src = CASE WHEN id % 20 > 0 THEN id::text END;
ALTER TABLE bfe ADD CONSTRAINT has_dst CHECK (dst IS NOT NULL) NOT VALID;
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1', error_ratio => 0, batch_rows => 10);
TABLE last;
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1', batch_rows => 10);
SELECT state, errors FROM last;
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1', batch_rows => 10, error_ratio => 1);
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
SELECT state, errors FROM last;
UPDATE bfe SET src = id::text, dst = coalesce(dst, -1);
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1', batch_rows => 10, error_ratio => 1);
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
SELECT id, state, errors FROM last;
CALL migrator.backfill('bfe', 'dst = src::int', error_ratio => -0.1);
CALL migrator.backfill('bfe', 'dst = src::int', error_ratio => 'NaN');
-- Pages with more failing rows than error_ratio allows, with a where_clause.
UPDATE bfe SET src = CASE WHEN id > 15 THEN id::text ELSE 'x' END; CLUSTER bfe;
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1', 'n = 1', error_ratio => 0);
SELECT state, walk FROM last;
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1', 'n = 1', error_ratio => 0.05);
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
SELECT state, walk, errors FROM last;
UPDATE bfe SET src = id::text;
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1', 'n = 1');
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
-- Every row fails.
UPDATE bfe SET src = 'x'; CLUSTER bfe;
CALL migrator.backfill('bfe', 'dst = src::int, n = n + 1', 'n = 2', error_ratio => 1);
SELECT state, rows_done, errors FROM last;
-- where_clause stays true: such rows are not changed at all.
UPDATE bfe SET src = CASE WHEN id <> 7 THEN id::text END, dst = 0, n = 0;
ALTER TABLE bfe DROP CONSTRAINT has_dst; CLUSTER bfe;
CALL migrator.backfill('bfe', 'dst = nullif(src::int, 8), n = n + 1', 'dst = 0 OR dst IS NULL', walk => 'physical');
TABLE listed LIMIT 2;
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
SELECT id, dst, n FROM bfe WHERE n = 0 ORDER BY id;
UPDATE bfe SET src = '9' WHERE id IN (7, 8);
CALL migrator.backfill('bfe', 'dst = nullif(src::int, 8), n = n + 1', 'dst = 0 OR dst IS NULL', walk => 'physical');
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
-- where_clause fails itself: nothing can be said about such a row, so the call ends.
UPDATE bfe SET n = 0, dst = 1; UPDATE bfe SET dst = 0 WHERE id = 900;
CALL migrator.backfill('bfe', 'n = n + 1', 'n = 0 AND 1 / dst > 0');
CALL migrator.backfill('bfe', 'n = n + 1', 'n = 0 AND 1 / dst > 0', walk => 'key');
SELECT state, walk, error FROM last;
UPDATE bfe SET dst = 1;
CALL migrator.backfill('bfe', 'n = n + 1', 'n = 0 AND 1 / dst > 0', walk => 'key');
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
SELECT state, walk, error FROM last;
-- An error that is not a row's: at once, as Postgres says it.
CREATE FUNCTION bfe_gone() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT 1 FROM nowhere); END';
CALL migrator.backfill('bfe', 'n = bfe_gone()', 'n = 1');
SELECT state, rows_done, error FROM last;
-- A trigger that keeps a row as it is.
UPDATE bfe SET n = 0;
CREATE FUNCTION bfe_keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN OLD.id = 5 THEN NULL ELSE NEW END; END';
CREATE TRIGGER keep BEFORE UPDATE ON bfe FOR EACH ROW EXECUTE FUNCTION bfe_keep();
CALL migrator.backfill('bfe', 'n = n + 1', 'n = 0');
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
SELECT state, rows_done, errors FROM last;
DROP TRIGGER keep ON bfe;
CALL migrator.backfill('bfe', 'n = n + 1', 'n = 0');
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
-- A trigger that takes the change back.
CREATE FUNCTION bfe_back() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF OLD.id = 5 THEN NEW.n := OLD.n; END IF; RETURN NEW; END';
CREATE TRIGGER back BEFORE UPDATE ON bfe FOR EACH ROW EXECUTE FUNCTION bfe_back();
CALL migrator.backfill('bfe', 'n = n + 1', 'n = 1');
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
DROP TRIGGER back ON bfe;
CALL migrator.backfill('bfe', 'n = n + 1', 'n = 1');
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
-- Deferred constraints, and constraint triggers, are checked where it can be told whose they are.
CREATE TABLE bfe_parent (id int PRIMARY KEY); INSERT INTO bfe_parent SELECT generate_series(1, 1999);
ALTER TABLE bfe ADD parent int REFERENCES bfe_parent DEFERRABLE INITIALLY DEFERRED;
CALL migrator.backfill('bfe', 'parent = id, n = n + 1', 'parent IS NULL');
TABLE listed LIMIT 1;
INSERT INTO bfe_parent VALUES (2000);
CALL migrator.backfill('bfe', 'parent = id, n = n + 1', 'parent IS NULL');
SELECT n, count(parent) FROM bfe GROUP BY n ORDER BY n;
CREATE FUNCTION bfe_check() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 77 THEN RAISE EXCEPTION 'seventy-seven'; END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER checked AFTER UPDATE ON bfe DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bfe_check();
CALL migrator.backfill('bfe', 'n = n + 1');
TABLE listed LIMIT 1;
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
DROP TRIGGER checked ON bfe;
CALL migrator.backfill('bfe', 'n = n + 1');
SELECT n, count(*) FROM bfe GROUP BY n ORDER BY n;
SELECT state, count(*) FROM migrator.backfills GROUP BY 1 ORDER BY 1;
DROP VIEW listed, last; DROP TABLE bfe, bfe_nokey, bfe_kinds, bfe_parent;
DROP FUNCTION bfe_raise, bfe_gone, bfe_keep, bfe_back, bfe_check;
