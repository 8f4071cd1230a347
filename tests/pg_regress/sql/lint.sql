SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- A script that is not registered: one row for each finding, nothing is run.
SET migrator.large_table_rows = 1000;
CREATE TABLE lt (id int PRIMARY KEY, email text);
INSERT INTO lt SELECT g, 'x' || g FROM generate_series(1, 5000) g; ANALYZE lt;
\x on
SELECT * FROM migrator.lint($$
-- one that is harmless
CREATE TABLE lt_other (a int);
/* and two
   that are not */
CREATE INDEX lt_email ON lt (email);
ALTER TABLE lt ADD COLUMN "Nick" text NOT NULL
$$);
\x off
SELECT to_regclass('lt_other');
SELECT count(*) FROM migrator.lint('CREATE INDEX CONCURRENTLY lt_email ON lt (email); SELECT 1; VACUUM lt');
-- What is no script is an error, as in register.
SELECT * FROM migrator.lint(E'SELECT 1;\nSELEC 2');
SELECT * FROM migrator.lint('BEGIN; SELECT 1; COMMIT');
SELECT * FROM migrator.lint(' -- nothing');
SELECT * FROM migrator.lint(NULL);
-- What does not exist is for the statement itself to say.
SELECT * FROM migrator.lint('ALTER TABLE nowhere ADD a int NOT NULL; CREATE INDEX ON nothing (a); DROP TABLE nil');
-- Everybody may ask, also about tables of others; a schema he may not look into stays closed.
CREATE ROLE regress_lint;
CREATE SCHEMA lt_closed CREATE TABLE t (a int);
INSERT INTO lt_closed.t SELECT generate_series(1, 5000);
SET ROLE regress_lint;
SELECT statement, rule, object FROM migrator.lint('CREATE INDEX ON lt (email); CREATE INDEX ON lt_closed.t (a)');
RESET ROLE;
SELECT statement, rule, object FROM migrator.lint('CREATE INDEX ON lt (email); CREATE INDEX ON lt_closed.t (a)');
-- In a transaction that may not write.
BEGIN READ ONLY;
SELECT statement, rule FROM migrator.lint('CREATE INDEX ON lt (email)');
COMMIT;
-- The guard's mode does not matter to who asks.
SET migrator.guard = off;
SELECT statement, rule FROM migrator.lint('CREATE INDEX ON lt (email)');
RESET migrator.guard;
SET migrator.guard = off;
DROP TABLE lt; DROP SCHEMA lt_closed CASCADE; DROP ROLE regress_lint;
