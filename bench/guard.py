#!/usr/bin/env python3
"""What the guard costs: bench/guard.py PG_CONFIG [--docs]

How fast a refusal comes back while another session holds ACCESS EXCLUSIVE on the table, and what statements that are let
through, restores and DML cost, against the same server without the extension, in one run. With --docs writes docs/guard-speed.md.
"""

import os
import re
import statistics
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests/driver"))
from harness import Cluster  # noqa: E402
import cost  # noqa: E402
from page import publish, table  # noqa: E402

REFUSED = {
    "ADD COLUMN, volatile default": "ALTER TABLE big ADD COLUMN c uuid DEFAULT gen_random_uuid()",
    "ADD CONSTRAINT CHECK": "ALTER TABLE big ADD CONSTRAINT k CHECK (a > 0)",
    "SET NOT NULL": "ALTER TABLE big ALTER COLUMN a SET NOT NULL",
    "ALTER TYPE": "ALTER TABLE big ALTER COLUMN a TYPE bigint",
    "CREATE INDEX": "CREATE INDEX ON big (a)",
    "DROP TABLE": "DROP TABLE big",
}
REPEAT = 5


def milliseconds(text):
    return [float(ms) for ms in re.findall(r"^Time: ([0-9.]+) ms", text, re.M)]


def refusals(cluster):
    """Milliseconds of each refusal, the table locked by another session; the first in a session apart."""
    holder = cluster.popen("BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60);",
                           env={"PGAPPNAME": "holder"})
    cluster.backend("holder")
    rows = []
    for name, statement in REFUSED.items():
        script = "SET migrator.large_table_rows = 1000;\n\\timing on\n" + f"{statement};\n" * 40
        out, err = cluster.run(script, options=("-Xq",))
        assert err.count("ERROR") == 40, err[:400]
        times = milliseconds(out)
        rows.append((name, times[0], statistics.median(times[1:]), max(times[1:])))
    cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder';")
    holder.communicate()
    return rows


def told(measure, *arguments):
    """What a function measures, in which minutes pass, said as soon as it is known."""
    rows = measure(*arguments)
    print(f"{measure.__name__}: {rows}", file=sys.stderr, flush=True)
    return rows


def costs(rows, databases):
    """Rows of a table: clock and CPU, each against the server without the extension."""
    lines = [("", *(f"{TITLES[db]}, ms" for db in databases), "ratio", *(f"{TITLES[db]}, µs of CPU a statement" for db in databases))]
    for name, statements, seen in rows:
        clock = [seen[db][0] for db in databases]
        cpu = [f"{1000 * seen[db][1] / statements:.1f}" for db in databases] if statements else [""] * len(databases)
        lines.append((name, *(f"{ms:.0f}" for ms in clock), f"{clock[-1] / clock[0]:.2f}", *cpu))
    return table(*lines)


AIM = 1.03


def notes(rows, databases):
    """What the figures mean, and where they miss the aim."""
    missed = [f"{name} ({seen['guarded'][0] / seen['plain'][0]:.2f})" for name, _, seen in rows
              if seen["guarded"][0] > AIM * seen["plain"][0]]
    lines = [f"The aim is {AIM} times the time without the extension. " + (f"Missed: {', '.join(missed)}." if missed else "Met everywhere.")]
    if "empty" in databases:
        name, statements, seen = min(rows, key=lambda row: row[2]["plain"][1] / row[1] if row[1] else float("inf"))
        plain, empty = (1000 * seen[db][1] / statements for db in ("plain", "empty"))
        lines += ["", f"Of the shortest of these, {name}, one statement takes Postgres {plain:.0f} µs of CPU, so the aim leaves "
                  f"{(AIM - 1) * plain:.1f} µs. Calling event triggers that do nothing takes {empty - plain:.1f} µs, and the row of "
                  "the log is an insert into a table with two indexes, beside one in a sequence: for short statements that do not wait "
                  "for the disk the aim is out of reach."]
    return lines


TITLES = {"plain": "without", "empty": "empty triggers", "guarded": "with"}


def main():
    with Cluster(f"bench-{os.getpid()}", sys.argv[1], "shared_buffers = 256MB", "max_locks_per_transaction = 1024",
                 "max_wal_size = 4GB", "autovacuum = off", "fsync = on") as cluster:
        cluster.fresh()
        cluster.sql("SET migrator.guard = off; CREATE TABLE big (id int PRIMARY KEY, a int); "
                    "INSERT INTO big SELECT g, g FROM generate_series(1, 100000) g; ANALYZE big;")
        refused = refusals(cluster)
        databases = cost.prepare(cluster)
        cpu, disk, restored, dml = (told(measure, cluster, databases, repeat) for measure, repeat in (
            (cost.one_transaction, REPEAT), (cost.many_transactions, REPEAT), (cost.restores, 3), (cost.dml, REPEAT)))
        major = cluster.major
    lines = [f"PostgreSQL {major}. Refusals while another session holds ACCESS EXCLUSIVE on the table, milliseconds in psql:", "",
             *table(("statement", "first in a session", "median of the rest", "slowest of the rest"),
                    *((name, f"{first:.1f}", f"{median:.1f}", f"{worst:.1f}") for name, first, median, worst in refused)),
             "", f"Statements that are let through and logged: medians of {REPEAT} turns on one server, without the extension, "
             "with four event triggers that call an empty C function, and with the guard. In one transaction, which is rolled "
             "back, in memory (`/dev/shm`) and with `fsync` off:", "", *costs(cpu, databases),
             "", "Each a transaction of its own, the tables' files in memory and the write-ahead log on disk before the next begins "
             "(`fsync` and `synchronous_commit` are on):", "",
             *costs(disk, databases),
             "", "Restoring a schema, files and log as above, medians of 3 turns:", "", *costs(restored, databases),
             "", "Transactions a second of pgbench, one client:", "",
             *table(("", *(TITLES[db] for db in databases), "ratio"),
                    *((name, *(f"{seen[db][0]:.0f}" for db in databases),
                       f"{seen[databases[-1]][0] / seen[databases[0]][0]:.2f}") for name, seen in dml)),
             "", *notes(cpu + disk + restored, databases)]
    publish("guard", "What the guard costs", lines)


if __name__ == "__main__":
    main()
