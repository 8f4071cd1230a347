SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Who may what: rights in one call, and nothing beyond them.
SET client_min_messages = warning;
CREATE ROLE "regress 'reader"; CREATE ROLE regress_ci; CREATE ROLE regress_nobody; GRANT CREATE ON SCHEMA public TO regress_ci;
SELECT migrator.register('1', 'CREATE TABLE rights (id int PRIMARY KEY, a int)', irreversible => 'x');
SELECT left(migrator.apply(), 19);
SELECT migrator.grant_read('"regress ''reader"');
SELECT migrator.grant_read('"regress ''reader"');
SELECT migrator.grant_deploy('regress_ci');
SELECT migrator.grant_deploy(NULL);
SELECT migrator.grant_deploy(4294967295::oid::regrole);
SELECT * FROM migrator.verify();
SELECT count(*) > 0 AS logged, count(DISTINCT allowed_by) AS functions FROM migrator.ddl_log WHERE tag = 'GRANT' AND statement LIKE '%migrator%';
-- Everything there is, for each.
CREATE FUNCTION pg_temp.may(role name) RETURNS TABLE (thing text, rights text) LANGUAGE sql AS $$
    SELECT c.oid::regclass::text, string_agg(p, ', ')
    FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES']) p
    WHERE c.relnamespace = 'migrator'::regnamespace AND c.relkind IN ('r', 'v') AND has_table_privilege(role, c.oid, p) GROUP BY c.oid
    UNION ALL
    SELECT c.oid::regclass::text, string_agg(p, ', ') FROM pg_class c, unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) p
    WHERE c.relnamespace = 'migrator'::regnamespace AND c.relkind = 'S' AND has_sequence_privilege(role, c.oid, p) GROUP BY c.oid
    UNION ALL
    SELECT p.oid::regproc::text, 'EXECUTE' FROM pg_proc p WHERE p.pronamespace = 'migrator'::regnamespace AND has_function_privilege(role, p.oid, 'EXECUTE')
    UNION ALL
    SELECT 'schema', p FROM unnest(ARRAY['USAGE', 'CREATE']) p WHERE has_schema_privilege(role, 'migrator', p)
$$;
SELECT string_agg(thing || ' ' || rights, E'\n' ORDER BY thing COLLATE "C") FROM pg_temp.may('regress_nobody');
SELECT string_agg(thing || ' ' || rights, E'\n' ORDER BY thing COLLATE "C") FROM pg_temp.may('regress ''reader');
SELECT string_agg(d.thing || ' ' || d.rights, E'\n' ORDER BY d.thing COLLATE "C") FROM pg_temp.may('regress_ci') d LEFT JOIN pg_temp.may('regress ''reader') r USING (thing, rights) WHERE r.thing IS NULL;
-- A reader reads.
SET SESSION AUTHORIZATION "regress 'reader";
SELECT version, state, applied_by FROM migrator.status;
SELECT version, outcome, length(hash) FROM migrator.history;
SELECT count(*) FROM migrator.findings;
SELECT count(*) > 0 AS found FROM migrator.ddl_log;
SELECT count(*) FROM migrator.backfills;
SELECT count(*) > 50 AS found FROM migrator.rules;
SELECT count(*) FROM migrator.policies;
SELECT count(*) FROM migrator.runner;
SELECT * FROM migrator.verify();
SELECT count(*) FROM migrator.drift();
SELECT rule FROM migrator.lint('CREATE INDEX ON rights (a)');
SELECT length(migrator.checksum('x'));
-- And changes nothing.
\set VERBOSITY terse
SELECT migrator.register('2', 'SELECT 1', irreversible => 'x');
SELECT * FROM migrator.register_dir('/');
SELECT migrator.apply();
CALL migrator.deploy();
SELECT migrator.resolve('1', 'applied', 'x');
CALL migrator.backfill('rights', 'a = 1', 'a IS NULL');
SELECT migrator.set_rule('drop-table', 'off');
SELECT migrator.prune_ddl_log();
SELECT migrator.grant_read('regress_nobody');
SELECT migrator.grant_deploy('regress_nobody');
SELECT migrator.revoke_all('regress_ci');
SELECT * FROM migrator.migration;
SELECT * FROM migrator.event;
SELECT * FROM migrator.verify_history();
SELECT migrator.event_hash(NULL, '{}');
UPDATE migrator.status SET state = 'pending';
DELETE FROM migrator.history;
-- Who deploys can do that, and no more.
SET SESSION AUTHORIZATION regress_ci;
SELECT migrator.register('2', 'CREATE TABLE rights_2 (id int PRIMARY KEY, a int); INSERT INTO rights_2 VALUES (1)', irreversible => 'x', mixed => true);
SELECT left(migrator.apply('2'), 19);
SELECT migrator.register('3', 'CREATE INDEX CONCURRENTLY rights_2_a ON rights_2 (a); CALL migrator.backfill(''rights_2'', ''a = 1'', ''a IS NULL'')', irreversible => 'x', mixed => true);
CALL migrator.deploy();
SELECT migrator.register('4', 'SELECT 1/0', irreversible => 'x');
CALL migrator.deploy();
SELECT migrator.resolve('4', 'applied', 'x');
CALL migrator.backfill('rights_2', 'a = 2', 'a = 1');
SELECT version, state, applied_by FROM migrator.status;
SELECT * FROM migrator.verify();
SELECT * FROM migrator.register_dir('/');
CALL migrator.backfill('rights', 'a = 1', 'a IS NULL');
SELECT migrator.set_rule('drop-table', 'off');
SELECT migrator.grant_deploy('regress_nobody');
SELECT migrator.prune_ddl_log();
SELECT nextval('migrator.event_id_seq');
INSERT INTO migrator.event_end VALUES (1, 'x');
INSERT INTO migrator.history DEFAULT VALUES;
UPDATE migrator.migration SET state = 'pending';
BEGIN; LOCK TABLE migrator.event_end IN SHARE UPDATE EXCLUSIVE MODE; ROLLBACK;
CREATE TABLE migrator.mine (a int);
CREATE FUNCTION migrator.mine() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TRIGGER mine BEFORE INSERT ON migrator.event FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER mine BEFORE DELETE ON rights_2 FOR EACH STATEMENT EXECUTE FUNCTION migrator.event_append_only();
COMMENT ON TABLE migrator.event IS 'mine';
CREATE TABLE refers (a bigint REFERENCES migrator.event);
CREATE VIEW sees AS SELECT * FROM migrator.event;
SELECT * FROM sees;
GRANT SELECT ON migrator.status TO regress_nobody;
-- Who has neither is told which right is missing.
SET SESSION AUTHORIZATION regress_nobody;
SELECT * FROM migrator.status;
SELECT * FROM migrator.verify();
SELECT migrator.apply();
CALL migrator.deploy();
RESET SESSION AUTHORIZATION;
-- Who may write to every table has no business in the ledger.
SET client_min_messages = error;
CREATE ROLE regress_writes; GRANT pg_write_all_data TO regress_writes; GRANT INSERT ON migrator.policy TO regress_writes;
SET client_min_messages = notice;
SET ROLE regress_writes;
UPDATE migrator.migration SET up = 'CREATE ROLE pwned SUPERUSER';
INSERT INTO migrator.policy (rule, action) VALUES ('create-index-blocking', 'off');
DELETE FROM migrator.event_end;
RESET ROLE;
SELECT migrator.owner_only();
BEGIN;
SET LOCAL migrator.guard = off;
DROP TRIGGER owner_only ON migrator.policy;
ALTER TABLE migrator.event DISABLE TRIGGER owner_only;
SELECT * FROM migrator.verify() WHERE object LIKE '%owner_only%' ORDER BY problem, object;
ROLLBACK;
DROP OWNED BY regress_writes; DROP ROLE regress_writes;
-- Taken away again.
SELECT migrator.revoke_all('regress_ci'); SELECT migrator.revoke_all('"regress ''reader"'); SELECT migrator.revoke_all('regress_nobody');
SELECT count(*) FROM pg_temp.may('regress_ci') FULL JOIN pg_temp.may('regress_nobody') n USING (thing, rights) FULL JOIN pg_temp.may('regress ''reader') r USING (thing, rights) WHERE n.thing IS NULL OR r.thing IS NULL;
SELECT * FROM migrator.verify();
SET migrator.guard = 'off';
DROP VIEW sees; DROP TABLE rights, rights_2; DROP OWNED BY regress_ci;
DROP ROLE "regress 'reader", regress_ci, regress_nobody;
