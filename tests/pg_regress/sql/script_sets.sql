SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- What a migration SETs.
CREATE TABLE sets (a int);
-- Where each statement is committed by itself, what ends with a transaction or cannot be taken back is refused.
SELECT migrator.register('1', 'SET LOCAL work_mem = ''1MB''; CREATE INDEX CONCURRENTLY ON sets (a)', irreversible => 'x');
SELECT migrator.register('1', 'VACUUM sets; RESET ALL', irreversible => 'x');
SELECT migrator.register('1', 'SELECT 1', down => 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; VACUUM sets');
SELECT migrator.register('1', 'SET LOCAL work_mem = ''1MB''; RESET ALL; SELECT 1', irreversible => 'x');
SELECT migrator.register('1', 'SET default_transaction_read_only = on; VACUUM sets', irreversible => 'x');
-- What is stored already, by a version that did not look, is as it was.
SELECT migrator.register('0', 'SET work_mem = ''1MB''; VACUUM sets', irreversible => 'x');
UPDATE migrator.migration SET up = 'SET LOCAL work_mem = ''1MB''; VACUUM sets', checksum = migrator.checksum('SET LOCAL work_mem = ''1MB''; VACUUM sets')
WHERE version = '0';
SELECT migrator.register('0', 'SET LOCAL work_mem = ''1MB''; VACUUM sets', irreversible => 'x');
SELECT migrator.register('0', 'SET LOCAL work_mem = ''1MB''; VACUUM sets', irreversible => 'another reason');
SELECT migrator.register('0', 'SET LOCAL work_mem = ''1MB''; VACUUM sets', down => 'RESET ALL; VACUUM sets');
SELECT migrator.register('0', 'SELECT 1', irreversible => 'x');
-- A setting that was not there before is empty afterwards, also after a failure.
SELECT migrator.register('2', 'SET sets.tenant = ''x''; VACUUM sets; SELECT 1/0', irreversible => 'x');
\set VERBOSITY terse
SET client_min_messages = warning;
CALL migrator.deploy();
SHOW sets.tenant;
SELECT migrator.resolve('2', 'applied', 'a test');
\set VERBOSITY default
-- What is deferred is done as the role, and with the settings, of the script.
CREATE ROLE regress_sets;
CREATE SCHEMA setting AUTHORIZATION regress_sets;
GRANT INSERT ON sets TO regress_sets;
SET ROLE regress_sets;
CREATE TABLE setting.audit (who text, tenant text);
CREATE FUNCTION setting.note() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO audit VALUES (current_user, current_setting('sets.tenant', true)); RETURN NULL; END$$;
RESET ROLE;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON sets DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION setting.note();
SELECT migrator.register('3', 'SET LOCAL ROLE regress_sets; SET LOCAL search_path = setting, public; SET sets.tenant = ''t''; INSERT INTO sets VALUES (1)',
                         down => 'SELECT set_config(''role'', ''regress_sets'', true), set_config(''search_path'', ''setting, public'', true); INSERT INTO sets VALUES (2)');
\set VERBOSITY terse
SET client_min_messages = warning;
CALL migrator.deploy();
SET migrator.allow_revert = on;
CALL migrator.revert_to('3', including => true);
SELECT regexp_replace(migrator.apply(), '\(.*\)', '(time)');
SELECT * FROM setting.audit;
SELECT current_user, current_setting('sets.tenant');
-- statement_timeout means each statement, and the session's own counts again afterwards.
SELECT migrator.register('4', 'SET statement_timeout = ''500ms''; SELECT 1; SELECT pg_sleep(20)', irreversible => 'x');
CALL migrator.deploy();
SELECT left(migrator.apply(), 20);
SELECT sqlstate, message, statement FROM migrator.history WHERE version = '4' ORDER BY attempt;
SET statement_timeout = '2s';
SELECT migrator.register('4', 'SET LOCAL statement_timeout = 0; SELECT pg_sleep(3)', irreversible => 'x');
CALL migrator.deploy();
SELECT state FROM migrator.status WHERE version = '4';
SHOW statement_timeout;
SELECT pg_sleep(20);
RESET statement_timeout;
SET client_min_messages = error;
DROP TABLE sets, setting.audit;
DROP FUNCTION setting.note;
DROP SCHEMA setting;
DROP ROLE regress_sets;
DROP EXTENSION migrator;
