SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Of several commands one can only be advised about: the advice, one full stop, and the rest.
CREATE TABLE priced (net int, gross int GENERATED ALWAYS AS (net * 2) STORED, note text);
ALTER TABLE priced ALTER COLUMN net TYPE numeric, ALTER COLUMN note SET DEFAULT '';
-- Of several commands one has a safe way, and for another there is no SQL to show: the way, and that there is more.
INSERT INTO priced SELECT 1 FROM generate_series(1, 100);
ANALYZE priced;
SET migrator.large_table_rows = 100;
ALTER TABLE priced ADD COLUMN tag uuid DEFAULT gen_random_uuid(), ALTER COLUMN net ADD GENERATED ALWAYS AS IDENTITY;
