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
LANGUAGE sql AS $$SELECT statement, rule, object FROM migrator.lint(script) WHERE class IN ('blocking', 'live')$$;
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
-- Columns, constraints, indexes and types that earlier statements make. (VACUUM: a script that commits each statement.)
CREATE TABLE lo_t (id int, a int, b varchar(10), lo int);
INSERT INTO lo_t SELECT g, g, g, g FROM generate_series(1, 5000) g; ANALYZE lo_t;
SELECT * FROM pg_temp.lint('ALTER TABLE lo_t ADD c int; ALTER TABLE lo_t ALTER c SET NOT NULL; ALTER TABLE lo_t ALTER c TYPE bigint');
SELECT * FROM pg_temp.lint('ALTER TABLE lo_t ADD c int NOT NULL DEFAULT 1; ALTER TABLE lo_t ALTER c SET NOT NULL; ALTER TABLE lo_t ADD CHECK (c > 0)');
SELECT * FROM pg_temp.lint('ALTER TABLE lo_t RENAME a TO z; ALTER TABLE lo_t ALTER z TYPE bigint; ALTER TABLE lo_t ALTER a TYPE bigint') WHERE statement > 1;
SELECT * FROM pg_temp.lint('ALTER TABLE lo_t DROP a; ALTER TABLE lo_t ADD a int; ALTER TABLE lo_t ALTER a SET NOT NULL') WHERE statement > 1;
SELECT * FROM pg_temp.lint('ALTER TABLE lo_t ALTER b TYPE text; ALTER TABLE lo_t ALTER b TYPE varchar(5)');
SELECT * FROM pg_temp.lint('ALTER TABLE lo_t ADD CONSTRAINT n CHECK (a IS NOT NULL AND a > 0) NOT VALID; ALTER TABLE lo_t VALIDATE CONSTRAINT n; ALTER TABLE lo_t ALTER a SET NOT NULL; ALTER TABLE lo_t DROP CONSTRAINT n');
SELECT * FROM pg_temp.lint('ALTER TABLE lo_t ADD CONSTRAINT n CHECK (a IS NOT NULL AND a > 0) NOT VALID; ALTER TABLE lo_t VALIDATE CONSTRAINT n; ALTER TABLE lo_t ALTER a SET NOT NULL; ALTER TABLE lo_t DROP CONSTRAINT n; VACUUM lo_t');
SELECT * FROM pg_temp.lint('ALTER TABLE lo_t ADD CONSTRAINT n CHECK (a > 0) NOT VALID; ALTER TABLE lo_t VALIDATE CONSTRAINT n; ALTER TABLE lo_t ALTER a SET NOT NULL; VACUUM lo_t');
SELECT * FROM pg_temp.lint('ALTER TABLE lo_t ADD CONSTRAINT n CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE lo_t ALTER a SET NOT NULL; VACUUM lo_t');
SELECT * FROM pg_temp.lint('ALTER TABLE lo_t ADD CONSTRAINT n CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE lo_t VALIDATE CONSTRAINT n; ALTER TABLE lo_t DROP CONSTRAINT n; ALTER TABLE lo_t ALTER a SET NOT NULL; VACUUM lo_t');
SELECT * FROM pg_temp.lint('ALTER TABLE lo_t ADD CONSTRAINT f FOREIGN KEY (lo) REFERENCES lo NOT VALID; ALTER TABLE lo_t VALIDATE CONSTRAINT f');
SELECT * FROM pg_temp.lint('ALTER TABLE lo_t ADD CONSTRAINT f FOREIGN KEY (lo) REFERENCES lo NOT VALID; ALTER TABLE lo_t VALIDATE CONSTRAINT f; ALTER TABLE lo_t VALIDATE CONSTRAINT f; VACUUM lo_t');
SELECT * FROM pg_temp.lint('CREATE UNIQUE INDEX CONCURRENTLY i ON lo_t (a); ALTER TABLE lo_t ADD CONSTRAINT u UNIQUE USING INDEX i');
SELECT * FROM pg_temp.lint('CREATE UNIQUE INDEX CONCURRENTLY i ON lo_t (id); ALTER TABLE lo_t ADD PRIMARY KEY USING INDEX i');
SELECT * FROM pg_temp.lint('ALTER TABLE lo_t ADD CONSTRAINT n CHECK (id IS NOT NULL) NOT VALID; ALTER TABLE lo_t VALIDATE CONSTRAINT n; CREATE UNIQUE INDEX CONCURRENTLY i ON lo_t (id); ALTER TABLE lo_t ADD PRIMARY KEY USING INDEX i');
SELECT * FROM pg_temp.lint('CREATE DOMAIN d AS int CHECK (value > 0); CREATE DOMAIN dd AS d; CREATE DOMAIN e AS int; ALTER TABLE lo_t ADD c d; ALTER TABLE lo_t ADD c2 public.dd; ALTER TABLE lo_t ADD c3 e');
SELECT * FROM pg_temp.lint('CREATE TYPE m AS ENUM (''x''); ALTER TABLE lo_t ADD c m DEFAULT ''x''; ALTER TABLE lo_t ADD c2 m NOT NULL');
-- An enum is stored like no type before, and hints call a type by the name that the script gives it.
SELECT statement, rule, substring(hint, '(?:ADD COLUMN|TYPE) [^;]*') AS named FROM migrator.lint('CREATE TYPE m AS ENUM (''x''); ALTER TABLE lo_t ALTER a TYPE m USING a::text::m; ALTER TABLE lo_t ADD c m NOT NULL');
SELECT statement, rule, substring(hint, '(?:ADD COLUMN|TYPE) [^;]*') AS named FROM migrator.lint('CREATE DOMAIN d AS bigint; ALTER TABLE lo_t ALTER a TYPE d; ALTER TABLE lo_t ADD c d NOT NULL');
SELECT * FROM pg_temp.lint('CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS ''BEGIN RETURN 1; END''; ALTER TABLE lo_t ADD c int DEFAULT f(); ALTER TABLE lo_t ADD c2 int DEFAULT public.f() NOT NULL');
SELECT * FROM pg_temp.lint('CREATE FUNCTION f() RETURNS int STABLE LANGUAGE plpgsql AS ''BEGIN RETURN 1; END''; ALTER TABLE lo_t ADD c int DEFAULT f()');
SET migrator.guard = off;
DROP TABLE lo, lo_t; DROP SCHEMA lo_s;
