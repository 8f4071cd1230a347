"""The log of DDL and the bound for its lock waits, with several sessions."""

import re
import subprocess
import time

from harness import contains, equal

BIG = "CREATE TABLE big (a int); INSERT INTO big SELECT generate_series(1, 5000); "
ROWS = "SET migrator.large_table_rows = 1000; "
REFUSED = "SELECT count(*) FROM migrator.ddl_log WHERE outcome = 'refused';"


def eventually(cluster, sql, expected, timeout=20):
    """A background worker writes what is waited for."""
    deadline = time.time() + timeout
    while (seen := cluster.sql(sql)) != expected:
        if time.time() > deadline:
            raise AssertionError(f"{sql}\n  expected: {expected!r}\n  after {timeout} s: {seen!r}\n{cluster.log()[-1500:]}")
        time.sleep(0.02)


class Session:
    """A session that stays open, holding what it has locked."""

    def __init__(self, cluster, sql):
        self.process = subprocess.Popen(cluster._arguments("psql", "test") + ["-XAtq"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.process.stdin.write(sql + "\n\\echo ready\n")
        self.process.stdin.flush()
        while self.process.stdout.readline().strip() != "ready":
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def test_a_refusal_is_quick(cluster):
    """Also while another session holds ACCESS EXCLUSIVE, and for the second and third in a row."""
    cluster.sql(BIG)
    with Session(cluster, "BEGIN; LOCK TABLE big;"):
        out = cluster.sql(ROWS + """SET client_min_messages = error;
            CREATE TEMP TABLE took (ms float);
            DO $$ DECLARE begun timestamptz; BEGIN
                FOR i IN 1..10 LOOP
                    begun := clock_timestamp();
                    BEGIN CREATE INDEX ON big (a); EXCEPTION WHEN SQLSTATE 'MG001' THEN
                        INSERT INTO took SELECT 1000 * extract(epoch FROM clock_timestamp() - begun); END;
                END LOOP;
            END $$;
            SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) < 50 FROM took;""")
    equal(out, "10|t")
    eventually(cluster, REFUSED, "10")


def test_no_refusal_is_lost(cluster):
    """A burst is written by one worker after the other, its rest when the session ends."""
    cluster.sql(BIG)
    cluster.run(ROWS + "CREATE INDEX ON big (a);" * 100)
    eventually(cluster, REFUSED, "100")
    equal(cluster.sql("SELECT count(DISTINCT backend_pid), count(DISTINCT statement), bool_and(xid IS NULL) "
                      "FROM migrator.ddl_log WHERE outcome = 'refused';"), "1|1|t")


def test_many_sessions_are_refused(cluster):
    """More of them than there are workers: each row is in the log of DDL, or the server's log says that it is not."""
    cluster.sql(BIG)
    sessions = [cluster.popen(ROWS + "CREATE INDEX ON big (a);" * 5) for _ in range(20)]
    equal(sum(s.communicate(timeout=60)[1].count("ERROR:  ") for s in sessions), 100)
    time.sleep(1)
    written = int(cluster.sql(REFUSED))
    lost = sum(map(int, re.findall(r"(\d+) refused statements are not in migrator.ddl_log", cluster.log())))
    equal(written + lost, 100)
    # Who is terminated while a worker of theirs runs leaves nothing broken behind.
    with Session(cluster, ROWS + "CREATE INDEX ON big (a); CREATE INDEX ON big (a);"):
        cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' "
                    "AND pid <> pg_backend_pid();")
    eventually(cluster, REFUSED, str(written + 2))


def test_without_a_worker_the_log_says_so(cluster):
    cluster.sql(BIG + "ALTER SYSTEM SET max_worker_processes = 0;")
    cluster.crash()
    cluster.start()
    try:
        _, err = cluster.run(ROWS + "\\set VERBOSITY verbose\nCREATE INDEX ON big (a);")
        contains(err, "MG001")
        if "Not in migrator.ddl_log" in err:
            raise AssertionError("the client is told about the server's workers")
        contains(cluster.log(), "Not in migrator.ddl_log: no background worker slot is free.")
        equal(cluster.sql(REFUSED), "0")
    finally:
        cluster.sql("ALTER SYSTEM RESET max_worker_processes;")
        cluster.crash()
        cluster.start()


def test_nobody_waits_for_the_log(cluster):
    """Somebody has locked its table: the statement runs, and a warning tells."""
    with Session(cluster, "BEGIN; LOCK TABLE migrator.ddl IN SHARE MODE;"):
        begun = time.time()
        _, err = cluster.run("CREATE TABLE unlogged_table (a int); CREATE INDEX CONCURRENTLY i ON unlogged_table (a);")
        contains(err, "WARNING:  a statement could not be written to migrator.ddl_log", "has locked the table migrator.ddl")
        if "ERROR" in err or time.time() - begun > 5:
            raise AssertionError(err)
    equal(cluster.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass;"), "t")


def test_a_concurrent_build_survives_a_broken_log(cluster):
    """An error at its end would leave an invalid index."""
    cluster.sql("CREATE TABLE t (a int); ALTER TABLE migrator.ddl ADD CHECK (tag <> 'CREATE INDEX') NOT VALID;")
    _, err = cluster.run("CREATE INDEX CONCURRENTLY i ON t (a);")
    contains(err, "WARNING:  a statement could not be written to migrator.ddl_log", "violates check constraint")
    equal(cluster.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass;"), "t")
    _, err = cluster.run("DROP INDEX CONCURRENTLY i;")
    equal(err, "")


def test_numbers_of_many_sessions(cluster):
    """Each row has its own, those of refusals too, and no session waits for another one's transaction."""
    cluster.sql(BIG)
    ddl = "".join(f"CREATE TABLE t_{{0}}_{i} (a int); CREATE INDEX ON big (a);\n" for i in range(40))
    before = len(cluster.log())
    with Session(cluster, "BEGIN; CREATE TABLE open (a int);"):
        sessions = [cluster.popen(ROWS + ddl.format(i)) for i in range(6)]
        errors = "".join(s.communicate(timeout=60)[1] for s in sessions)
    equal(set(re.findall(r"ERROR:  ([^\n]*)", errors)),
          {'building an index on "big" would block writes to it [create-index-blocking]'})
    time.sleep(1)
    # On a busy server a session may end before its worker is free; the server's log counts those.
    written = int(cluster.sql(REFUSED))
    lost = sum(map(int, re.findall(r"(\d+) refused statements are not in migrator.ddl_log", cluster.log()[before:])))
    equal(written + lost, 240)
    equal(cluster.sql("SELECT count(*), count(DISTINCT id) FROM migrator.ddl "
                      "WHERE statement ~ '^CREATE TABLE t_|^CREATE INDEX';"), f"{240 + written}|{240 + written}")


def test_every_protocol(cluster):
    """The text of prepared statements too."""
    script = f"{cluster.socket}/pgbench.sql"
    for mode in ("simple", "extended", "prepared"):
        statement = f"CREATE TABLE by_{mode} (a int)"
        cluster.sql(f"COPY (SELECT '{statement};') TO '{script}';")
        subprocess.check_call([f"{cluster.bindir}/pgbench", "-n", "-h", cluster.socket, "-p", "54329", "-U", "postgres",
                               "-M", mode, "-t", "1", "-f", script, "test"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        equal(cluster.sql("SELECT statement FROM migrator.ddl_log ORDER BY id DESC LIMIT 1;"), statement)


def test_large_statements(cluster):
    """A statement of a megabyte, and a thousand in one string: at top level and in a function."""
    long = "CREATE TABLE long (a text DEFAULT '" + "x" * 1_000_000 + "')"
    cluster.sql(f"{long}; DROP TABLE long; DO $do$ BEGIN EXECUTE $x${long}$x$; END $do$;")
    equal(cluster.sql("SELECT string_agg(length(statement)::text, ',') FROM migrator.ddl_log "
                      "WHERE tag = 'CREATE TABLE' AND objects = '{public.long}';"), f"{len(long)},{len(long)}")
    many = ";".join(f"CREATE TABLE many_{i} (a int)" for i in range(3000))
    begun = time.time()
    cluster.sql(f"SET client_min_messages = error; DO $do$ BEGIN EXECUTE $x${many}$x$; END $do$;")
    equal(cluster.sql("SELECT count(*) FROM migrator.ddl_log WHERE objects[1] LIKE 'public.many%';"), "3000")
    if time.time() - begun > 60:
        raise AssertionError(f"{time.time() - begun:.1f} s for 3000 tables")


def test_ddl_never_queues_without_end(cluster):
    cluster.sql("CREATE TABLE held (a int); CREATE TABLE free (a int);")
    short = "SET migrator.ddl_lock_timeout = '200ms'; SET migrator.ddl_lock_timeout_concurrently = '200ms'; "
    timeout = "canceling statement due to lock timeout"
    with Session(cluster, "BEGIN; LOCK TABLE held;"):
        out, err = cluster.run(short + "ALTER TABLE held ADD b int; SHOW lock_timeout;")
        contains(err, timeout)
        equal(out, "0")
        # In a transaction, after the error is caught, and for what comes after the statement.
        out, err = cluster.run(short + "BEGIN; SAVEPOINT s; DROP TABLE held; ROLLBACK TO s; SHOW lock_timeout; "
                               "ALTER TABLE free ADD b int; SHOW lock_timeout; COMMIT; SHOW lock_timeout;")
        contains(err, timeout)
        equal(out, "0\n0\n0")
        # Whoever has a bound keeps it.
        out, err = cluster.run("SET migrator.ddl_lock_timeout = '1h'; SET lock_timeout = '200ms'; DROP TABLE held; "
                               "SHOW lock_timeout;")
        contains(err, timeout)
        equal(out, "200ms")
        out, err = cluster.run(short + "CREATE INDEX CONCURRENTLY held_a ON held (a); SHOW lock_timeout;")
        contains(err, timeout)
        equal(out, "0")
        # Off.
        out, err = cluster.run("SET migrator.ddl_lock_timeout = 0; SET statement_timeout = '600ms'; DROP TABLE held;")
        contains(err, "canceling statement due to statement timeout")
    # An old snapshot: the build has committed on its way when its wait ends.
    with Session(cluster, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM held;"):
        out, err = cluster.run(short + "CREATE INDEX CONCURRENTLY held_a ON held (a); SHOW lock_timeout; "
                               "SELECT count(*) FROM free;")
        contains(err, timeout)
        equal(out, "0\n0")


def test_an_override_set_before_loading_does_not_count(cluster):
    cluster.sql(BIG + "CREATE ROLE plain LOGIN; ALTER TABLE big OWNER TO plain; GRANT CREATE ON SCHEMA public TO plain; "
                "ALTER SYSTEM SET migrator.large_table_rows = 1000; SELECT pg_reload_conf();")
    cluster.user = "plain"
    try:
        _, err = cluster.run("SET migrator.allow = 'create-index-blocking'; CREATE INDEX ON big (a);")
        contains(err, 'permission denied to set parameter "migrator.allow"', "[create-index-blocking]")
        _, err = cluster.run("CREATE INDEX ON big (a);", env={"PGOPTIONS": "-c migrator.allow=create-index-blocking"})
        contains(err, "[create-index-blocking]")
    finally:
        cluster.user = "postgres"
        cluster.sql("LOAD 'migrator'; ALTER SYSTEM RESET migrator.large_table_rows; SELECT pg_reload_conf(); "
                    "SET migrator.guard = 'off'; DROP OWNED BY plain; DROP ROLE plain;")
    # An administrator's counts, even misspelt ones only as far as they are right.
    _, err = cluster.run("SET migrator.allow = 'create-index-blocking'; CREATE TABLE t (a int); SHOW migrator.allow;")
    equal(err, "")
    _, err = cluster.run("SET migrator.allow = 'create-index-bloking'; CREATE TABLE t2 (a int);")
    contains(err, 'there is no rule "create-index-bloking"')


# Preloaded, Postgres itself turns such a connection away.
test_an_override_set_before_loading_does_not_count.without_hooks = True


def test_a_dump_carries_policies_and_log(cluster):
    cluster.sql('CREATE SCHEMA s; CREATE TABLE s."T 1" (a int); '
                "SELECT migrator.set_rule('create-index-blocking', 'off', 's.\"T 1\"', reason => 'x');"
                "SELECT migrator.set_rule('create-index-blocking', 'warning', schema => 's', role => 'postgres');")
    policies = "SELECT id, rule, action, \"table\", schema, role, reason FROM migrator.policies;"
    log = "SELECT id, at, statement, objects FROM migrator.ddl_log;"
    expected = cluster.sql(policies), cluster.sql(log)
    dump = subprocess.check_output(cluster._arguments("pg_dump", "test"))
    cluster.sql("DROP DATABASE IF EXISTS restored WITH (FORCE);", db="postgres")
    cluster.sql("CREATE DATABASE restored;", db="postgres")
    try:
        result = subprocess.run(cluster._arguments("psql", "restored") + ["-Xq", "-v", "ON_ERROR_STOP=1"], input=dump,
                                capture_output=True)
        equal(result.returncode, 0, result.stderr.decode())
        equal((cluster.sql(policies, "restored"), cluster.sql(log, "restored")), expected)
        cluster.sql("CREATE TABLE afterwards (a int);", "restored")
        equal(cluster.sql("SELECT statement FROM migrator.ddl_log ORDER BY id DESC LIMIT 1;", "restored"),
              "CREATE TABLE afterwards (a int)")
    finally:
        cluster.sql("DROP DATABASE IF EXISTS restored WITH (FORCE);", db="postgres")
