SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- A folder on the server. Paths are relative to the data directory here.
COPY (SELECT WHERE false) TO PROGRAM 'rm -rf m; mkdir m m/sub.sql; cd m; printf "CREATE TABLE dir_a (a int);" > 2.up.sql; printf "DROP TABLE dir_a;" > 2.down.sql; printf "CREATE TABLE dir_b (a int);" > 10.sql; printf x > notes.txt; printf x > .hidden.sql';
SELECT * FROM migrator.register_dir('m');
SELECT * FROM migrator.register_dir('m');
SELECT version, state, irreversible FROM migrator.status;
SELECT regexp_replace(migrator.apply(), '\(.*\)', '(time)');
-- Two files of one version, a down script alone, equal ranks, no text, nothing, no folder.
COPY (SELECT WHERE false) TO PROGRAM 'cd m; cp 10.sql 10.up.sql';
SELECT * FROM migrator.register_dir('m');
COPY (SELECT WHERE false) TO PROGRAM 'cd m; rm 10.up.sql; printf x > 11.down.sql';
SELECT * FROM migrator.register_dir('m');
COPY (SELECT WHERE false) TO PROGRAM 'cd m; rm 11.down.sql; printf "SELECT 1" > 010.sql';
SELECT * FROM migrator.register_dir('m');
COPY (SELECT WHERE false) TO PROGRAM 'cd m; rm 010.sql; printf "SELECT \377" > 12.sql';
SELECT * FROM migrator.register_dir('m');
COPY (SELECT WHERE false) TO PROGRAM 'cd m; printf "SELECT 1\000" > 12.sql';
SELECT * FROM migrator.register_dir('m');
COPY (SELECT WHERE false) TO PROGRAM 'cd m; printf "SELEC 1" > 12.sql; printf "SELECT 1" > 11.sql';
SELECT * FROM migrator.register_dir('m');
-- Nothing of that was half-done.
SELECT version, state FROM migrator.status;
COPY (SELECT WHERE false) TO PROGRAM 'rm m/*.sql 2>/dev/null; true';
SELECT * FROM migrator.register_dir('m');
SELECT * FROM migrator.register_dir('no/such/folder');
SELECT * FROM migrator.register_dir(NULL);
-- Reading files of the server is a right.
CREATE ROLE regress_reader;
GRANT EXECUTE ON FUNCTION migrator.register_dir TO regress_reader;
SET ROLE regress_reader;
SELECT * FROM migrator.register_dir('m');
RESET ROLE;
GRANT pg_read_server_files TO regress_reader;
SET ROLE regress_reader;
SELECT * FROM migrator.register_dir('m');
RESET ROLE;
COPY (SELECT WHERE false) TO PROGRAM 'rm -rf m';
DROP TABLE dir_a, dir_b;
DROP OWNED BY regress_reader; DROP ROLE regress_reader;
