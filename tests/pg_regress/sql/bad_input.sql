SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Scripts and versions that are refused, each with SQLSTATE, DETAIL and HINT; nothing is stored.
\set VERBOSITY verbose
\set SHOW_CONTEXT never
CREATE FUNCTION pg_temp.try(statement text) RETURNS TABLE (field text, value text) LANGUAGE plpgsql AS $$
DECLARE s text; m text; d text; h text;
BEGIN
    EXECUTE statement;
    RETURN QUERY VALUES ('accepted', statement);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RETURN QUERY VALUES (s, m), ('DETAIL', d), ('HINT', h);
END $$;
\set VERBOSITY default
\pset format unaligned
\pset tuples_only on
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', NULL, irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', '', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', E' \n\t ', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', E'-- nothing\n/* here */ ;;', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', 'SELECT 1', down => '')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register(NULL, 'SELECT 1', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('', 'SELECT 1', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('  ', 'SELECT 1', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register(' 1', 'SELECT 1', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register(E'a\nb', 'SELECT 1', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register(repeat('v', 256), 'SELECT 1', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', E'SELECT 1;\nBEGIN;', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', 'COMMIT', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', 'SAVEPOINT s', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', 'COPY t FROM STDIN', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', 'COPY t TO STDOUT', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', E'COPY t FROM stdin;\n1\t2\n\\.\n', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', E'SELECT 1;\n\\d\n', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', 'DISCARD ALL', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', 'DROP EXTENSION IF EXISTS x, migrator CASCADE', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', E'SELECT 1;\n\n  SELEC 2', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', 'SELECT 1', down => 'DROP TABEL x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', 'SELECT ''open', irreversible => 'x')$$);
SELECT count(*) FROM migrator.status;
SELECT * FROM pg_temp.try($$SELECT migrator.apply('nope')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.register('1', 'SELECT 1', irreversible => 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.apply('nope')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.apply('')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.resolve('nope', 'applied', 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.resolve('1', 'applied', 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.resolve('1', 'maybe', 'x')$$);
SELECT * FROM pg_temp.try($$SELECT migrator.resolve('1', 'applied', NULL)$$);
SELECT * FROM pg_temp.try($$SELECT migrator.guard_ddl_command_start()$$);
SELECT * FROM pg_temp.try($$SET migrator.gaurd = 'off'$$);
