SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
SET client_min_messages = error;
-- The numbers of the log are not the session's: it has asked no sequence yet.
CREATE TABLE ln (id bigint GENERATED ALWAYS AS IDENTITY (START 1000), a int);
SELECT lastval();
-- It has its own, whatever is logged since.
INSERT INTO ln (a) VALUES (1);
CREATE TABLE ln2 (a int); ALTER TABLE ln2 ADD b int;
SELECT lastval();
DROP TABLE ln2;
INSERT INTO ln (a) VALUES (2) RETURNING id;
SELECT lastval();
-- One after the other; a rolled back one is not used again.
BEGIN; CREATE TABLE ln3 (a int); SELECT count(*) FROM migrator.ddl_log WHERE statement LIKE '%ln3%'; ROLLBACK;
CREATE TABLE ln4 (a int);
SELECT id, statement FROM migrator.ddl_log;
-- Also from where somebody has set them.
SELECT setval('migrator.ddl_id_seq', 500, false);
CREATE TABLE ln5 (a int); CREATE TABLE ln6 (a int);
SELECT id, statement FROM migrator.ddl_log WHERE id > 100;
-- What else is on the table of the log counts.
ALTER TABLE migrator.ddl ADD CONSTRAINT ln_check CHECK (tag <> 'CREATE VIEW');
\set VERBOSITY terse
CREATE VIEW ln_view AS SELECT 1 AS a;
\set VERBOSITY default
ALTER TABLE migrator.ddl DROP CONSTRAINT ln_check;
CREATE FUNCTION ln_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.message := current_user || ' ' || current_setting('search_path'); RETURN NEW; END $$;
CREATE TRIGGER ln_trigger BEFORE INSERT ON migrator.ddl FOR EACH ROW EXECUTE FUNCTION ln_trigger();
CREATE TABLE ln7 (a int);
SELECT statement, message FROM migrator.ddl_log WHERE message IS NOT NULL;
DROP TRIGGER ln_trigger ON migrator.ddl; DROP FUNCTION ln_trigger();
DROP TABLE ln, ln4, ln5, ln6, ln7;
