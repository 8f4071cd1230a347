SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
\set VERBOSITY default
-- A migration that changes too many rows in one statement.
SET migrator.large_table_rows = 1000;
CREATE TABLE uu (id int PRIMARY KEY, email text, norm text, n int, price numeric(10,2), j json);
INSERT INTO uu (id, email, n) SELECT g, 'X' || g, g % 100 FROM generate_series(1, 5000) g; ANALYZE uu;
CREATE TABLE uu_bare (a int); INSERT INTO uu_bare SELECT generate_series(1, 5000); ANALYZE uu_bare;
CREATE VIEW uu_view AS SELECT id, email FROM uu;
CREATE FUNCTION pg_temp.lint(script text) RETURNS TABLE (statement int, message text, hint text)
LANGUAGE sql AS $$SELECT statement, message || ' [' || rule || ']', hint FROM migrator.lint(script)$$;
\pset format unaligned
\pset tuples_only on
SELECT * FROM pg_temp.lint('UPDATE uu SET norm = lower(email)');
SELECT * FROM pg_temp.lint('UPDATE uu SET norm = lower(email) WHERE norm IS NULL');
SELECT * FROM pg_temp.lint($$UPDATE ONLY public.uu AS x SET norm = 'it''s', n = x.n FROM uu_bare b WHERE b.a = x.id$$);
SELECT * FROM pg_temp.lint($$UPDATE uu x
    SET norm = 'it''s' -- so
    WHERE x.n < 90$$);
SELECT * FROM pg_temp.lint('UPDATE uu SET price = 1.234 WHERE n > 5; UPDATE uu SET n = n + 1 WHERE n > 5; UPDATE uu SET n = n + 1');
SELECT * FROM pg_temp.lint($$UPDATE uu SET j = '{}' WHERE n > 5; UPDATE uu SET norm = gen_random_uuid() WHERE n > 5; UPDATE uu SET id = id + 1$$);
SELECT * FROM pg_temp.lint('UPDATE uu_bare SET a = 1; UPDATE uu_view SET email = NULL');
SELECT * FROM pg_temp.lint('DELETE FROM uu WHERE n > 5; DELETE FROM uu; DELETE FROM uu USING uu_bare WHERE a = id');
SELECT * FROM pg_temp.lint('WITH gone AS (DELETE FROM uu WHERE n > 5 RETURNING *) INSERT INTO uu_bare SELECT id FROM gone');
SELECT * FROM pg_temp.lint('MERGE INTO uu USING uu_bare ON a = id WHEN MATCHED THEN UPDATE SET n = 1');
-- Few rows, by the planner's estimate.
SELECT * FROM pg_temp.lint('UPDATE uu SET n = 1 WHERE id = 5; UPDATE uu SET n = 1 WHERE n = 7; DELETE FROM uu WHERE id < 10; UPDATE uu SET n = 1 WHERE false; INSERT INTO uu SELECT g FROM generate_series(1, 100000) g');
-- Columns that the script adds or renames; a table that it makes.
SELECT * FROM pg_temp.lint('ALTER TABLE uu ADD added text; UPDATE uu SET added = lower(email) WHERE added IS NULL');
SELECT * FROM pg_temp.lint('ALTER TABLE uu ADD added int DEFAULT 5; UPDATE uu SET added = 6 WHERE added <> 5');
SELECT * FROM pg_temp.lint('ALTER TABLE uu RENAME n TO m; UPDATE uu SET m = 1 WHERE m < 90') WHERE statement > 1;
SELECT * FROM pg_temp.lint('ALTER TABLE uu RENAME TO vv; UPDATE vv SET n = 1 WHERE n < 90') WHERE statement > 1;
SELECT * FROM pg_temp.lint('CREATE TABLE made AS SELECT * FROM uu; UPDATE made SET n = 1');
SELECT * FROM pg_temp.lint('TRUNCATE uu; UPDATE uu SET n = 1') WHERE statement > 1;
-- What a user wrote is not run: an unknown value stands for it.
CREATE FUNCTION uu_loud(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''run''; RETURN $1; END';
CREATE FUNCTION uu_loud(int, int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''run''; RETURN true; END';
CREATE OPERATOR === (leftarg = int, rightarg = int, function = uu_loud, restrict = eqsel);
CREATE DOMAIN uu_domain AS int CHECK (uu_loud(value) > 0);
SET migrator.guard = off;
CREATE INDEX uu_planted ON uu ((n + uu_loud(1)));
RESET migrator.guard;
SELECT * FROM pg_temp.lint('UPDATE uu SET n = uu_loud(1) WHERE n < uu_loud(90)');
SELECT * FROM pg_temp.lint('UPDATE uu SET n = 2 WHERE n === 5 OR 5::uu_domain = n; UPDATE uu SET n = 1 WHERE uu_loud(1) = 2');
-- The planner would run what stands in the index: it is not asked.
SELECT * FROM pg_temp.lint('UPDATE uu SET n = 1 WHERE n > 5; UPDATE uu SET n = 1');
DROP INDEX CONCURRENTLY uu_planted;
-- The rights decide whose estimates one may see.
CREATE ROLE regress_uu; GRANT UPDATE ON uu TO regress_uu;
SET ROLE regress_uu;
SELECT * FROM migrator.lint('UPDATE uu SET n = 1 WHERE email > ''X''');
RESET ROLE;
GRANT SELECT ON uu TO regress_uu;
SET ROLE regress_uu;
SELECT rule FROM migrator.lint('UPDATE uu SET n = 1 WHERE email > ''X''');
RESET ROLE;
\pset format aligned
\pset tuples_only off
-- No event is fired for it; the runner asks before it runs it. By hand it is nobody's business.
UPDATE uu_bare SET a = a;
SET client_min_messages = error;
SELECT migrator.register('1', 'UPDATE uu SET norm = lower(email) WHERE norm IS NULL', irreversible => 'x');
SELECT migrator.register('2', 'UPDATE uu SET norm = ''x'' WHERE n > 5', irreversible => 'x', allow => array['update-unbatched'], reason => 'small enough');
RESET client_min_messages;
SELECT migrator.apply('1');
CALL migrator.deploy('1');
-- A worker writes refusals, a moment later.
DO $$ BEGIN FOR i IN 1..100 LOOP
    EXIT WHEN (SELECT count(*) FROM migrator.ddl_log WHERE outcome = 'refused') >= 2; PERFORM pg_sleep(0.05);
END LOOP; END $$;
SELECT tag, outcome, rules, migration FROM migrator.ddl_log WHERE outcome = 'refused';
SET client_min_messages = warning;
SET migrator.guard = warn;
CALL migrator.deploy('1');
RESET migrator.guard;
CALL migrator.deploy();
-- The hint, typed.
UPDATE uu SET norm = NULL;
CALL migrator.backfill('public.uu', 'norm = lower(email)', 'norm IS NULL AND (lower(email)) IS NOT NULL');
RESET client_min_messages;
SELECT count(*) FROM uu WHERE norm IS DISTINCT FROM lower(email);
SET migrator.guard = off;
DROP VIEW uu_view; DROP TABLE uu, uu_bare; DROP OPERATOR === (int, int); DROP DOMAIN uu_domain; DROP FUNCTION uu_loud(int), uu_loud(int, int); DROP ROLE regress_uu;
