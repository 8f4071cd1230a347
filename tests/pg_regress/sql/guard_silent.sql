-- What Postgres says of a statement it says once: the guard's own look at it is silent.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;

-- A type that is looked up.
CREATE TABLE quiet (a int);
CREATE OR REPLACE FUNCTION quiet_type(quiet.a%TYPE) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE OR REPLACE FUNCTION quiet_type(quiet.a%TYPE) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';

-- An identifier that is cut, and a backslash: the text of a statement within a function is parsed once more.
DO $$ BEGIN
    EXECUTE 'CREATE TABLE quiet_' || repeat('x', 60) || ' (id int)';
END $$;
SET standard_conforming_strings = off;
DO $$ BEGIN
    EXECUTE E'COMMENT ON TABLE quiet IS ''a\\\\b''';
END $$;
RESET standard_conforming_strings;
