#!/usr/bin/env python3
"""What the runner costs: bench/runner.py PG_CONFIG [--docs] [--hold SECONDS]

A thousand migrations against the same files in psql, the views over a long ledger, and how long others wait for a
migration that waits for its lock. Peers run in the same run, taking turns. With --docs writes docs/runner-speed.md.
"""

import os
import re
import statistics
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests/driver"))
from harness import Cluster  # noqa: E402
from page import publish, table  # noqa: E402

MIGRATIONS = 1000
TURNS = 5
LONG = 10000


def scripts():
    """One DDL statement each: the mix of an application that grows."""
    for n in range(MIGRATIONS):
        table = n // 10 * 10
        yield [f"CREATE TABLE app_{n} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, made timestamptz DEFAULT now());",
               f"ALTER TABLE app_{table} ADD COLUMN email text;",
               f"CREATE INDEX app_{table}_email ON app_{table} (email);",
               f"ALTER TABLE app_{table} ADD COLUMN state text NOT NULL DEFAULT 'new';",
               f"COMMENT ON COLUMN app_{table}.state IS 'new, active or gone';",
               f"CREATE VIEW app_{table}_active AS SELECT id, name FROM app_{table} WHERE state = 'active';",
               f"ALTER TABLE app_{table} ADD CONSTRAINT app_{table}_state CHECK (state IN ('new', 'active', 'gone'));",
               f"ALTER TABLE app_{table} ALTER COLUMN email SET DEFAULT '';",
               f"CREATE TABLE app_{n} (id int PRIMARY KEY, app bigint REFERENCES app_{table});",
               f"CREATE INDEX app_{table}_made ON app_{table} (made);"][n % 10]


def timed(cluster, db, *options, sql=""):
    begun = time.perf_counter()
    _, err = cluster.run(sql, db=db, options=("-Xq", "-v", "ON_ERROR_STOP=1", *options))
    seconds = time.perf_counter() - begun
    assert "ERROR" not in err, err[:600]
    return seconds


def copy(cluster, db, template):
    cluster.sql(f"DROP DATABASE IF EXISTS {db} WITH (FORCE);", db="postgres")
    cluster.sql(f"CREATE DATABASE {db} TEMPLATE {template} STRATEGY file_copy;", db="postgres")


def a_thousand(cluster, folder):
    """Seconds of each way to run the same files."""
    files = []
    for n, text in enumerate(scripts()):
        files.append(os.path.join(folder, f"{n:04}.sql"))
        with open(files[-1], "w") as file:
            file.write(text + "\n")
    os.chmod(folder, 0o755)
    one_by_one = [option for file in files for option in ("-f", file)]
    quiet = "SET client_min_messages = error; "
    registered = quiet + "SELECT count(*) FROM migrator.register_dir('%s');" % folder
    seconds = {}
    ways = {
        "psql, one transaction each": ("plain", one_by_one, ""),
        "psql, one transaction each, with the guard": ("guarded", one_by_one, ""),
        "register_dir + deploy": ("guarded", [], registered + "\nCALL migrator.deploy();"),
        "deploy": ("registered", [], quiet + "\nCALL migrator.deploy();"),
        "psql --single-transaction": ("plain", ["--single-transaction", *one_by_one], ""),
        "psql --single-transaction, with the guard": ("guarded", ["--single-transaction", *one_by_one], ""),
        "apply": ("registered", [], quiet + "SELECT migrator.apply();"),
    }
    cluster.fresh("guarded")
    cluster.sql("CREATE DATABASE plain;", db="postgres")
    copy(cluster, "registered", "guarded")
    timed(cluster, "registered", sql=registered)
    for _ in range(TURNS):
        for name, (template, options, sql) in ways.items():
            copy(cluster, "run", template)
            seconds.setdefault(name, []).append(timed(cluster, "run", *options, sql=sql))
    return seconds


def ratio(seconds, one, other):
    return statistics.median(a / b for a, b in zip(seconds[one], seconds[other]))


def long_ledger(cluster):
    """Milliseconds of status with 10,000 migrations, and of register near the beginning and at the end."""
    cluster.fresh("long")
    cluster.sql("ALTER DATABASE long SET client_min_messages = error;", db="postgres")
    register = "SELECT migrator.register(v, 'ALTER TABLE t ADD c' || v || ' int', down => 'ALTER TABLE t DROP c' || v) FROM (SELECT g::text v FROM generate_series({0}, {1}) g) s \\g /dev/null\n"

    def each(first, count):
        script = "\\timing on\n" + "".join(register.format(v, v) for v in range(first, first + count))
        out, err = cluster.run(script, db="long", options=("-Xq",))
        assert "ERROR" not in err, err[:400]
        return statistics.median(float(ms) for ms in re.findall(r"^Time: ([0-9.]+) ms", out, re.M))

    cluster.sql("CREATE TABLE t (a int);", db="long")
    cluster.sql(register.format(1, 80), db="long")
    early = each(81, 40)
    cluster.sql(register.format(121, LONG - 40).replace("\\g /dev/null", ";"), db="long")
    late = each(LONG - 39, 40)
    cluster.sql("UPDATE migrator.migration SET state = 'applied', applied_at = now(), applied_by = 'bench', statements_done = 1;", db="long")
    cluster.sql("VACUUM ANALYZE migrator.migration;", db="long")
    out, _ = cluster.run("\\timing on\n" + "SELECT * FROM migrator.status \\g /dev/null\n" * 20, db="long", options=("-Xq",))
    status = statistics.median(float(ms) for ms in re.findall(r"^Time: ([0-9.]+) ms", out, re.M))
    return early, late, status


def stall(cluster, statement, hold):
    """The longest time a reader waited, in seconds, while somebody held the table and the statement wanted it."""
    cluster.fresh("stall")
    cluster.sql("CREATE TABLE busy (id int PRIMARY KEY, n int); INSERT INTO busy SELECT g, 0 FROM generate_series(1, 1000) g; "
                "SELECT migrator.register('1', 'ALTER TABLE busy ADD c int', irreversible => 'bench');", db="stall")
    # A reader is enough to hold up ACCESS EXCLUSIVE; what others then wait for is the queue behind the ALTER.
    holder = cluster.popen(f"BEGIN; SELECT count(*) FROM busy; SELECT pg_sleep({hold}); COMMIT;", db="stall", env={"PGAPPNAME": "holder"})
    cluster.backend("holder")
    longest, stop = [0.0], threading.Event()

    def read():
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            script = os.path.join(folder, "read.sql")
            with open(script, "w") as file:
                file.write("\\set k random(1, 1000)\nUPDATE busy SET n = n + 1 WHERE id = :k;\n")
            while not stop.is_set():
                process = cluster.popen("", db="stall", program="pgbench",
                                        options=("-n", "-c", "4", "-T", str(hold + 6), "-f", script, "-l", f"--log-prefix={folder}/log"))
                process.communicate()
                stop.set()
            for name in os.listdir(folder):
                if name.startswith("log"):
                    with open(os.path.join(folder, name)) as log:
                        longest[0] = max([longest[0], *(int(line.split()[2]) / 1e6 for line in log)])

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(1)
    deploy = cluster.popen(statement, db="stall")
    _, err = deploy.communicate()
    reader.join()
    holder.communicate()
    done = cluster.sql("SELECT count(*) FROM pg_attribute WHERE attrelid = 'busy'::regclass AND attname = 'c';", db="stall")
    return longest[0], done == "1"


def main():
    hold = int(sys.argv[sys.argv.index("--hold") + 1]) if "--hold" in sys.argv else 60
    with Cluster(f"bench-{os.getpid()}", sys.argv[1], "shared_buffers = 512MB", "max_locks_per_transaction = 2048", "max_wal_size = 4GB") as cluster:
        cluster.fresh()
        with tempfile.TemporaryDirectory() as folder:
            seconds = a_thousand(cluster, folder)
        early, late, status = long_ledger(cluster)
        ours = stall(cluster, "SET client_min_messages = error; SET migrator.guard = off; CALL migrator.deploy();", hold)
        plain = stall(cluster, "SET migrator.guard = off; SET migrator.ddl_lock_timeout = 0; ALTER TABLE busy ADD c int;", hold)
        major = cluster.major
    assert ours[1] and plain[1], "the column was not added"
    psql, single = "psql, one transaction each", "psql --single-transaction"
    lines = [f"PostgreSQL {major}. {MIGRATIONS} migrations of one DDL statement each, seconds, median of {TURNS} turns:", "",
             *table(("", "seconds"), *((name, f"{statistics.median(values):.2f}") for name, values in seconds.items())), "",
             *table(("ratio", "asked", "measured"),
                    ("register_dir + deploy to psql without us", "", f"{ratio(seconds, 'register_dir + deploy', psql):.2f}"),
                    ("register_dir + deploy to psql with the guard", 1.3, f"{ratio(seconds, 'register_dir + deploy', psql + ', with the guard'):.2f}"),
                    ("deploy to psql with the guard", "", f"{ratio(seconds, 'deploy', psql + ', with the guard'):.2f}"),
                    ("apply to psql --single-transaction without us", "", f"{ratio(seconds, 'apply', single):.2f}"),
                    ("apply to psql --single-transaction with the guard", 1.1, f"{ratio(seconds, 'apply', single + ', with the guard'):.2f}"),
                    (f"register: the {LONG}th to the 100th ({early:.1f} ms)", 1.5, f"{late / early:.2f}")), "",
             *table(("", "asked", "measured"),
                    (f"`SELECT * FROM migrator.status` with {LONG} migrations", "20 ms", f"{status:.1f} ms"),
                    (f"longest wait of a writer while deploy wants a table that is held for {hold} s", "1.2 s", f"{ours[0]:.2f} s"),
                    ("the same with a plain ALTER TABLE", "", f"{plain[0]:.2f} s"))]
    publish("runner", "What the runner costs", lines)


if __name__ == "__main__":
    main()
