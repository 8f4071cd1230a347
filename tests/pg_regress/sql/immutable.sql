SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Applied is applied.
SET TimeZone = 'UTC';
SELECT migrator.register('1', 'SELECT 1', irreversible => 'x');
SELECT regexp_replace(migrator.apply(), '\(.*\)', '(time)');
DO $$
DECLARE s text; m text; d text; h text;
BEGIN
    PERFORM migrator.register('1', 'SELECT 2', irreversible => 'x');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RAISE NOTICE E'% %\n%\n%', s, m, regexp_replace(d, 'Applied .* by \w+ with', 'Applied TIME by ROLE with'), h;
END $$;
SELECT migrator.register('1', 'SELECT 1', irreversible => 'x');
-- The way back of an applied migration may still be corrected.
SELECT migrator.register('1', 'SELECT 1', down => 'SELECT -1');
-- A script changed in the ledger by hand stops everything.
SELECT migrator.register('2', 'SELECT 1', irreversible => 'x');
UPDATE migrator.migration SET up = 'SELECT ''evil''' WHERE version = '1';
SELECT migrator.apply();
SELECT problem, object FROM migrator.verify();
UPDATE migrator.migration SET checksum = migrator.checksum(up) WHERE version = '1';
SELECT problem, object FROM migrator.verify();
DELETE FROM migrator.migration WHERE version = '1';
SELECT problem, object FROM migrator.verify();
