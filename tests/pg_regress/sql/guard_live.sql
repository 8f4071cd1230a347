SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
\set VERBOSITY default
-- What this transaction holds already, and what an interrupted statement has left.
SET migrator.large_table_rows = 1000;
CREATE TABLE gl (a int); INSERT INTO gl SELECT generate_series(1, 5000); ANALYZE gl;
CREATE TABLE gl_b (a int); INSERT INTO gl_b SELECT generate_series(1, 5000); ANALYZE gl_b;
CREATE TABLE gl_small (a int);
ALTER TABLE gl_b ADD CONSTRAINT gl_check CHECK (a > 0) NOT VALID;
-- Long work on one table under a lock on another.
BEGIN;
ALTER TABLE gl ADD b int;
ALTER TABLE gl_b VALIDATE CONSTRAINT gl_check;
ROLLBACK;
BEGIN;
ALTER TABLE gl_small ADD b int;
ALTER TABLE gl_b VALIDATE CONSTRAINT gl_check;
ROLLBACK;
-- Two large tables in one transaction; a new one does not count.
BEGIN;
CREATE TABLE gl_new AS SELECT * FROM gl;
ALTER TABLE gl_new ADD b int;
ALTER TABLE gl ADD b int;
ALTER TABLE gl_b ADD b int;
ROLLBACK;
-- The same in a script, and in one that commits in between.
SELECT statement, rule, action FROM migrator.lint('ALTER TABLE gl ADD b int; ALTER TABLE gl_b VALIDATE CONSTRAINT gl_check; ALTER TABLE gl_b ADD b int');
SELECT statement, rule, action FROM migrator.lint('ALTER TABLE gl ADD b int; ALTER TABLE gl_b VALIDATE CONSTRAINT gl_check; ALTER TABLE gl_b ADD b int; VACUUM gl');
SELECT statement, rule, action FROM migrator.lint('ALTER TABLE gl ADD CONSTRAINT k CHECK (a > 0) NOT VALID; ALTER TABLE gl VALIDATE CONSTRAINT k');
SELECT statement, rule, action FROM migrator.lint('ALTER TABLE gl ADD CONSTRAINT k CHECK (a > 0) NOT VALID; ALTER TABLE gl VALIDATE CONSTRAINT k; VACUUM gl');
SELECT statement, rule, action FROM migrator.lint('LOCK gl; UPDATE gl_b SET a = 1');
-- An invalid index under the name.
INSERT INTO gl VALUES (1);
CREATE UNIQUE INDEX CONCURRENTLY gl_a ON gl (a);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS gl_a ON gl (a);
SELECT statement, rule, action FROM migrator.lint('CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS gl_a ON gl (a)');
SELECT statement, rule, action FROM migrator.lint('DROP INDEX CONCURRENTLY gl_a; CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS gl_a ON gl (a)');
DROP INDEX CONCURRENTLY gl_a;
-- A prepared transaction is as long as it is forgotten. What another role does is not told to everybody.
CREATE ROLE regress_live;
ALTER TABLE gl_small OWNER TO regress_live;
BEGIN; SELECT count(*) FROM gl_small; PREPARE TRANSACTION 'gl''s';
SET migrator.long_transaction = 0;
SET ROLE regress_live;
ALTER TABLE gl_small ADD c int;
RESET ROLE;
ROLLBACK PREPARED 'gl''s';
SET ROLE regress_live;
ALTER TABLE gl_small ADD c int;
SET migrator.long_transaction = -1;
RESET ROLE;
SET migrator.guard = off;
DROP TABLE gl, gl_b, gl_small; DROP ROLE regress_live;
