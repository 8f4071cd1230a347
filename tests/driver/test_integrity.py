"""The chain of the history: what happens at the same time, what a dump carries, how it grows."""

import subprocess
import time

from harness import contains, equal

WHOLE = "SELECT problem, object, detail FROM migrator.verify() WHERE problem NOT LIKE 'ad-hoc DDL%';"


def register(cluster, version, sql):
    cluster.sql(f"SELECT migrator.register('{version}', $m${sql}$m$, irreversible => 'x');")


def test_a_failure_behind_a_savepoint_is_no_tampering(cluster):
    """The worker that writes the failure cannot see what the caller's transaction has written, which is kept."""
    register(cluster, "1", "CREATE TABLE one (a int)")
    register(cluster, "2", "SELECT 1/0")
    for isolation in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
        _, err = cluster.run(f"BEGIN ISOLATION LEVEL {isolation}; SELECT count(*) FROM migrator.status; SELECT migrator.apply('1'); "
                             "SAVEPOINT s; SELECT migrator.apply(); ROLLBACK TO s; SELECT migrator.apply(); ROLLBACK TO s;"
                             "SELECT migrator.register('0', 'SELECT 1', irreversible => 'x', out_of_order => true); SELECT migrator.apply('0'); "
                             "SAVEPOINT s; SELECT migrator.apply(); ROLLBACK TO s; COMMIT;")
        equal(err.count("ERROR:  division by zero"), 3, f"{isolation}: {err}")
        equal(err.count("ERROR:"), 3, f"{isolation}: {err}")
        equal(cluster.sql("SELECT count(*) FROM migrator.event_end;"), "2")
        equal(cluster.sql(WHOLE), "")
        # Both ends are followed by what comes next, and are as safe as the rest from then on.
        cluster.sql("SELECT migrator.register('-1', 'SELECT 1', irreversible => 'x', out_of_order => true); SELECT migrator.apply('-1');")
        equal(cluster.sql("SELECT count(*) FROM migrator.event_end;"), "1")
        equal(cluster.sql("SELECT cardinality(previous) FROM migrator.event ORDER BY id DESC LIMIT 1;"), "2")
        equal(cluster.sql(WHOLE), "")
        for row in cluster.sql("SELECT id FROM migrator.event;").split():
            found = cluster.sql("BEGIN; ALTER TABLE migrator.event DISABLE TRIGGER append_only; "
                                f"DELETE FROM migrator.event WHERE id = {row}; "
                                "SELECT count(*) FROM migrator.verify() WHERE problem = 'history row deleted'; ROLLBACK;")
            equal(found, "1", f"row {row} deleted")
        cluster.fresh()
        register(cluster, "1", "CREATE TABLE one (a int)")
        register(cluster, "2", "SELECT 1/0")


def test_a_transaction_with_one_snapshot_follows_what_others_wrote(cluster):
    register(cluster, "1", "SELECT 1")
    cluster.sql("SELECT migrator.apply();")
    reader = cluster.popen("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM migrator.event; SELECT pg_sleep(2); "
                           "SELECT migrator.register('9', 'SELECT 1', irreversible => 'x'); SELECT migrator.apply('9'); COMMIT;")
    time.sleep(0.7)
    register(cluster, "2", "SELECT 1")
    cluster.sql("CALL migrator.deploy();")
    out, err = reader.communicate(timeout=60)
    contains(out, "migration 9 applied")
    equal(err, "")
    equal(cluster.sql("SELECT string_agg(previous::text, ' ' ORDER BY id) FROM migrator.event;"), "{} {1} {2} {3}")
    equal(cluster.sql(WHOLE), "")


def test_sessions_without_the_runner_lock_do_not_fork_the_history(cluster):
    """A script may release the lock of the run; whoever comes then writes to the history at the same time."""
    for n in range(8):
        register(cluster, f"{n}", "SELECT pg_advisory_unlock_all(); SELECT pg_sleep(0.02)")
    sessions = [cluster.popen("SET client_min_messages = error; SET lock_timeout = '10s'; CALL migrator.deploy();")
                for _ in range(6)]
    for session in sessions:
        session.communicate(timeout=120)
    cluster.run("SET client_min_messages = error; CALL migrator.deploy();")
    equal(cluster.sql("SELECT count(*) FROM migrator.status WHERE state <> 'applied';"), "0")
    equal(cluster.sql("SELECT count(*) FROM migrator.event WHERE cardinality(previous) > 1;"), "0")
    equal(cluster.sql(WHOLE), "")


def test_a_dump_carries_the_chain_and_rights(cluster):
    register(cluster, "1", "CREATE TABLE one (a int)")
    register(cluster, "2", "SELECT 'größe', 1/0")
    cluster.run("SET timezone = 'Asia/Tokyo'; SELECT migrator.apply(); CALL migrator.deploy();")
    cluster.sql("CREATE ROLE dump_reader LOGIN; SELECT migrator.grant_read('dump_reader');")
    expected = cluster.sql("SELECT * FROM migrator.event ORDER BY id;")
    dump = subprocess.check_output(cluster._arguments("pg_dump", "test"))
    cluster.sql("DROP DATABASE IF EXISTS restored WITH (FORCE);", db="postgres")
    cluster.sql("CREATE DATABASE restored;", db="postgres")
    cluster.sql("ALTER DATABASE restored SET timezone = 'America/St_Johns'; "
                "ALTER DATABASE restored SET intervalstyle = 'iso_8601';", db="postgres")
    try:
        result = subprocess.run(cluster._arguments("psql", "restored") + ["-Xq", "-v", "ON_ERROR_STOP=1"], input=dump,
                                capture_output=True)
        equal(result.returncode, 0, result.stderr.decode())
        problems = "failed or interrupted|2|22012: division by zero"
        equal(cluster.sql(WHOLE, "restored"), problems)
        equal(cluster.sql("SET timezone = UTC; SET intervalstyle = postgres; SELECT * FROM migrator.event ORDER BY id;",
                          "restored").split("|")[0], expected.split("|")[0])
        # It goes on where it was.
        cluster.sql("SELECT migrator.register('2', 'SELECT 1', irreversible => 'x'); SELECT migrator.apply();", "restored")
        equal(cluster.sql(WHOLE, "restored"), "")
        equal(cluster.sql("SELECT count(*) FROM migrator.event_end;", "restored"), "1")
        out = cluster.sql("SET SESSION AUTHORIZATION dump_reader; SELECT count(*) FROM migrator.status;", "restored")
        equal(out, "2")
    finally:
        cluster.sql("DROP DATABASE IF EXISTS restored WITH (FORCE);", db="postgres")
        cluster.sql("SELECT migrator.revoke_all('dump_reader'); DROP ROLE dump_reader;")
