SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
SET migrator.guard = 'off';
-- What a backfill would do: a table of some size, never analyzed.
CREATE TABLE bfp (id int PRIMARY KEY, email text, normalized text, pad text);
INSERT INTO bfp SELECT g, 'User' || g, NULL, repeat('x', 60) FROM generate_series(1, 10000) g;
\x
SELECT * FROM migrator.plan_backfill('bfp', 'normalized = lower(email)', 'normalized IS NULL');
-- The advice works when typed; then statistics are there. Without a condition the key decides.
SELECT split_part(advice, E'\n', 2) AS typed FROM migrator.plan_backfill('bfp', 'normalized = lower(email)', 'normalized IS NULL')
WHERE subject IN ('target', 'rows') \gexec
ANALYZE bfp;
SELECT * FROM migrator.plan_backfill('bfp', 'normalized = lower(email)', 'normalized IS NULL') WHERE subject IN ('target', 'rows', 'WAL');
SELECT * FROM migrator.plan_backfill('bfp', 'normalized = lower(email)', batch_rows => 500, target_ms => 50)
WHERE subject NOT LIKE 'limits%';
-- An index on what changes.
CREATE INDEX bfp_normalized ON bfp (lower(normalized));
SELECT * FROM migrator.plan_backfill('bfp', 'normalized = lower(email)', 'normalized IS NULL') WHERE subject IN ('stripes', 'WAL');
SELECT * FROM migrator.plan_backfill('bfp', 'normalized = lower(email)', 'normalized IS NULL', stripes => 4) WHERE subject = 'stripes';
SELECT split_part(advice, E'\n', n) AS typed FROM migrator.plan_backfill('bfp', 'normalized = lower(email)', 'normalized IS NULL'),
    generate_series(2, 3) n WHERE subject = 'stripes' ORDER BY n \gexec
SELECT indexdef FROM pg_indexes WHERE indexname = 'bfp_normalized';
DROP INDEX bfp_normalized;
ALTER TABLE bfp ADD UNIQUE (normalized);
SELECT * FROM migrator.plan_backfill('bfp', 'normalized = lower(email)', 'normalized IS NULL') WHERE subject = 'stripes';
ALTER TABLE bfp DROP CONSTRAINT bfp_normalized_key;
-- What else an update does: triggers, foreign keys, deferred constraints, generated columns, publications.
CREATE TABLE bfp_parent (name text PRIMARY KEY);
CREATE TABLE bfp_child (id int PRIMARY KEY, code int);
ALTER TABLE bfp ADD code int, ADD shouted text GENERATED ALWAYS AS (upper(normalized)) STORED,
    ADD FOREIGN KEY (normalized) REFERENCES bfp_parent DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT bfp_code_key UNIQUE (code);
ALTER TABLE bfp_child ADD FOREIGN KEY (code) REFERENCES bfp (code) ON UPDATE CASCADE;
CREATE FUNCTION bfp_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER every BEFORE UPDATE ON bfp FOR EACH ROW EXECUTE FUNCTION bfp_trigger();
CREATE TRIGGER seldom AFTER UPDATE OF normalized ON bfp FOR EACH ROW WHEN (NEW.id < 7) EXECUTE FUNCTION bfp_trigger();
CREATE TRIGGER "of Shouted" AFTER UPDATE OF shouted ON bfp FOR EACH ROW EXECUTE FUNCTION bfp_trigger();
CREATE TRIGGER other AFTER UPDATE OF email ON bfp FOR EACH ROW EXECUTE FUNCTION bfp_trigger();
CREATE TRIGGER batches AFTER INSERT OR UPDATE ON bfp EXECUTE FUNCTION bfp_trigger();
CREATE TRIGGER inserts AFTER INSERT ON bfp FOR EACH ROW EXECUTE FUNCTION bfp_trigger();
CREATE TRIGGER off AFTER UPDATE ON bfp FOR EACH ROW EXECUTE FUNCTION bfp_trigger();
ALTER TABLE bfp DISABLE TRIGGER off;
CREATE TRIGGER mirrored AFTER UPDATE ON bfp FOR EACH ROW EXECUTE FUNCTION bfp_trigger();
ALTER TABLE bfp ENABLE REPLICA TRIGGER mirrored;
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON bfp DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bfp_trigger();
SET client_min_messages = error;
CREATE PUBLICATION bfp_sent FOR TABLE bfp;
CREATE PUBLICATION bfp_inserts FOR TABLE bfp WITH (publish = 'insert');
SET client_min_messages = warning;
\set others 'subject NOT IN (''target'', ''walk'', ''stripes'', ''batches'', ''locks'', ''workers'', ''rows'', ''WAL'') AND subject NOT LIKE ''limits%'''
\x
\pset format unaligned
SELECT * FROM migrator.plan_backfill('bfp', 'normalized = lower(email), code = id') WHERE :others;
SELECT * FROM migrator.plan_backfill('bfp', 'pad = email') WHERE :others;
SELECT * FROM migrator.plan_backfill('bfp', 'email = pad') WHERE subject = 'trigger';
SET session_replication_role = 'replica';
SELECT * FROM migrator.plan_backfill('bfp', 'normalized = lower(email), code = id') WHERE :others;
RESET session_replication_role;
-- Settings of the session.
SET statement_timeout = '200ms';
SET lock_timeout = '7s';
SET default_transaction_isolation = 'serializable';
SET default_transaction_read_only = on;
SELECT * FROM migrator.plan_backfill('bfp', 'pad = email', 'pad IS NULL')
WHERE :others OR subject IN ('batches', 'locks');
SET default_transaction_read_only = off;
SET statement_timeout = '1h';
SELECT * FROM migrator.plan_backfill('bfp', 'pad = email') WHERE :others OR subject IN ('batches', 'locks');
RESET statement_timeout; RESET lock_timeout; RESET default_transaction_isolation; RESET default_transaction_read_only;
-- Workers.
SELECT subject, regexp_replace(finding, 'about \d+ of \d+', 'about N of N') AS finding,
    regexp_replace(advice, '(with|=) \d+', '\1 N', 'g') AS advice
FROM generate_series(1, 2), migrator.plan_backfill('bfp', 'pad = email', workers => CASE generate_series WHEN 1 THEN 3 ELSE 64 END)
WHERE subject = 'workers';
CREATE TEMP TABLE bfp_temp AS SELECT 1 AS id;
SELECT finding FROM migrator.plan_backfill('bfp_temp', 'id = 2', 'id = 1', workers => 2) WHERE subject = 'workers';
-- Partitions: what differs between them is counted; a statement trigger of the parent is left out.
CREATE TABLE bfp_part (id int, k int, v int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE bfp_part_1 PARTITION OF bfp_part FOR VALUES FROM (0) TO (20000);
CREATE TABLE bfp_part_2 PARTITION OF bfp_part FOR VALUES FROM (20000) TO (40000);
CREATE TABLE bfp_part_3 PARTITION OF bfp_part FOR VALUES FROM (40000) TO (60000);
INSERT INTO bfp_part SELECT g, g, NULL FROM generate_series(1, 29999) g;
CREATE INDEX bfp_part_2_v ON bfp_part_2 (v);
CREATE TRIGGER whole AFTER UPDATE ON bfp_part EXECUTE FUNCTION bfp_trigger();
CREATE TRIGGER each AFTER UPDATE ON bfp_part FOR EACH ROW EXECUTE FUNCTION bfp_trigger();
ANALYZE bfp_part;
SELECT * FROM migrator.plan_backfill('bfp_part', 'v = k') WHERE subject NOT LIKE 'limits%';
-- Children with keys of their own.
CREATE TABLE bfp_top (id int PRIMARY KEY, v int);
CREATE TABLE bfp_low (other int PRIMARY KEY) INHERITS (bfp_top);
SELECT * FROM migrator.plan_backfill('bfp_top', 'v = 1') WHERE subject IN ('target', 'walk', 'stripes');
-- A condition on a column that was just added: the planner cannot know. One that does not name it is estimated.
ANALYZE bfp;
ALTER TABLE bfp ADD fresh int;
SELECT * FROM migrator.plan_backfill('bfp', 'fresh = 1', 'fresh IS NULL') WHERE subject IN ('rows', 'WAL');
SELECT * FROM migrator.plan_backfill('bfp', 'fresh = 1', 'id > 0') WHERE subject = 'rows';
-- A run that is not done goes on; one that cannot go on is told from it.
CREATE TABLE bfp_left (id int PRIMARY KEY, src text, v int);
INSERT INTO bfp_left SELECT g, CASE g WHEN 50 THEN 'x' ELSE '1' END, NULL FROM generate_series(1, 100) g;
ANALYZE bfp_left;
\set VERBOSITY terse
CALL migrator.backfill('bfp_left', 'v = src::int', NULL, 10);
SELECT * FROM migrator.plan_backfill('bfp_left', 'v = src::int') WHERE subject = 'resume';
SELECT count(*) FROM migrator.plan_backfill('bfp_left', 'v = src::int + 1') WHERE subject = 'resume';
\set VERBOSITY default
ALTER TABLE bfp_left ADD other int GENERATED ALWAYS AS IDENTITY UNIQUE;
ALTER TABLE bfp_left DROP CONSTRAINT bfp_left_pkey;
SELECT * FROM migrator.plan_backfill('bfp_left', 'v = src::int') WHERE subject = 'resume';
-- Who keeps dead rows.
SET migrator.long_transaction = 0;
BEGIN; UPDATE bfp_left SET v = 0 WHERE id = 1; PREPARE TRANSACTION 'bfp old';
SELECT regexp_replace(finding, '\d:\d\d:\d\d', 'H:MM:SS') AS finding, advice
FROM migrator.plan_backfill('bfp', 'pad = email', 'pad IS NULL') WHERE subject = 'old snapshots';
ROLLBACK PREPARED 'bfp old';
RESET migrator.long_transaction;
SELECT count(*) FROM migrator.plan_backfill('bfp', 'pad = email', 'pad IS NULL') WHERE subject = 'old snapshots';
-- Limits, and what would hold it back now.
SELECT * FROM migrator.plan_backfill('bfp', 'pad = email', limits => '{"lag": null, "lag_bytes": null, "slot_bytes": null,
    "archive_segments": null, "waiters": false}') WHERE subject LIKE 'limits%';
SELECT * FROM migrator.plan_backfill('bfp', 'pad = email', limits => '{"lag_stop": "1min", "wal_rate_stop": "50MB",
    "autovacuum": true, "pause_if": "(SELECT count(*) = 100 FROM bfp_left)"}') WHERE subject LIKE 'limits%';
SELECT * FROM migrator.plan_backfill('bfp', 'pad = email', limits => '{"stop_if": "1 / 0 > 1", "pause_if": "true"}') WHERE subject = 'limits now';
-- Policies, and the rights of the caller.
CREATE ROLE bfp_role;
SELECT migrator.grant_deploy('bfp_role');
GRANT SELECT, UPDATE ON bfp_left TO bfp_role;
ANALYZE bfp_left;
ALTER TABLE bfp_left ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON bfp_left USING (id < 50);
SET ROLE bfp_role;
SELECT * FROM migrator.plan_backfill('bfp_left', 'v = 1', 'v IS NULL') WHERE subject IN ('rows', 'row security');
SELECT * FROM migrator.plan_backfill('bfp', 'pad = email', 'pad IS NULL');
RESET ROLE;
SELECT migrator.revoke_all('bfp_role');
-- It refuses what the backfill refuses, changes nothing and keeps no lock.
SELECT * FROM migrator.plan_backfill('bfp', 'id = id + 1');
SELECT * FROM migrator.plan_backfill('bfp', 'pad = emial');
SELECT * FROM migrator.plan_backfill('bfp', 'pad = email', workers => 65);
SELECT * FROM migrator.plan_backfill(NULL, 'pad = email');
BEGIN READ ONLY;
SELECT subject, finding FROM migrator.plan_backfill('bfp', 'pad = email', 'pad IS NULL') WHERE subject = 'read-only';
SELECT count(*) FROM pg_locks WHERE relation = 'bfp'::regclass;
SHOW lock_timeout;
COMMIT;
SELECT id, target, state FROM migrator.backfills;
DROP PUBLICATION bfp_sent, bfp_inserts;
DROP TABLE bfp, bfp_parent, bfp_child, bfp_part, bfp_top, bfp_low, bfp_left; DROP FUNCTION bfp_trigger; DROP ROLE bfp_role;
