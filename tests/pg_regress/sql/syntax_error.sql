SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- A syntax error is shown in the script, at its line.
SELECT migrator.register('1', E'CREATE TABLE a (x int);\n\n-- then\nCREATE TABEL b (x int);\n', irreversible => 'x');
SELECT migrator.register('1', E'SELECT ''ä'';\nSELEC 1', irreversible => 'x');
SELECT migrator.register('1', E'CREATE TABLE a (\n', irreversible => 'x');
