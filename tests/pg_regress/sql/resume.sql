SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- A migration that is not transactional goes on at the statement where it stopped.
SET client_min_messages = warning;
CREATE TABLE res (a int); INSERT INTO res VALUES (1), (1);
SELECT migrator.register('1', E'ALTER TABLE res ADD b int;\nCREATE UNIQUE INDEX CONCURRENTLY res_a ON res (a);\nALTER TABLE res ADD c int;', irreversible => 'x');
CALL migrator.deploy();
SELECT version, state, progress, error FROM migrator.status;
SELECT problem, object, hint FROM migrator.verify();
-- What ran may not be edited, what did not may.
SELECT migrator.register('1', E'ALTER TABLE res ADD bb int;\nCREATE UNIQUE INDEX CONCURRENTLY res_a ON res (a);', irreversible => 'x');
SELECT migrator.register('1', E'ALTER TABLE res ADD b int;\nCREATE UNIQUE INDEX CONCURRENTLY res_a ON res (a) WHERE a > 1;\nALTER TABLE res ADD c int;', irreversible => 'x');
BEGIN; SELECT migrator.apply(); ROLLBACK;
CALL migrator.deploy();
SELECT version, state, progress, error FROM migrator.status;
SELECT indexrelid::regclass, indisvalid, pg_get_expr(indpred, indrelid) FROM pg_index WHERE indrelid = 'res'::regclass;
-- IF NOT EXISTS over an invalid index is not success.
INSERT INTO res VALUES (5), (5);
SELECT migrator.register('2', 'SELECT 1; CREATE INDEX CONCURRENTLY IF NOT EXISTS res_c ON res (c)', irreversible => 'x');
CREATE UNIQUE INDEX CONCURRENTLY res_c ON res (a);
CALL migrator.deploy();
DROP INDEX res_c;
CALL migrator.deploy();
-- A statement whose outcome nobody can know asks a person. (As a kill would leave it.)
SELECT migrator.register('3', E'SELECT 1;\nCALL unknowable();\nALTER TABLE res ADD d int', irreversible => 'x');
UPDATE migrator.migration SET state = 'running', statements_done = 1, running_statement = 2, running_text = 'CALL unknowable()' WHERE version = '3';
SELECT version, state, error FROM migrator.status WHERE version = '3';
CALL migrator.deploy();
CALL migrator.deploy();
SELECT migrator.resolve('3', 'applied', 'looked at it');
CALL migrator.deploy();
SELECT version, state, progress FROM migrator.status;
SELECT version, outcome, reason FROM migrator.history WHERE version = '3';
-- A migration applied in part and corrected to a transactional one still goes on behind what is done.
SELECT migrator.register('3a', 'INSERT INTO res (d) VALUES (77); VACUUM no_such_table', irreversible => 'x');
CALL migrator.deploy();
SELECT migrator.register('3a', 'INSERT INTO res (d) VALUES (77); SELECT 1', irreversible => 'x');
BEGIN; SELECT migrator.apply(); ROLLBACK;
CALL migrator.deploy();
SELECT count(*) AS once FROM res WHERE d = 77;
-- A failed unnamed build: somebody else's index is not taken for it.
CREATE TABLE res_u (a int, b int); INSERT INTO res_u VALUES (1, 1), (1, 1);
SELECT migrator.register('3b', 'CREATE UNIQUE INDEX CONCURRENTLY ON res_u (a)', irreversible => 'x');
CALL migrator.deploy();
DELETE FROM res_u WHERE ctid = (SELECT min(ctid) FROM res_u);
CREATE INDEX res_other ON res_u (b);
CALL migrator.deploy();
SELECT indexrelid::regclass, indisunique, indisvalid FROM pg_index WHERE indrelid = 'res_u'::regclass ORDER BY 1;
-- A failed statement replaced by another is not judged by the other's table.
SELECT migrator.register('3c', 'CREATE INDEX CONCURRENTLY ON res_u (nope)', irreversible => 'x');
CALL migrator.deploy();
SELECT migrator.register('3c', 'CREATE INDEX CONCURRENTLY res_right ON res (d)', irreversible => 'x');
CALL migrator.deploy();
SELECT to_regclass('res_right');
-- A procedure that committed before it failed is in doubt; one that was never begun is not.
CREATE PROCEDURE res_half() LANGUAGE plpgsql AS 'BEGIN INSERT INTO res_u VALUES (9, 9); COMMIT; PERFORM 1/0; END';
SELECT migrator.register('3d', 'CALL res_half(1)', irreversible => 'x');
CALL migrator.deploy();
SELECT migrator.register('3d', 'CALL res_half()', irreversible => 'x');
CALL migrator.deploy();
CALL migrator.deploy();
SELECT migrator.resolve('3d', 'applied', 'the row is there');
SELECT count(*) FROM res_u WHERE b = 9;
SET migrator.guard = 'off';
DROP TABLE res_u; DROP PROCEDURE res_half;
-- A failed one that somebody finished by hand.
SELECT migrator.register('4', 'SELECT 1/0', irreversible => 'x');
CALL migrator.deploy();
SELECT migrator.resolve('4', 'pending', 'try again');
CALL migrator.deploy();
SELECT migrator.resolve('4', 'applied', 'done by hand');
SELECT version, state FROM migrator.status WHERE version = '4';
SELECT * FROM migrator.verify();
DROP TABLE res;
