SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- What apply or deploy would run, and what each statement would do.
SET migrator.large_table_rows = 1000;
SELECT * FROM migrator.plan();
CREATE SCHEMA pl;
CREATE TABLE pl.users (id int PRIMARY KEY, email text, n int);
CREATE TABLE pl."Old orders" (id int PRIMARY KEY, user_id int REFERENCES pl.users);
CREATE TABLE pl.parted (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE pl.p1 PARTITION OF pl.parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO pl.users SELECT g, g, g FROM generate_series(1, 5000) g;
INSERT INTO pl."Old orders" SELECT g, g FROM generate_series(1, 5000) g;
INSERT INTO pl.parted SELECT g, '2024-05-05' FROM generate_series(1, 5000) g;
ANALYZE;
SET client_min_messages = error;
SELECT migrator.register('1', $$
    ALTER TABLE pl.users ADD COLUMN seen timestamptz DEFAULT now();
    ALTER TABLE pl.users ALTER COLUMN n TYPE bigint;
    CREATE INDEX ON pl.parted (id);
    ALTER TABLE pl."Old orders" DROP COLUMN user_id;
    UPDATE pl.users SET n = 0 WHERE id < 0;
    SELECT count(*) FROM pl.users FOR UPDATE;
    CREATE FUNCTION pl.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
    DO 'BEGIN END'
$$, irreversible => 'test', mixed => true, allow => '{drop-column}', reason => 'nobody uses it');
SELECT migrator.register('2', $$
    CREATE INDEX CONCURRENTLY users_email ON pl.users (email);
    REINDEX TABLE CONCURRENTLY pl.users;
    VACUUM pl.users;
    VACUUM FULL pl.parted;
    CALL migrator.backfill('pl.users', 'email = lower(email)', 'email <> lower(email)');
    CALL pl.nothing();
    DROP INDEX CONCURRENTLY pl.users_email;
    ANALYZE
$$, irreversible => 'test', mixed => true);
RESET client_min_messages;
SELECT version, statement, kind, lock, blocks, transactional FROM migrator.plan();
SELECT version, statement AS n, objects, rows, work, verdict FROM migrator.plan();
SELECT pg_size_pretty(pg_relation_size('pl.users')) = size FROM migrator.plan() WHERE statement = 1 AND version = '1';
-- All of it, of what is refused.
\x on
SELECT * FROM (SELECT version, statement, kind, lock, objects, blocks, rows, work, verdict, transactional, line, waits_for, rules, message, hint, sql FROM migrator.plan()) p
WHERE verdict = 'refused' AND version = '1';
\x off
SELECT rules, message FROM migrator.plan() WHERE version = '1' AND verdict IN ('warning', 'allowed');
-- Up to a target; of a migration that is registered.
SELECT version, count(*) FROM migrator.plan('1') GROUP BY version;
SELECT version, count(*) FROM migrator.plan(target => '2') GROUP BY version ORDER BY version;
SELECT * FROM migrator.plan('3');
-- What the guard does not enforce.
SELECT verdict, count(*) FROM migrator.plan() GROUP BY verdict ORDER BY verdict;
SET migrator.guard = 'warn';
SELECT verdict, count(*) FROM migrator.plan() GROUP BY verdict ORDER BY verdict;
SET migrator.guard = 'off';
SELECT verdict, count(*) FROM migrator.plan() GROUP BY verdict ORDER BY verdict;
RESET migrator.guard;
-- Nothing is written, and what is applied is no longer planned.
BEGIN READ ONLY;
SELECT count(*) FROM migrator.plan();
COMMIT;
SELECT version, state FROM migrator.status;
SELECT count(*) FROM migrator.history;
BEGIN;
SET LOCAL migrator.allow = 'alter-type-rewrite, alter-type-drops-stats, create-index-blocking, statement-under-own-lock, multiple-strong-locks';
SELECT version, verdict, count(*) FROM migrator.plan('1') GROUP BY 1, 2 ORDER BY 1, 2;
ROLLBACK;
-- Who may.
CREATE ROLE regress_plan;
SET ROLE regress_plan;
SELECT count(*) FROM migrator.plan();
RESET ROLE;
GRANT EXECUTE ON FUNCTION migrator.plan TO regress_plan;
GRANT USAGE ON SCHEMA pl TO regress_plan;
SET ROLE regress_plan;
SELECT version, statement, lock, objects, rows, verdict FROM migrator.plan('1') WHERE statement IN (1, 5);
RESET ROLE;
REVOKE USAGE ON SCHEMA pl FROM regress_plan;
DROP OWNED BY regress_plan;
DROP ROLE regress_plan;
SET migrator.guard = 'off';
SET client_min_messages = warning;
DROP SCHEMA pl CASCADE;
