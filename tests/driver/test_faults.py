"""A deploy of twelve migrations is struck at each of its committed steps, and run again: nothing lost, nothing twice.

The steps are the writes to the ledger, so a trigger on it is where a fault strikes: each write counts, and the one whose
number was asked for dies, fails, or sleeps until it is killed."""

import os
import time

from harness import equal

# How many faults; 0 means every step with every kind of fault.
FAULTS = int(os.environ.get("FAULTS", "20"))

SETUP = """
CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t SELECT g, g % 100, g FROM generate_series(1, 6000) g;
CREATE TABLE log (n int);
CREATE TABLE part (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE SEQUENCE fault_step; CREATE TABLE fault (at bigint, kind text);
CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE step bigint := pg_catalog.nextval('public.fault_step'); what text;
BEGIN
    SELECT f.kind INTO what FROM public.fault f WHERE f.at OPERATOR(pg_catalog.=) step;
    CASE what
        WHEN 'terminate' THEN PERFORM pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid()), pg_catalog.pg_sleep(60);
        WHEN 'disk full' THEN RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100';
        WHEN 'kill', 'crash', 'timeout' THEN PERFORM pg_catalog.pg_sleep(60);
        ELSE NULL;
    END CASE;
    RETURN NULL;
END $$;
"""
TRIGGERS = "; ".join(f"CREATE TRIGGER fault AFTER INSERT OR UPDATE ON migrator.{table} FOR EACH ROW EXECUTE FUNCTION fault()"
                     for table in ("migration", "event"))
KINDS = ("kill", "terminate", "crash", "timeout", "disk full")

MIGRATIONS = [
    "ALTER TABLE t ADD c text; ALTER TABLE log ADD note text",
    "INSERT INTO log VALUES (2); INSERT INTO log VALUES (20)",
    "CREATE INDEX CONCURRENTLY t_a ON t (a)",
    "INSERT INTO log VALUES (4); VACUUM t; INSERT INTO log VALUES (40)",
    "CREATE INDEX CONCURRENTLY ON t (b); CREATE INDEX CONCURRENTLY IF NOT EXISTS t_a ON t (a)",
    "CALL migrator.backfill('t', 'c = lower(b) || a', 'c IS NULL', 2000)",
    "INSERT INTO log VALUES (7); SELECT 1/0",
    "ALTER TABLE t ADD CONSTRAINT positive CHECK (a >= 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT positive",
    "REINDEX INDEX CONCURRENTLY t_a; INSERT INTO log VALUES (9)",
    "DROP INDEX CONCURRENTLY t_a; INSERT INTO log VALUES (10)",
    "CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20); CREATE VIEW v AS SELECT * FROM part",
    "INSERT INTO log SELECT 12; ANALYZE t; INSERT INTO log VALUES (120)",
]
CORRECTED = "INSERT INTO log VALUES (7); SELECT 1"


def register(number, script):
    literal = script.replace("'", "''")
    return f"SELECT migrator.register('{number}', '{literal}', irreversible => 'test', mixed => true); "


def prepare(cluster):
    """A database to copy."""
    cluster.fresh("prepared")
    scripts = "".join(register(number, script) for number, script in enumerate(MIGRATIONS, 1))
    cluster.sql("SET client_min_messages = error; " + SETUP + scripts + TRIGGERS, "prepared")


def copy(cluster, kind=None, at=None):
    cluster.sql("DROP DATABASE IF EXISTS test WITH (FORCE);", "postgres")
    # Not the default strategy: after it, a crash may set sequences of the copy back (their next 32 numbers are logged in
    # the template only).
    cluster.sql("CREATE DATABASE test TEMPLATE prepared STRATEGY file_copy;", "postgres")
    if kind:
        cluster.sql(f"INSERT INTO fault VALUES ({at}, '{kind}');")


def finish(cluster):
    """Runs it until it is done, correcting the script that fails. Returns what it said on the way."""
    said = ""
    for _ in range(4):
        _, err = cluster.run("SET client_min_messages = error; CALL migrator.deploy();")
        said += err
        if "division by zero" in err:
            cluster.sql("SET client_min_messages = error; " + register(7, CORRECTED))
        if not err:
            return said
    raise AssertionError(f"it does not come to an end:\n{said}")


def state(cluster):
    rows = cluster.sql("SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM t; "
                       "SELECT string_agg(n::text, ',' ORDER BY n) FROM log; "
                       "SELECT string_agg(version || ' ' || state || ' ' || progress, ',' ORDER BY version) FROM migrator.status; "
                       "SELECT count(*) FROM pg_index WHERE NOT indisvalid; "
                       "SELECT problem, object, detail FROM migrator.verify() WHERE problem NOT LIKE 'ad-hoc%'; "
                       "SELECT count(*), count(DISTINCT version) FROM migrator.history WHERE outcome = 'applied';")
    return rows, cluster.dump_schema()


def strike(cluster, kind, at):
    """One run that is struck. False when it ended before that step."""
    timeout = "SET statement_timeout = '2s'; " if kind == "timeout" else ""
    deploy = cluster.popen(f"SET client_min_messages = error; {timeout}CALL migrator.deploy();", env={"PGAPPNAME": "victim"})
    if kind in ("kill", "crash"):
        asleep = "SELECT pid FROM pg_stat_activity WHERE application_name = 'victim' AND wait_event = 'PgSleep';"
        pid = ""
        while not pid and deploy.poll() is None:
            pid = cluster.sql(asleep)
            time.sleep(0.01)
        if pid and kind == "kill":
            cluster.kill(int(pid))
        elif pid:
            cluster.crash()
            cluster.start()
    deploy.communicate(timeout=60)
    return int(cluster.sql("SELECT last_value FROM fault_step;")) >= at


def test_each_committed_step_can_be_the_last(cluster):
    prepare(cluster)
    copy(cluster)
    finish(cluster)
    expected = state(cluster)
    steps = int(cluster.sql("SELECT last_value FROM fault_step;"))
    if FAULTS:
        faults = [(1 + i * steps // FAULTS, KINDS[i % len(KINDS)]) for i in range(FAULTS)]
    else:
        faults = [(step, kind) for step in range(1, steps + 1) for kind in KINDS]
    told = 0
    for at, kind in faults:
        copy(cluster, kind, at)
        what = f"{kind} at step {at} of {steps}"
        struck = strike(cluster, kind, at)
        if not struck:
            # The script that fails had ended that run; the next one reaches the step.
            cluster.sql("SET client_min_messages = error; " + register(7, CORRECTED))
            struck = strike(cluster, kind, at)
        equal(struck, True, what)
        equal(cluster.sql("SELECT count(*) FROM migrator.status WHERE state = 'running';"), "0", what)
        finish(cluster)
        actual = state(cluster)
        equal(actual[0], expected[0], what)
        equal(actual[1], expected[1], what)
        # History tells of the run that was struck, unless the fault came before its first word was committed; the
        # script that fails is told of always.
        unfinished = int(cluster.sql("SELECT count(*) FROM migrator.history WHERE outcome IN ('interrupted', 'failed');"))
        equal(unfinished in (1, 2), True, f"{what}: {unfinished} unfinished attempts")
        told += unfinished - 1
    equal(told >= len(faults) // 2, True, f"history told of {told} of {len(faults)} faults")
