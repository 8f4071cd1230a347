"""What letting statements through costs: the same server without the extension, with event triggers that do nothing, with ours."""

import os
import re
import shutil
import statistics
import subprocess
import time
from contextlib import contextmanager

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TRIGGERS = ("ddl_command_start", "sql_drop", "table_rewrite", "ddl_command_end")
# Statements on what the loop itself makes, and on tables that are there.
LOOPS = {
    "CREATE TABLE with three indexes": ("CREATE TABLE new_%s (id int PRIMARY KEY, a int UNIQUE, b text UNIQUE)", 1),
    "ALTER TABLE ADD COLUMN": ("ALTER TABLE old_%2$s ADD COLUMN c%1$s int", 1),
    "CREATE TEMP TABLE, DROP TABLE": ("CREATE TEMP TABLE tmp (a int); DROP TABLE tmp", 2),
}
TABLES = 200
OLD = "".join(f"CREATE TABLE old_{i} (id int PRIMARY KEY);" for i in range(TABLES))
# Nanoseconds that the backend has run.
CPU = "SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1);\n"
MANY = 1000
DATABASES = ("plain", "empty", "guarded")


def prepare(cluster):
    """A database of each kind; `empty` only where there is a compiler for its library."""
    library = f"{cluster.socket}/empty.so"
    include = subprocess.check_output([cluster.pg_config, "--includedir-server"], text=True).strip()
    compiler = shutil.which("cc")
    if compiler:
        subprocess.check_call([compiler, "-O2", "-fPIC", "-shared", f"-I{include}", "-o", library,
                               os.path.join(ROOT, "bench/empty.c")])
    databases = [db for db in DATABASES if compiler or db != "empty"]
    for db in databases:
        fresh(cluster, db, db)
        cluster.sql(OLD, db=db)
    return databases


def fresh(cluster, db, kind, tablespace="pg_default"):
    cluster.sql(f"DROP DATABASE IF EXISTS {db} WITH (FORCE);", db="postgres")
    cluster.sql(f"CREATE DATABASE {db} TABLESPACE {tablespace};", db="postgres")
    if kind == "guarded":
        cluster.sql("SET client_min_messages = error; CREATE EXTENSION migrator;", db=db)
    if kind == "empty":
        cluster.sql(f"CREATE FUNCTION empty() RETURNS event_trigger LANGUAGE c AS '{cluster.socket}/empty';" +
                    "".join(f"CREATE EVENT TRIGGER t_{event} ON {event} EXECUTE FUNCTION empty();" for event in TRIGGERS),
                    db=db)


def once(cluster, db, script):
    """Milliseconds on the clock, and of the backend's CPU."""
    script = f"SET client_min_messages = error;\n{CPU}\\timing on\n{script}\\timing off\n{CPU}"
    out, err = cluster.run(script, db=db, options=("-XAtq", "-v", "ON_ERROR_STOP=1"))
    assert not err, err[:400]
    clock = sum(float(ms) for ms in re.findall(r"^Time: ([0-9.]+) ms", out, re.M))
    before, after = (int(ns) for ns in re.findall(r"^([0-9]+)$", out, re.M))
    return clock, (after - before) / 1e6


def turns(cluster, databases, repeat, run):
    """Medians by database of what `run` measures, taking turns; what was rolled back or dropped before is vacuumed away."""
    seen = {db: [] for db in databases}
    for turn in range(repeat):
        for db in databases[turn % len(databases):] + databases[:turn % len(databases)]:
            cluster.sql("VACUUM; CHECKPOINT;", db=db)
            seen[db].append(run(db))
    return {db: [statistics.median(column) for column in zip(*rows)] for db, rows in seen.items()}


MEMORY = "/dev/shm"


@contextmanager
def in_memory(cluster, databases, fsync):
    """The databases' files where no disk is, and whether the log waits for its own: how long a disk takes to make and remove
    files depends on how many were removed just before."""
    folder = f"{MEMORY}/migrator-bench-{os.getpid()}"
    owner = os.stat(cluster.socket)
    os.mkdir(folder)
    try:
        os.chown(folder, owner.st_uid, owner.st_gid)
        cluster.sql(f"CREATE TABLESPACE memory LOCATION '{folder}';", db="postgres")
        move(cluster, databases, "memory")
        cluster.sql(f"ALTER SYSTEM SET fsync = {fsync};", db="postgres")
        cluster.sql("SELECT pg_reload_conf();", db="postgres")
        yield
        move(cluster, databases, "pg_default")
        cluster.sql("ALTER SYSTEM RESET fsync;", db="postgres")
        cluster.sql("SELECT pg_reload_conf();", db="postgres")
        cluster.sql("DROP TABLESPACE memory;", db="postgres")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move(cluster, databases, tablespace):
    for db in databases:
        cluster.sql(f"ALTER DATABASE {db} SET TABLESPACE {tablespace};", db="postgres")


def one_transaction(cluster, databases, repeat):
    """All statements in one transaction, which is rolled back: no disk, all CPU."""
    rows = []
    with in_memory(cluster, databases, "off"):
        for name, (statement, count) in LOOPS.items():
            parts = "".join(f"EXECUTE format('{part.strip()}', i, i % {TABLES}); " for part in statement.split(";"))
            loop = f"BEGIN;\nDO $$BEGIN FOR i IN 1..{MANY} LOOP {parts}END LOOP; END$$;\nROLLBACK;\n"
            seen = turns(cluster, databases, repeat, lambda db, s=loop: once(cluster, db, s))
            rows.append((f"{MANY} x {name}", MANY * count, seen))
    return rows


def many_transactions(cluster, databases, repeat):
    """Each statement a transaction of its own, whose log is on disk before the next one begins."""
    rows = []
    with in_memory(cluster, databases, "on"):
        for name, (statement, count) in LOOPS.items():
            text = statement.replace("%2$s", "{old}").replace("%1$s", "{new}").replace("%s", "{new}")
            script = "".join(f"{text.format(new=i, old=i % TABLES)};\n" for i in range(MANY))

            def run(db, script=script):
                # As a replica, so that no event trigger fires.
                cluster.sql("SET session_replication_role = replica; SET client_min_messages = error; "
                            f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; {OLD}", db=db)
                cluster.sql("VACUUM; CHECKPOINT;", db=db)
                return once(cluster, db, script)
            rows.append((f"{MANY} x {name}", MANY * count, turns(cluster, databases, repeat, run)))
    return rows


SCHEMA = "".join(
    f"CREATE TABLE t{i} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ref bigint, name text NOT NULL, at timestamptz "
    f"DEFAULT now(), CHECK (name <> '')); CREATE INDEX ON t{i} (at); COMMENT ON TABLE t{i} IS 'Table {i}';" +
    (f"ALTER TABLE t{i} ADD FOREIGN KEY (ref) REFERENCES t{i - 1};" if i else "") for i in range(500))


def restores(cluster, databases, repeat):
    """A schema of 500 tables, by psql and by pg_restore."""
    cluster.sql("DROP DATABASE IF EXISTS source WITH (FORCE);", db="postgres")
    cluster.sql("CREATE DATABASE source;", db="postgres")
    cluster.sql(SCHEMA, db="source")
    rows = []
    with in_memory(cluster, databases, "on"):
        for name, form, program, options in (("psql, of a plain dump", "p", "psql", ["-Xq", "-v", "ON_ERROR_STOP=1"]),
                                             ("pg_restore", "c", "pg_restore", ["-e"])):
            dump = f"{cluster.socket}/schema.dump"
            subprocess.check_call(cluster._arguments("pg_dump", "source") + ["-F", form, "-f", dump])

            def run(db, program=program, options=options, dump=dump):
                fresh(cluster, "target", db, "memory")
                file = ["-f", dump] if program == "psql" else [dump]
                begun = time.monotonic()
                subprocess.check_call(cluster._arguments(program, "target") + options + file, stdout=subprocess.DEVNULL)
                return (1000 * (time.monotonic() - begun),)
            rows.append((f"500 tables by {name}", 0, turns(cluster, databases, repeat, run)))
        cluster.sql("DROP DATABASE target WITH (FORCE);", db="postgres")
    return rows


def dml(cluster, databases, repeat):
    """Transactions of pgbench a second."""
    for db in databases:
        # It adds primary keys to tables that are filled.
        subprocess.check_call(cluster._arguments("pgbench", db) + ["-i", "-s", "5", "-q"], stderr=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, env={**os.environ, "PGOPTIONS": "-c migrator.guard=off"})
    rows = []
    for name, option in (("select-only", "-S"), ("simple-update", "-N")):
        def run(db, option=option):
            out = subprocess.check_output(cluster._arguments("pgbench", db) + ["-n", option, "-T", "3"], text=True,
                                          stderr=subprocess.DEVNULL)
            return (float(re.search(r"^tps = ([0-9.]+)", out, re.M)[1]),)
        rows.append((f"pgbench {name}", turns(cluster, databases, repeat, run)))
    return rows
