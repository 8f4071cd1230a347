SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- The checksum is that of the text with line endings as LF.
SELECT migrator.checksum(E'SELECT 1;\n') = encode(sha256(E'SELECT 1;\n'), 'hex') AS sha256_of_the_text;
SELECT migrator.checksum(E'a\nb\nc') = migrator.checksum(E'a\r\nb\rc') AS endings_do_not_count;
SELECT migrator.checksum('a') = migrator.checksum('a ') AS blanks_count;
SELECT migrator.register('1', E'SELECT 1;\r\n', irreversible => 'x');
SELECT checksum = migrator.checksum(E'SELECT 1;\n') AS stored FROM migrator.status;
