SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- What a rule does, where, and until when.
SET migrator.large_table_rows = 1000;
CREATE SCHEMA pol;
CREATE ROLE regress_pol; CREATE ROLE regress_pol_group; GRANT regress_pol_group TO regress_pol;
CREATE TABLE pol.t (a int); INSERT INTO pol.t SELECT generate_series(1, 5000); ANALYZE pol.t;
CREATE TABLE pol.p (a int) PARTITION BY RANGE (a);
CREATE TABLE pol.p1 PARTITION OF pol.p FOR VALUES FROM (0) TO (10000);
INSERT INTO pol.p SELECT generate_series(1, 5000); ANALYZE pol.p;
SELECT rule, class, action, default_action, policies, docs FROM migrator.rules WHERE rule = 'create-index-blocking';
\set VERBOSITY terse
CREATE INDEX ON pol.t (a) WHERE a > 1;
-- For the whole database, then more and more specific.
SELECT migrator.set_rule('create-index-blocking', 'off', reason => 'a quiet night');
CREATE INDEX ON pol.t (a) WHERE a > 2;
SELECT migrator.set_rule('create-index-blocking', 'warning', schema => 'pol');
CREATE INDEX ON pol.t (a) WHERE a > 3;
SELECT migrator.set_rule('create-index-blocking', 'error', 'pol.t');
CREATE INDEX ON pol.t (a) WHERE a > 4;
-- Of a partitioned table for its partitions, unless they have their own.
SELECT migrator.set_rule('create-index-blocking', 'error', 'pol.p');
CREATE INDEX ON pol.p1 (a) WHERE a > 5;
SELECT migrator.set_rule('create-index-blocking', 'off', 'pol.p1');
CREATE INDEX ON pol.p1 (a) WHERE a > 6;
-- Of a role for those that have its rights; for superusers by name only.
SELECT migrator.set_rule('create-index-blocking', 'off', 'pol.t', role => 'regress_pol_group');
ALTER TABLE pol.t OWNER TO regress_pol; GRANT ALL ON SCHEMA pol TO regress_pol;
CREATE INDEX ON pol.t (a) WHERE a > 7;
SET ROLE regress_pol;
CREATE INDEX ON pol.t (a) WHERE a > 8;
RESET ROLE;
-- It follows its table, and goes with it.
SET migrator.guard = 'off'; ALTER TABLE pol.t RENAME TO renamed; RESET migrator.guard;
CREATE INDEX ON pol.renamed (a) WHERE a > 9;
SELECT id, rule, action, "table", schema, role, threshold_rows, threshold_size, until, in_force, reason, set_by FROM migrator.policies;
SELECT action, policies FROM migrator.rules WHERE rule = 'create-index-blocking';
SET migrator.guard = 'off'; DROP TABLE pol.p; RESET migrator.guard;
SELECT count(*) FROM migrator.policies;
-- Back to the default, place by place.
SELECT migrator.set_rule('create-index-blocking', NULL, 'pol.renamed', role => 'regress_pol_group');
SELECT migrator.set_rule('create-index-blocking', NULL, 'pol.renamed', role => 'regress_pol_group');
SELECT migrator.set_rule('create-index-blocking', 'default', 'pol.renamed');
SELECT migrator.set_rule('create-index-blocking', NULL, schema => 'pol');
SELECT migrator.set_rule('create-index-blocking', NULL);
-- Another idea of what is large.
SELECT migrator.set_rule('create-index-blocking', 'default', threshold_rows => 6000);
CREATE INDEX ON pol.renamed (a) WHERE a > 10;
SELECT migrator.set_rule('create-index-blocking', 'default', threshold_size => '16kB');
CREATE INDEX ON pol.renamed (a) WHERE a > 11;
SELECT policies FROM migrator.rules WHERE rule = 'create-index-blocking';
-- With an end.
SELECT migrator.set_rule('create-index-blocking', 'off', until => clock_timestamp() + interval '1 second');
CREATE INDEX ON pol.renamed (a) WHERE a > 12;
SELECT pg_sleep(1.1);
CREATE INDEX ON pol.renamed (a) WHERE a > 13;
SELECT action, policies FROM migrator.rules WHERE rule = 'create-index-blocking';
SELECT action, in_force FROM migrator.policies;
SELECT migrator.set_rule('create-index-blocking', 'off', until => 'infinity');
SELECT action, until, in_force FROM migrator.policies;
-- What cannot be set.
\set VERBOSITY default
SELECT migrator.set_rule('create-index-bloking', 'off');
SELECT migrator.set_rule('xyz', 'off');
SELECT migrator.set_rule(NULL, 'off');
SELECT migrator.set_rule('create-index-blocking', 'ignore');
SELECT migrator.set_rule('create-index-blocking', 'off', 'pol.renamed', 'pol');
SELECT migrator.set_rule('create-index-blocking', 'off', 'nowhere');
SELECT migrator.set_rule('create-index-blocking', 'off', until => now() - interval '1 day');
SELECT migrator.set_rule('create-index-blocking', 'off', until => '-infinity');
SELECT migrator.set_rule('create-index-blocking', 'off', threshold_rows => -1);
\set VERBOSITY terse
SELECT migrator.set_rule('create-index-blocking', 'off', threshold_size => '1 parsec');
\set VERBOSITY default
SET ROLE regress_pol;
SELECT migrator.set_rule('create-index-blocking', 'off');
SELECT * FROM migrator.rules;
RESET ROLE;
-- Every rule is a row with everything said.
SELECT rule FROM migrator.rules WHERE class IS NULL OR action IS NULL OR summary IS NULL OR hazard IS NULL OR safe_way IS NULL;
SET client_min_messages = error; SET migrator.guard = 'off';
DROP SCHEMA pol CASCADE; DROP ROLE regress_pol; DROP ROLE regress_pol_group;
