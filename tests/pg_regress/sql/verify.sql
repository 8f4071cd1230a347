SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- What verify finds in the database, not only in the ledger.
SET client_min_messages = warning;
\x
SELECT * FROM migrator.verify();
CREATE TABLE ver (a int); INSERT INTO ver VALUES (1), (1);
CREATE UNIQUE INDEX CONCURRENTLY ver_a ON ver (a);
ALTER TABLE ver ADD CONSTRAINT ver_check CHECK (a > 1) NOT VALID;
CREATE DOMAIN ver_domain AS int; CREATE TABLE ver_of (a ver_domain);
ALTER DOMAIN ver_domain ADD CONSTRAINT "Ver" CHECK (VALUE > 1) NOT VALID;
SELECT * FROM migrator.verify();
ALTER TABLE ver DROP CONSTRAINT ver_check; DROP INDEX ver_a; DELETE FROM ver;
-- Who left a constraint that is not validated.
SELECT migrator.register('1', 'SELECT 1; ALTER TABLE ver ADD CHECK (a > 2) NOT VALID, ADD b int', irreversible => 'x');
SELECT migrator.register('2', 'ALTER TABLE ver ADD CONSTRAINT "Ver 2" CHECK (a > 2) NOT  VALID', irreversible => 'x');
CALL migrator.deploy();
SELECT * FROM migrator.verify();
SELECT hint FROM migrator.verify() WHERE problem = 'constraint not validated' \gexec
SELECT * FROM migrator.verify() WHERE problem = 'constraint not validated';
-- The ledger edited by hand.
\x
CREATE FUNCTION pg_temp.edited(statement text) RETURNS TABLE (problem text, object text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    CREATE TEMP TABLE found AS SELECT * FROM migrator.verify();
    RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = (SELECT coalesce(json_agg(f), '[]') FROM found f);
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN QUERY SELECT f.problem, f.object, regexp_replace(f.detail, 'Applied .* by', 'Applied ... by'), f.hint
    FROM json_to_recordset(SQLERRM::json) f (problem text, object text, detail text, hint text) WHERE f.problem NOT LIKE 'ad-hoc DDL%';
END $$;
SELECT migrator.register('3', 'SELECT 1', irreversible => 'x');
SELECT * FROM pg_temp.edited('UPDATE migrator.migration SET state = ''applied'' WHERE version = ''3''');
SELECT * FROM pg_temp.edited('UPDATE migrator.migration SET state = ''pending'' WHERE version = ''1''');
SELECT * FROM pg_temp.edited('UPDATE migrator.migration SET applied_by = ''nobody'' WHERE version = ''1''');
SELECT * FROM pg_temp.edited('UPDATE migrator.migration SET up = ''SELECT 2'' WHERE version = ''1''');
SELECT * FROM pg_temp.edited('UPDATE migrator.migration SET up = ''SELECT 2'', checksum = migrator.checksum(''SELECT 2'') WHERE version = ''1''');
SELECT * FROM pg_temp.edited('DELETE FROM migrator.migration WHERE version = ''1''');
SET migrator.guard = 'off';
DROP TABLE ver, ver_of; DROP DOMAIN ver_domain;
SELECT problem, object FROM migrator.verify();
