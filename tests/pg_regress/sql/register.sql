SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Registering: outcomes, natural order, ranks.
SELECT migrator.register('9', 'SELECT 9', irreversible => 'test');
SELECT migrator.register('10', 'SELECT 10', irreversible => 'test');
SELECT migrator.register('2026.10', 'SELECT 1', down => 'SELECT -1', description => 'tenth');
SELECT migrator.register('2026.2', 'SELECT 1', irreversible => 'test');
SELECT version, state, progress, transactional, description FROM migrator.status;
-- The same again is a no-op, whatever the line endings.
SELECT migrator.register('9', 'SELECT 9', irreversible => 'test');
SELECT migrator.register('11', E'SELECT 1;\nSELECT 2;\n', irreversible => 'test');
SELECT migrator.register('11', E'SELECT 1;\r\nSELECT 2;\r\n', irreversible => 'test');
-- Another text replaces it while it is pending.
SELECT migrator.register('9', 'SELECT 99', irreversible => 'test');
-- Equal in rank is a conflict.
SELECT migrator.register('009', 'SELECT 9', irreversible => 'test');
SELECT migrator.register('2026.02', 'SELECT 9', irreversible => 'test');
-- Exactly one of down and irreversible.
SELECT migrator.register('12', 'SELECT 1');
SELECT migrator.register('12', 'SELECT 1', down => 'SELECT 1', irreversible => 'both');
SELECT migrator.register('12', 'SELECT 1', irreversible => '  ');
-- A byte order mark is skipped.
SELECT migrator.register('13', U&'\FEFFSELECT 1', irreversible => 'test');
-- Names that need quoting are nothing special.
SELECT migrator.register('a''b";--', 'SELECT 1', irreversible => 'test');
SELECT version FROM migrator.status;
