SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- A statement of a script is judged with what earlier ones will have done.
SET migrator.large_table_rows = 1000;
CREATE TABLE lo (id int PRIMARY KEY, a int);
INSERT INTO lo SELECT g, g FROM generate_series(1, 5000) g; ANALYZE lo;
CREATE SCHEMA lo_s;
CREATE FUNCTION pg_temp.lint(script text) RETURNS TABLE (statement int, rule text, object text)
LANGUAGE sql AS 'SELECT statement, rule, object FROM migrator.lint(script)';
-- A new table, and one that has another one's name in a schema that comes first.
SELECT * FROM pg_temp.lint('CREATE TABLE n (a int); CREATE INDEX ON n (a); ALTER TABLE n ADD b int NOT NULL');
SELECT * FROM pg_temp.lint('CREATE TABLE lo_s.lo (a int); CREATE INDEX ON lo_s.lo (a); CREATE INDEX ON lo (a)');
SELECT * FROM pg_temp.lint('CREATE TABLE lo_s.lo (a int); SET search_path = lo_s, public; CREATE INDEX ON lo (a)');
SELECT * FROM pg_temp.lint('SET search_path = lo_s, public; CREATE TABLE lo (a int); CREATE INDEX ON lo (a)');
SELECT * FROM pg_temp.lint('CREATE TEMP TABLE lo (a int); CREATE INDEX ON lo (a); CREATE INDEX ON public.lo (a)');
SELECT * FROM pg_temp.lint('SELECT a INTO lo_s.lo FROM lo; CREATE INDEX ON lo_s.lo (a)');
-- IF NOT EXISTS that finds the name makes nothing.
SELECT * FROM pg_temp.lint('CREATE TABLE IF NOT EXISTS lo (a int); CREATE INDEX ON lo (a)');
SELECT * FROM pg_temp.lint('SET search_path = lo_s, public; CREATE TABLE IF NOT EXISTS lo (a int); CREATE INDEX ON lo (a)');
-- Schemas that the script makes, renames and drops.
SELECT * FROM pg_temp.lint('CREATE SCHEMA nn CREATE TABLE lo (a int); CREATE INDEX ON nn.lo (a); SET search_path = nn, public; CREATE INDEX ON lo (a)');
SELECT * FROM pg_temp.lint('CREATE SCHEMA nn; SET search_path = nn, public; CREATE TABLE lo (a int); CREATE INDEX ON lo (a); RESET search_path; CREATE INDEX ON lo (a)');
SELECT * FROM pg_temp.lint('ALTER SCHEMA public RENAME TO old; CREATE INDEX ON old.lo (a); CREATE INDEX ON public.lo (a)');
-- Renamed, moved, dropped and made anew.
SELECT * FROM pg_temp.lint('ALTER TABLE lo RENAME TO lo2; CREATE INDEX ON lo2 (a); CREATE TABLE lo (a int); CREATE INDEX ON lo (a)');
SELECT * FROM pg_temp.lint('ALTER TABLE lo SET SCHEMA lo_s; CREATE INDEX ON lo (a); CREATE INDEX ON lo_s.lo (a)');
SELECT * FROM pg_temp.lint('DROP TABLE lo; CREATE TABLE lo (a int); CREATE INDEX ON lo (a)') WHERE statement > 1;
-- Emptied: there is nothing to read.
SELECT * FROM pg_temp.lint('TRUNCATE lo; CREATE INDEX ON lo (a); ALTER TABLE lo ADD c int NOT NULL') WHERE statement > 1;
-- An index of that name is there, or will be.
SELECT * FROM pg_temp.lint('CREATE INDEX i ON lo (a); CREATE INDEX IF NOT EXISTS i ON lo (a)');
-- The session's own settings are as they were.
SHOW search_path;
SELECT * FROM pg_temp.lint('SELECT pg_catalog.set_config(''search_path'', '''', false); CREATE INDEX ON lo (a); CREATE INDEX ON public.lo (a)');
SHOW search_path;
SET migrator.guard = off;
DROP TABLE lo; DROP SCHEMA lo_s;
