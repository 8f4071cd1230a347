SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- The statement that failed is named; nothing of the migration stays; the history knows.
CREATE TABLE failing (n int CONSTRAINT positive CHECK (n > 0));
SELECT migrator.register('1', E'INSERT INTO failing VALUES (1);\n\n-- the bad one\nINSERT INTO failing\n  VALUES (0);\nSELECT 1;', irreversible => 'test');
SELECT migrator.apply();
CALL migrator.deploy();
SELECT migrator.register('1', E'INSERT INTO failing VALUES (1);\nSELECT n,\n  nope FROM failing;', irreversible => 'test');
SELECT migrator.apply();
CALL migrator.deploy();
TABLE failing;
SELECT version, state, error FROM migrator.status;
\x
SELECT runner, outcome, statement, line, statement_text, sqlstate, message, detail, hint, context, "position",
       schema_name, table_name, constraint_name, application_name = current_setting('application_name') AS app
FROM migrator.history ORDER BY attempt;
\x
-- A user-defined SQLSTATE, all fields, from a function called by the migration.
CREATE FUNCTION raises() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    RAISE 'no' USING ERRCODE = 'ZZ123', DETAIL = 'd', HINT = 'h', SCHEMA = 's', TABLE = 't', COLUMN = 'c',
        DATATYPE = 'y', CONSTRAINT = 'k';
END $$;
SELECT migrator.register('1', 'SELECT raises()', irreversible => 'test');
DO $$
DECLARE a text; b text; c text; d text; e text; f text; g text; h text; i text; j text;
BEGIN
    PERFORM migrator.apply();
EXCEPTION WHEN SQLSTATE 'ZZ123' THEN
    GET STACKED DIAGNOSTICS a = RETURNED_SQLSTATE, b = MESSAGE_TEXT, c = PG_EXCEPTION_DETAIL,
        d = PG_EXCEPTION_HINT, e = SCHEMA_NAME, f = TABLE_NAME, g = COLUMN_NAME,
        h = PG_DATATYPE_NAME, i = CONSTRAINT_NAME, j = PG_EXCEPTION_CONTEXT;
    RAISE NOTICE E'% % % % % % % % %\n%', a, b, c, d, e, f, g, h, i, j;
END $$;
SELECT sqlstate, message, detail, hint, schema_name, table_name, column_name, datatype_name, constraint_name, context
FROM migrator.history ORDER BY attempt DESC LIMIT 1;
-- The session goes on, and the next run works.
SELECT migrator.register('1', 'INSERT INTO failing VALUES (7)', irreversible => 'test');
SELECT regexp_replace(migrator.apply(), '\(.*\)', '(time)');
TABLE failing;
SET migrator.guard = 'off';
DROP TABLE failing; DROP FUNCTION raises;
