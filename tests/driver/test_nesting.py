"""Nestings that only the wire protocol has."""

import subprocess
import tempfile

from harness import contains, equal


def pgbench(cluster, script):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        *command, database = cluster._arguments("pgbench", "test")
        result = subprocess.run([*command, "-n", "-M", "extended", "-t", "1", "-f", file.name, database],
                                capture_output=True, text=True)
        return result.stdout + result.stderr


def test_pipeline(cluster):
    cluster.sql("CREATE TABLE pipe (a int);"
                "SELECT migrator.register('1', 'CREATE INDEX CONCURRENTLY ON pipe (a)', irreversible => 'x');")
    # Behind uncommitted work of the pipeline: refused, and that work is not committed by us.
    text = pgbench(cluster, "\\startpipeline\nINSERT INTO pipe VALUES (1);\nCALL migrator.deploy();\n\\endpipeline\n")
    contains(text, "migrator.deploy must be called as a statement of its own")
    equal(cluster.sql("SELECT count(*) FROM pipe;"), "0")
    equal(cluster.sql("SELECT state FROM migrator.status;"), "pending")
    # First in the pipeline it is the whole statement.
    pgbench(cluster, "\\startpipeline\nCALL migrator.deploy();\nINSERT INTO pipe VALUES (2);\n\\endpipeline\n")
    equal(cluster.sql("SELECT state FROM migrator.status;"), "applied")
    equal(cluster.sql("SELECT count(*) FROM pipe;"), "1")
    equal(cluster.sql("SELECT bool_and(indisvalid) FROM pg_index WHERE indrelid = 'pipe'::regclass;"), "t")


def test_extended_protocol(cluster):
    cluster.sql("CREATE TABLE ext (id int PRIMARY KEY, a int); INSERT INTO ext SELECT generate_series(1, 100);"
                "SELECT migrator.register('1', 'CREATE INDEX CONCURRENTLY ON ext (a)', irreversible => 'x');"
                "SELECT migrator.register('2', 'SELECT 1/0', irreversible => 'x');")
    contains(pgbench(cluster, "CALL migrator.deploy();\n"), "division by zero")
    pgbench(cluster, "CALL migrator.backfill('ext', 'a = 1', 'a IS NULL', 7);\n")
    equal(cluster.sql("SELECT string_agg(state, ',') FROM migrator.status;"), "applied,failed")
    equal(cluster.sql("SELECT sum(a) FROM ext;"), "100")


def test_session_lives_on_after_a_failure(cluster):
    cluster.sql("CREATE TABLE u (a int); INSERT INTO u VALUES (1), (1);"
                "SELECT migrator.register('1', 'SELECT 1; CREATE UNIQUE INDEX CONCURRENTLY ui ON u (a)', irreversible => 'x');")
    out, err = cluster.run("""
BEGIN; DECLARE held CURSOR WITH HOLD FOR SELECT generate_series(1, 3); COMMIT;
CALL migrator.deploy();
CALL migrator.deploy();
FETCH ALL held;
SELECT count(*) FROM pg_cursors;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';
CREATE TEMP TABLE after_all (a int);
SHOW search_path;
""")
    equal(err.count("could not create unique index"), 2)
    equal(out.splitlines(), ["1", "2", "3", "1", "0", '"$user", public'])
