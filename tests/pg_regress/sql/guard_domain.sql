SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- ALTER DOMAIN: refused exactly when rows of a large table would be looked at.
SET migrator.large_table_rows = 500;
CREATE DOMAIN years AS int; CREATE DOMAIN age AS years;
CREATE TABLE people (id int, a age); INSERT INTO people SELECT g, g FROM generate_series(1, 1000) g; ANALYZE people;
ALTER DOMAIN years ADD CONSTRAINT positive CHECK (VALUE > 0);
ALTER DOMAIN years SET NOT NULL;
-- Without a look at the rows.
ALTER DOMAIN years ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;
ALTER DOMAIN years SET DEFAULT 5;
ALTER DOMAIN years VALIDATE CONSTRAINT positive;
ALTER DOMAIN years VALIDATE CONSTRAINT nowhere;
ALTER DOMAIN years ADD CONSTRAINT positive CHECK (VALUE > 0);
ALTER DOMAIN years ADD CHECK (VALUE ~ 'x');
-- Nobody uses it, or few do; Postgres refuses it itself.
CREATE DOMAIN unused AS int;
ALTER DOMAIN unused ADD CHECK (VALUE > 0);
ALTER DOMAIN unused SET NOT NULL;
CREATE DOMAIN element AS int; CREATE TABLE arrays (a element[]); INSERT INTO arrays SELECT ARRAY[1] FROM generate_series(1, 1000);
ALTER DOMAIN element ADD CHECK (VALUE > 0);
-- No condition at all, a function of the user's (which is not run), scripts.
ALTER DOMAIN years ADD CHECK (VALUE + 1);
CREATE FUNCTION old_enough(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'run'; END $$;
ALTER DOMAIN years ADD CHECK (old_enough(5));
SELECT statement, rule FROM migrator.lint('ALTER DOMAIN years ADD CONSTRAINT new CHECK (VALUE < 200) NOT VALID; ALTER DOMAIN years VALIDATE CONSTRAINT new');
CREATE TABLE pupils (id int); INSERT INTO pupils SELECT generate_series(1, 1000); ANALYZE pupils;
SELECT statement, rule FROM migrator.lint('ALTER TABLE pupils ADD COLUMN a unused; ALTER DOMAIN unused ADD CHECK (VALUE > 5)');
DROP FUNCTION old_enough;
SET migrator.guard = off; DROP TABLE pupils; RESET migrator.guard;
SET client_min_messages = warning; SET migrator.guard = off; DROP TABLE people, arrays; DROP DOMAIN years, unused, element CASCADE;
