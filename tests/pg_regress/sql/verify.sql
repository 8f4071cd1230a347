SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- What verify finds in the database, not only in the ledger.
SET client_min_messages = warning;
SELECT * FROM migrator.verify();
CREATE TABLE ver (a int); INSERT INTO ver VALUES (1), (1);
CREATE UNIQUE INDEX CONCURRENTLY ver_a ON ver (a);
ALTER TABLE ver ADD CONSTRAINT ver_check CHECK (a > 1) NOT VALID;
SELECT * FROM migrator.verify();
SET migrator.guard = 'off';
DROP TABLE ver;
SELECT * FROM migrator.verify();
