SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Of several commands one can only be advised about: the advice, one full stop, and the rest.
CREATE TABLE priced (net int, gross int GENERATED ALWAYS AS (net * 2) STORED, note text);
ALTER TABLE priced ALTER COLUMN net TYPE numeric, ALTER COLUMN note SET DEFAULT '';
