"""The ways to fill a column, and one run of one of them over a fresh copy of the table, measured."""

import dataclasses
import os
import sys
import tempfile
import time

LIMIT_ROWS, KEYSET_ROWS, TARGET_MS = 1000, 5000, 100
CAP = 600                   # seconds after which the LIMIT loop gives up
AFTER = 2                   # seconds that the others go on afterwards, so that what waited is counted

KEYS = {"bigint": ("g", "0"), "uuid": ("md5(g::text)::uuid", "'00000000-0000-0000-0000-000000000000'")}
TABLE = """
SET migrator.guard = off;
CREATE TABLE t (id {key} PRIMARY KEY, a int, b int, old text, new text, pad text);
INSERT INTO t SELECT {value}, g, g % 1000, 'v' || g, NULL, repeat('x', 80) FROM generate_series(1, {rows}) g;
CREATE INDEX ON t (a);
CREATE INDEX ON t (b);
VACUUM (ANALYZE) t;
"""
# After each commit the loops say in application_name how far they are: others see it at once, and it writes nothing.
LOOPS = """
CREATE PROCEDURE limit_loop() LANGUAGE plpgsql AS $$
DECLARE n bigint; done bigint := 0; begun timestamptz := clock_timestamp();
BEGIN
    LOOP
        UPDATE t SET new = old WHERE id IN (SELECT id FROM t WHERE new IS NULL LIMIT {limit_rows} FOR UPDATE SKIP LOCKED);
        GET DIAGNOSTICS n = ROW_COUNT;
        COMMIT;
        EXIT WHEN n = 0 OR clock_timestamp() > begun + interval '{cap} s';
        done := done + n;
        PERFORM set_config('application_name', 'rows ' || done, false);
    END LOOP;
END $$;
CREATE PROCEDURE keyset_loop() LANGUAGE plpgsql AS $$
DECLARE n bigint; done bigint := 0; lo t.id%TYPE := {zero}; hi t.id%TYPE;
BEGIN
    LOOP
        SELECT id INTO hi FROM (SELECT id FROM t WHERE id > lo ORDER BY id LIMIT {keyset_rows}) s ORDER BY id DESC LIMIT 1;
        EXIT WHEN NOT FOUND;
        UPDATE t SET new = old WHERE id > lo AND id <= hi AND new IS NULL;
        GET DIAGNOSTICS n = ROW_COUNT;
        COMMIT;
        lo := hi;
        done := done + n;
        PERFORM set_config('application_name', 'rows ' || done, false);
    END LOOP;
END $$;
"""
UPDATE, LIMIT, KEYSET, OURS, OURS2 = "one UPDATE", "LIMIT loop", "keyset loop", "migrator, 1 worker", "migrator, 2 workers"
# Along the key, because nothing else tells which rows are done.
BY_KEY = "migrator, no where_clause"
# A scan of a table larger than a quarter of shared_buffers begins where the last one ended, which spares the LIMIT loop
# what it is known for: reading all that is done before it finds what is not. This is the loop on a server with more.
FROM_START = "LIMIT loop, `synchronize_seqscans = off`"
# What others notice of a backfill on a machine this small is also that a core is taken. This takes one and nothing else.
BUSY = "a core kept busy, no work on the table"
METHODS = {
    BUSY: "DO $$ DECLARE ends timestamptz := clock_timestamp() + interval '5 s'; n bigint := 0; "
          "BEGIN WHILE clock_timestamp() < ends LOOP n := n + 1; END LOOP; END $$;",
    UPDATE: "UPDATE t SET new = old WHERE new IS NULL;",
    LIMIT: "CALL limit_loop();",
    FROM_START: "SET synchronize_seqscans = off;\nCALL limit_loop();",
    KEYSET: "CALL keyset_loop();",
    OURS: f"CALL migrator.backfill('t', 'new = old', 'new IS NULL', target_ms => {TARGET_MS});",
    OURS2: f"CALL migrator.backfill('t', 'new = old', 'new IS NULL', target_ms => {TARGET_MS}, workers => 2);",
    BY_KEY: f"CALL migrator.backfill('t', 'new = old', target_ms => {TARGET_MS});",
}
COUNTERS = """
SELECT pg_current_wal_insert_lsn() - '0/0', (SELECT wal_fpi FROM pg_stat_wal), n_tup_upd, n_tup_hot_upd,
       pg_relation_size('t') / 8192, pg_indexes_size('t') / 8192
FROM pg_stat_user_tables WHERE relname = 't';
"""
PROGRESS = """
SELECT extract(epoch FROM clock_timestamp()), greatest(
    (SELECT max(substr(application_name, 6)::bigint) FROM pg_stat_activity WHERE application_name LIKE 'rows %'),
    (SELECT max(rows_done) FROM migrator.backfills), 0) \\watch 0.2
"""


@dataclasses.dataclass
class Run:
    """One method, once. `progress` and `latencies` are (seconds since it began, rows committed or milliseconds)."""
    rows: int
    seconds: float
    wal: int
    fpi: int
    updated: int
    hot: int
    heap: tuple
    index: tuple
    missed: int
    progress: list
    latencies: list

    @property
    def growth(self):
        return self.heap[1] - self.heap[0]

    def between(self, start, stop):
        """Sorted latencies of what was due in that time."""
        return sorted(ms for at, ms in self.latencies if start <= at < stop)

    @property
    def alone(self):
        return self.between(self.latencies[0][0] + 1, 0)

    @property
    def during(self):
        return self.between(0, self.seconds)


def percentile(values, share):
    return values[min(int(len(values) * share), len(values) - 1)]


def sql(cluster, text, db):
    """Output of statements that must succeed, however long they take."""
    out, err = cluster.popen(text, db=db, options=("-XAtq", "-v", "ON_ERROR_STOP=1")).communicate()
    assert "ERROR" not in err, err[:600]
    return out.strip()


def settle(cluster):
    """Waits until no other session is left: a session hands in its statistics when it ends."""
    deadline = time.time() + 30
    while sql(cluster, "SELECT count(*) FROM pg_stat_activity WHERE datname = 'run' AND pid <> pg_backend_pid();", "run") != "0":
        assert time.time() < deadline, "a session did not end"
        time.sleep(0.05)


def end(cluster, application):
    sql(cluster, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{application}';", "postgres")


class Others:
    """Four sessions that change 400 rows a second. A change's latency counts from when it was due, not from when it was sent."""

    def __init__(self, cluster, rows):
        self.cluster, self.folder = cluster, tempfile.TemporaryDirectory()
        script = os.path.join(self.folder.name, "script.sql")
        with open(script, "w") as file:
            file.write(f"\\set i random(1, {rows})\nUPDATE t SET pad = pad WHERE id = :i;\n")
        self.process = cluster.popen("", db="run", program="pgbench", env={"PGAPPNAME": "others"}, options=(
            "-n", "-c", "4", "-j", "1", "-R", "400", "-T", "3600", "-f", script, "-l", f"--log-prefix={self.folder.name}/log"))

    def stop(self):
        """(when it was due, milliseconds) of every change."""
        end(self.cluster, "others")
        self.process.communicate()
        changes = []
        for name in os.listdir(self.folder.name):
            if name.startswith("log"):
                with open(os.path.join(self.folder.name, name)) as log:
                    for line in log:
                        _, _, micros, _, second, micro, *_ = map(int, line.split())
                        changes.append((second + (micro - micros) / 1e6, micros / 1000))
        self.folder.cleanup()
        assert changes, "pgbench changed nothing"
        return sorted(changes)


def measure(cluster, template, rows, method, baseline=0):
    """A method's run over a fresh copy of the table; with others beside it, who are alone for `baseline` seconds before."""
    sql(cluster, f"DROP DATABASE IF EXISTS run WITH (FORCE);\nCREATE DATABASE run TEMPLATE {template} STRATEGY file_copy;\nCHECKPOINT;", "postgres")
    others = Others(cluster, rows) if baseline else None
    time.sleep(baseline)
    poll = cluster.popen(PROGRESS, db="run", env={"PGAPPNAME": "poll"})
    time.sleep(0.5)
    before = list(map(int, sql(cluster, COUNTERS, "run").split("|")))
    begun = time.time()
    sql(cluster, METHODS[method], "run")
    seconds = time.time() - begun
    latencies = []
    if others:
        time.sleep(AFTER)
        latencies = [(at - begun, ms) for at, ms in others.stop()]
    end(cluster, "poll")
    samples = [tuple(map(float, line.split("|"))) for line in poll.communicate()[0].split()]
    settle(cluster)
    after = list(map(int, sql(cluster, COUNTERS, "run").split("|")))
    missed = int(sql(cluster, "SELECT count(*) FROM t WHERE new IS DISTINCT FROM old;", "run"))
    progress = [(0, 0)]
    for at, done in samples:
        if 0 < at - begun < seconds and done >= progress[-1][1]:
            progress.append((at - begun, done))
    wal, fpi, updated, hot = (b - a for a, b in zip(before[:4], after[:4]))
    print(f"  {template} {method}{' with others' if others else ''}: {seconds:.1f} s, {wal / rows:.0f} bytes/row, {missed} missed", file=sys.stderr)
    return Run(rows, seconds, wal, fpi, updated, hot, (before[4], after[4]), (before[5], after[5]), missed,
               progress + [(seconds, rows - missed)], latencies)


def template(cluster, key, rows):
    """The name of a database with the table, to be copied."""
    name, (value, zero) = f"{key}_{rows}", KEYS[key]
    cluster.fresh(name)
    sql(cluster, TABLE.format(key=key, value=value, rows=rows), name)
    sql(cluster, LOOPS.format(zero=zero, limit_rows=LIMIT_ROWS, keyset_rows=KEYSET_ROWS, cap=CAP), name)
    return name
