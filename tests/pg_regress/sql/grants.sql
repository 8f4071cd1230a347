SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Rights in one call: who reads, who deploys, and what neither can do.
SET client_min_messages = warning;
CREATE ROLE regress_reader LOGIN; CREATE ROLE regress_pipeline LOGIN; CREATE ROLE "regress ""odd" LOGIN;
GRANT CREATE ON SCHEMA public TO regress_pipeline;
SELECT migrator.grant_read('regress_reader');
SELECT migrator.grant_read('regress_reader');
SELECT migrator.grant_deploy('regress_pipeline');
SELECT migrator.grant_read('"regress ""odd"');
SELECT migrator.grant_read(NULL);
SELECT migrator.grant_deploy(0);
\c - regress_pipeline
SET client_min_messages = warning;
SELECT migrator.register('1', 'CREATE TABLE by_pipeline (a int)', down => 'DROP TABLE by_pipeline');
SELECT migrator.register('2', 'CREATE INDEX CONCURRENTLY ON by_pipeline (a)', irreversible => 'x');
SELECT version, statement, lock FROM migrator.plan();
CALL migrator.deploy();
SELECT version, state, applied_by FROM migrator.status;
SELECT count(*) FROM migrator.verify();
-- Not the ledger, not the rules, not the rights of others.
UPDATE migrator.migration SET state = 'pending';
DELETE FROM migrator.event;
SELECT * FROM migrator.migration;
SELECT nextval('migrator.event_id_seq');
SELECT migrator.set_rule('drop-table', 'off');
SELECT migrator.grant_deploy('regress_reader');
SELECT migrator.event_append_only();
SET migrator.allow_revert = on;
SET migrator.guard = 'off';
\c - regress_reader
SELECT version, state FROM migrator.status;
SELECT version, outcome FROM migrator.history;
SELECT count(*) FROM migrator.verify();
SELECT count(*) FROM migrator.plan();
SELECT count(*) FROM migrator.drift();
SELECT count(*) > 0 FROM migrator.ddl_log;
SELECT count(*) FROM migrator.backfills;
SELECT migrator.register('3', 'SELECT 1', irreversible => 'x');
SELECT migrator.apply();
CALL migrator.deploy();
SELECT migrator.baseline('3');
\c - postgres
SET client_min_messages = warning;
SELECT migrator.revoke_all('regress_reader');
SET ROLE regress_reader;
SELECT version FROM migrator.status;
RESET ROLE;
SELECT * FROM migrator.verify();
SET migrator.guard = 'off';
DROP TABLE by_pipeline;
DROP OWNED BY regress_reader, regress_pipeline, "regress ""odd" CASCADE; DROP ROLE regress_reader, regress_pipeline, "regress ""odd";
