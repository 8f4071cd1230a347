#!/usr/bin/env python3
"""What the guard costs: bench/guard.py PG_CONFIG [--docs]

How fast a refusal comes back while another session holds ACCESS EXCLUSIVE on the table, and what statements that are
let through cost, against the same server without the extension, in one run. With --docs writes docs/guard-speed.md.
"""

import os
import re
import statistics
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests/driver"))
from harness import Cluster  # noqa: E402
from page import publish, table  # noqa: E402

REFUSED = {
    "ADD COLUMN, volatile default": "ALTER TABLE big ADD COLUMN c uuid DEFAULT gen_random_uuid()",
    "ADD CONSTRAINT CHECK": "ALTER TABLE big ADD CONSTRAINT k CHECK (a > 0)",
    "SET NOT NULL": "ALTER TABLE big ALTER COLUMN a SET NOT NULL",
    "ALTER TYPE": "ALTER TABLE big ALTER COLUMN a TYPE bigint",
    "CREATE INDEX": "CREATE INDEX ON big (a)",
    "DROP TABLE": "DROP TABLE big",
}
ALLOWED = {
    "1000 x CREATE TABLE with three indexes":
        "DO $$BEGIN FOR i IN 1..1000 LOOP EXECUTE format('CREATE TABLE new_%s (id int PRIMARY KEY, a int UNIQUE, b text UNIQUE)', i); END LOOP; END$$",
    "1000 x ALTER TABLE ADD COLUMN":
        "DO $$BEGIN FOR i IN 1..1000 LOOP EXECUTE format('ALTER TABLE old_%s ADD COLUMN c%s int', i % 10, i); END LOOP; END$$",
    "1000 x CREATE TEMP TABLE, dropped again":
        "DO $$BEGIN FOR i IN 1..1000 LOOP CREATE TEMP TABLE tmp (a int); DROP TABLE tmp; END LOOP; END$$",
}
REPEAT = 7


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


def allowed(cluster):
    """Seconds with and without, taking turns; the median of the ratios."""
    for db in ("plain", "guarded"):
        cluster.sql(f"DROP DATABASE IF EXISTS {db} WITH (FORCE);", db="postgres")
        cluster.sql(f"CREATE DATABASE {db};", db="postgres")
    cluster.sql("SET client_min_messages = error; CREATE EXTENSION migrator;", db="guarded")
    rows = []
    for name, statement in ALLOWED.items():
        seconds = {"plain": [], "guarded": []}
        for _ in range(REPEAT):
            for db in seconds:
                tables = "".join(f"CREATE TABLE old_{i} (id int PRIMARY KEY);" for i in range(10))
                script = f"SET client_min_messages = error;\nBEGIN;\n{tables}\n\\timing on\n{statement};\n\\timing off\nROLLBACK;\n"
                out, err = cluster.run(script, db=db, options=("-Xq",))
                assert not err, err[:400]
                seconds[db] += milliseconds(out)
        ratios = [guarded / plain for plain, guarded in zip(seconds["plain"], seconds["guarded"])]
        rows.append((name, statistics.median(seconds["plain"]), statistics.median(seconds["guarded"]),
                     statistics.median(ratios)))
    return rows


def main():
    with Cluster(f"bench-{os.getpid()}", sys.argv[1], "shared_buffers = 256MB", "max_locks_per_transaction = 1024") as cluster:
        cluster.fresh()
        cluster.sql("SET migrator.guard = off; CREATE TABLE big (id int PRIMARY KEY, a int); "
                    "INSERT INTO big SELECT g, g FROM generate_series(1, 100000) g; ANALYZE big;")
        refused, passed = refusals(cluster), allowed(cluster)
        major = cluster.major
    lines = [f"PostgreSQL {major}. Refusals while another session holds ACCESS EXCLUSIVE on the table, milliseconds in psql:", "",
             *table(("statement", "first in a session", "median of the rest", "slowest of the rest"),
                    *((name, f"{first:.1f}", f"{median:.1f}", f"{worst:.1f}") for name, first, median, worst in refused)),
             "", f"Statements that are let through and logged, milliseconds, median of {REPEAT} turns with and without the extension:", "",
             *table(("statements", "without", "with", "ratio"),
                    *((name, f"{plain:.0f}", f"{guarded:.0f}", f"{ratio:.2f}") for name, plain, guarded, ratio in passed))]
    publish("guard", "What the guard costs", lines)


if __name__ == "__main__":
    main()
