"""A database that lives on elsewhere: dumped, restored, upgraded, promoted, replicated.

Wherever it goes, history and rules are intact, verify() finds nothing, the guard refuses, and a backfill that was paused goes
on where it was and changes no row twice."""

import glob
import os
import subprocess
import tempfile

from harness import Cluster, Standby, contains, equal
from test_upgrade import FIRST, QUIET, SLOW, old

LARGE = "SET migrator.large_table_rows = 1000; "
SETUP = f"""{QUIET}{SLOW}
CREATE SCHEMA "My schema";
CREATE TABLE "My schema"."Big one" (id int PRIMARY KEY, a int, b int, hits int NOT NULL DEFAULT 0, pad text DEFAULT repeat('x', 100));
INSERT INTO "My schema"."Big one" (id, a) SELECT g, g FROM generate_series(1, 6000) g;
CREATE TABLE parts (id int PRIMARY KEY, hits int NOT NULL DEFAULT 0) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1500);
CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT g FROM generate_series(1, 3000) g;
CREATE TRIGGER slow BEFORE UPDATE ON "My schema"."Big one" FOR EACH ROW EXECUTE FUNCTION slow();
CREATE TRIGGER slow BEFORE UPDATE ON parts FOR EACH ROW EXECUTE FUNCTION slow();
ANALYZE;
SELECT migrator.set_rule('rename-column', 'off', '"My schema"."Big one"', reason => 'one');
SELECT migrator.set_rule('drop-table', 'warning', schema => '"My schema"', threshold_rows => 7, reason => 'two');
SELECT migrator.set_rule('truncate', 'error', role => 'postgres', reason => 'three');
SELECT migrator.register('1', 'CREATE TABLE one (id int PRIMARY KEY, a int)', down => 'DROP TABLE one');
SELECT migrator.register('2', 'CREATE INDEX CONCURRENTLY one_a ON one (a); ALTER TABLE one ADD b text', irreversible => 'x');
SELECT migrator.register('3', 'SELECT 1/0', irreversible => 'x');
SELECT migrator.register('4', 'ALTER TABLE one ADD c int', irreversible => 'x', description => 'still to come');
"""
# Without a where_clause nothing but the ledger knows which rows are done; the other one goes through the pages.
BACKFILLS = [
    ("\"My schema\".\"Big one\"", "'hits = hits + 1', NULL, 100, 10"),
    ("parts", "'hits = hits + 1', NULL, 100, 10"),
    ("\"My schema\".\"Big one\"", "'b = a', 'b IS NULL', 100, 10, walk => 'physical'"),
]
COUNTS = """SELECT hits, count(*) FROM "My schema"."Big one" GROUP BY 1 ORDER BY 1;
SELECT hits, count(*) FROM parts GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM "My schema"."Big one" WHERE b IS DISTINCT FROM a;"""
ALL = "1|6000\n1|3000\n0"
KEPT = [
    "SELECT version, state, applied_at, applied_by, progress, description, checksum FROM migrator.status ORDER BY version",
    "SELECT * FROM migrator.history ORDER BY attempt",
    "SELECT * FROM migrator.event ORDER BY id",
    "SELECT * FROM migrator.policies ORDER BY id",
    "SELECT id, target, rows_done, percent, set_clause, where_clause, walk, settings FROM migrator.backfills ORDER BY id",
    "SELECT problem, object, detail FROM migrator.verify() ORDER BY 1, 2",
    COUNTS.rstrip(";"),
]
LOG = "SELECT id, at, tag, statement, objects, outcome FROM migrator.ddl_log WHERE id <= {} ORDER BY id"


def inhabited(cluster, db="test"):
    """History, rules, and three backfills that stopped on their way. Returns what must be the same elsewhere."""
    cluster.sql(SETUP, db)
    cluster.run("CALL migrator.deploy();", db)
    cluster.sql(f"{QUIET}SELECT migrator.register('3', 'SELECT 1', irreversible => 'x'); CALL migrator.deploy('3');", db)
    for number, (table, arguments) in enumerate(BACKFILLS, 1):
        running = cluster.popen(f"CALL migrator.backfill('{table}', {arguments});", db)
        cluster.until(f"SELECT rows_done > 0 FROM migrator.backfills WHERE id = {number};", "t", db=db)
        cluster.sql(f"SELECT migrator.pause_backfill({number});", db)
        cluster.until(f"SELECT state FROM migrator.backfills WHERE id = {number};", "paused", db=db)
        cluster.sql(f"SELECT pg_terminate_backend(pid) FROM migrator.backfills WHERE id = {number};", db)
        running.communicate(timeout=60)
    cluster.sql("DELETE FROM slow;", db)
    return kept(cluster, db)


def kept(cluster, db="test", log=None):
    log = log or cluster.sql("SELECT max(id) FROM migrator.ddl_log;", db)
    return log, [(sql, cluster.sql(f"{sql};", db)) for sql in [*KEPT, LOG.format(log)]]


def lives(cluster, expected, db="test"):
    """All is there, and all goes on."""
    log, before = expected
    for (sql, was), (_, now) in zip(before, kept(cluster, db, log)[1]):
        equal(now, was, sql)
    equal(before[5][1], "", "verify() before")
    done = cluster.sql(COUNTS, db)
    contains(done, "0|", "1|")
    refuses(cluster, db)
    # A rule that was set for the table.
    _, err = cluster.run(f'{LARGE}BEGIN; ALTER TABLE "My schema"."Big one" RENAME a TO c; ROLLBACK;', db)
    equal(err, "")
    cluster.sql(f"{QUIET}CALL migrator.deploy();", db)
    equal(cluster.sql("SELECT string_agg(version || ' ' || state, ', ' ORDER BY version) FROM migrator.status;", db),
          "1 applied, 2 applied, 3 applied, 4 applied")
    finish_backfills(cluster, db)
    equal(cluster.sql("SELECT * FROM migrator.verify();", db), "")
    equal(cluster.sql("SELECT statement FROM migrator.ddl_log WHERE outcome = 'ran' ORDER BY id DESC LIMIT 1;", db), "ALTER TABLE one ADD c int")


def finish_backfills(cluster, db):
    cluster.sql("SELECT migrator.alter_backfill(id, target_ms => 1000, batch_rows => 2000), migrator.resume_backfill(id) FROM generate_series(1, 3) id;", db)
    cluster.until("SELECT string_agg(state, ',') FROM migrator.backfills;", "done,done,done", timeout=300, db=db)
    equal(cluster.sql(COUNTS, db), ALL)


def refuses(cluster, db="test"):
    _, err = cluster.run(f'{LARGE}\n\\set VERBOSITY verbose\nCREATE INDEX ON "My schema"."Big one" (a);', db)
    contains(err, "MG001", "[create-index-blocking]")


def program(cluster, name, *arguments, db="test", fails=False, **more):
    """Runs a program of the server's; returns what it says."""
    result = subprocess.run([f"{cluster.bindir}/{name}", "-h", cluster.socket, "-p", "54329", "-U", cluster.user,
                             *([] if db is None else ["-d", db]), *arguments], capture_output=True, **more)
    if not fails:
        equal(result.returncode, 0, f"{name} {arguments}: {result.stderr.decode()}")
    return result.stdout if not fails else result.stderr.decode()


def emptied(cluster, db="restored"):
    cluster.sql(f"DROP DATABASE IF EXISTS {db} WITH (FORCE);", db="postgres")
    cluster.sql(f"CREATE DATABASE {db} TEMPLATE template0;", db="postgres")


PSQL = ["-XqAt", "-v", "ON_ERROR_STOP=1"]


def test_it_lives_on_after_a_dump_and_restore(cluster):
    expected = inhabited(cluster)
    with tempfile.TemporaryDirectory() as folder:
        plain, custom = f"{folder}/plain", f"{folder}/custom"
        program(cluster, "pg_dump", "-f", plain)
        program(cluster, "pg_dump", "-Fc", "-f", custom)
        backwards = data_backwards(cluster, custom, f"{folder}/backwards")
        try:
            for restore in (["psql", *PSQL, "-f", plain], ["psql", *PSQL, "-1", "-f", plain], ["pg_restore", "-e", "-j2", custom],
                            ["pg_restore", "-e", "-L", backwards, custom],
                            ["pg_restore", "-e", "-1", custom], ["pg_restore", "-e", "--disable-triggers", custom],
                            ["pg_restore", "-e", "--no-owner", "--no-privileges", custom]):
                emptied(cluster)
                program(cluster, *restore, db="restored")
                lives(cluster, expected, "restored")
            # Over what is there already, some of it newer. Postgres itself cannot --clean the primary key of a partition.
            for options in (["-j2"], ["-1"]):
                cluster.sql("SET migrator.guard = 'off'; DROP TABLE parts;", "restored")
                program(cluster, "pg_restore", "-e", "--clean", "--if-exists", *options, custom, db="restored")
                lives(cluster, expected, "restored")
        finally:
            cluster.sql("DROP DATABASE IF EXISTS restored WITH (FORCE);", db="postgres")


def data_backwards(cluster, custom, name):
    """A list of what is in a dump with the tables' data from last to first: with -j they come in any order."""
    listed = subprocess.check_output([f"{cluster.bindir}/pg_restore", "-l", custom], text=True).splitlines()
    data = iter([line for line in listed if " TABLE DATA " in line][::-1])
    with open(name, "w", encoding="utf-8") as file:
        file.write("\n".join(next(data) if " TABLE DATA " in line else line for line in listed))
    return name


def test_it_lives_on_after_schema_and_data_apart(cluster):
    expected = inhabited(cluster)
    schema, data = program(cluster, "pg_dump", "-s"), program(cluster, "pg_dump", "-a")
    disabling = program(cluster, "pg_dump", "-a", "--disable-triggers")
    try:
        emptied(cluster)
        program(cluster, "psql", *PSQL, db="restored", input=schema)
        program(cluster, "psql", *PSQL, db="restored", input=data)
        lives(cluster, expected, "restored")
        emptied(cluster)
        program(cluster, "psql", *PSQL, db="restored", input=schema)
        program(cluster, "psql", *PSQL, db="restored", input=disabling)
        # It enables triggers as ordinary ones afterwards, whatever they were.
        found = cluster.sql("SELECT DISTINCT problem FROM migrator.verify();", "restored")
        equal(found, "replication can write to the ledger")
        cluster.sql("SELECT hint FROM migrator.verify() \\gexec", "restored")
        # That was DDL outside of migrations.
        equal(cluster.sql("SELECT string_agg(DISTINCT problem, ',') FROM migrator.verify();", "restored"), "ad-hoc DDL since the last migration")
        refuses(cluster, "restored")
        finish_backfills(cluster, "restored")
    finally:
        cluster.sql("DROP DATABASE IF EXISTS restored WITH (FORCE);", db="postgres")


def test_a_dump_without_a_table_that_was_backfilled(cluster):
    """A backfill that is done asks for its table no more; a rule of a table does, and goes before the dump or with it."""
    cluster.sql(f"{QUIET}CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT g FROM generate_series(1, 100) g; "
                "CALL migrator.backfill('t', 'a = 1', 'a IS NULL'); SELECT migrator.set_rule('drop-table', 'off', 't', reason => 'x');")
    try:
        emptied(cluster)
        err = program(cluster, "psql", *PSQL, db="restored", input=program(cluster, "pg_dump", "-T", "t"), fails=True)
        contains(err, 'relation "public.t" does not exist', "COPY policy")
        cluster.sql("SELECT migrator.set_rule('drop-table', NULL, 't');")
        emptied(cluster)
        program(cluster, "psql", *PSQL, db="restored", input=program(cluster, "pg_dump", "-T", "t"))
        equal(cluster.sql("SELECT target, state, rows_done FROM migrator.backfills; SELECT * FROM migrator.verify();", "restored"), "public.t|done|100")
    finally:
        cluster.sql("DROP DATABASE IF EXISTS restored WITH (FORCE);", db="postgres")


def test_a_restore_by_somebody_who_is_no_superuser(cluster):
    """All but the ledger, which the extension's owner alone writes; the guard is on in the copy."""
    cluster.sql(f"{QUIET}DROP ROLE IF EXISTS app; CREATE ROLE app LOGIN; ALTER DATABASE test OWNER TO app; SET ROLE app; "
                "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 2000);")
    dump = program(cluster, "pg_dump", "--no-owner")
    try:
        cluster.sql("CREATE DATABASE restored OWNER app TEMPLATE template0;", db="postgres")
        cluster.sql(f"{QUIET}CREATE EXTENSION migrator;", "restored")
        cluster.user = "app"
        program(cluster, "psql", "-Xq", db="restored", input=dump)
        equal(cluster.sql("SELECT count(*) FROM t;", "restored"), "2000")
        cluster.user = "postgres"
        equal(cluster.sql("SELECT * FROM migrator.verify();", "restored"), "")
        _, err = cluster.run("SET migrator.large_table_rows = 1000; SET ROLE app; CREATE INDEX ON t (a);", "restored")
        contains(err, "[create-index-blocking]")
    finally:
        cluster.user = "postgres"
        cluster.sql("DROP DATABASE IF EXISTS restored WITH (FORCE); ALTER DATABASE test OWNER TO postgres;", db="postgres")
        cluster.sql("DROP OWNED BY app; DROP ROLE app;")


def test_an_interrupted_drop_is_done_where_a_dump_was_restored(cluster):
    """What the ledger noted of the index is its oid, which is another there."""
    cluster.sql(f"{QUIET}CREATE TABLE t (a int); CREATE INDEX t_a ON t (a); "
                "SELECT migrator.register('1', 'DROP INDEX CONCURRENTLY t_a', irreversible => 'x');")
    blocker = cluster.popen("BEGIN; LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE; SELECT pg_sleep(60);", env={"PGAPPNAME": "blocker"})
    blocking = cluster.backend("blocker")
    deploy = cluster.popen(f"{QUIET}CALL migrator.deploy();", env={"PGAPPNAME": "deploy"})
    cluster.until("SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE application_name = 'deploy' AND NOT granted;", "1")
    cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'deploy';")
    deploy.communicate(timeout=60)
    cluster.sql(f"SELECT pg_terminate_backend({blocking});")
    blocker.communicate(timeout=60)
    contains(cluster.sql("SELECT state, error FROM migrator.status;"), "interrupted during statement 1")
    dump = program(cluster, "pg_dump")
    try:
        emptied(cluster)
        program(cluster, "psql", *PSQL, db="restored", input=dump)
        equal(cluster.sql("SELECT 't_a'::regclass;", "restored"), "t_a")
        cluster.sql(f"{QUIET}CALL migrator.deploy();", "restored")
        equal(cluster.sql("SELECT to_regclass('t_a') IS NULL; SELECT state FROM migrator.status;", "restored"), "t\napplied")
    finally:
        cluster.sql("DROP DATABASE IF EXISTS restored WITH (FORCE);", db="postgres")


def test_a_dump_of_the_first_release_restores_into_this_one(cluster):
    """CREATE EXTENSION in a dump names no version: tables of the old layout are loaded into new ones."""
    old(cluster)
    cluster.sql(f"{SETUP} DELETE FROM slow;")
    cluster.run("CALL migrator.deploy();")
    cluster.sql(f"{QUIET}SELECT migrator.register('3', 'SELECT 1', irreversible => 'x'); CALL migrator.deploy('3'); "
                "CALL migrator.backfill('parts', 'hits = 1', 'hits = 0');")
    log, expected = kept(cluster)
    dump = program(cluster, "pg_dump")
    try:
        emptied(cluster)
        program(cluster, "psql", *PSQL, db="restored", input=dump)
        equal(cluster.sql("SELECT extversion > '0.1.0' FROM pg_extension WHERE extname = 'migrator';", "restored"), "t")
        for (sql, was), (_, now) in zip(expected, kept(cluster, "restored", log)[1]):
            # The first release did not dump how far backfills have come.
            if "migrator.backfills" not in sql:
                equal(now, was, sql)
        refuses(cluster, "restored")
        cluster.sql(f"{QUIET}CALL migrator.deploy();", "restored")
        equal(cluster.sql("SELECT * FROM migrator.verify();", "restored"), "")
    finally:
        cluster.sql("DROP DATABASE IF EXISTS restored WITH (FORCE);", db="postgres")


def test_a_copy_of_the_ledger_alone(cluster):
    """What docs/operations.md says to type before DROP EXTENSION, and what comes of it."""
    log, expected = inhabited(cluster)
    ledger = program(cluster, "pg_dump", "-a", "-n", "migrator")
    cluster.sql(f"{QUIET}DROP EXTENSION migrator; DROP SCHEMA migrator;")
    equal(cluster.sql("SELECT count(*) FROM pg_event_trigger; SELECT count(*) FROM parts; SELECT count(*) FROM pg_namespace WHERE nspname = 'migrator';"),
          "0\n3000\n0")
    cluster.sql(f"{QUIET}CREATE EXTENSION migrator;")
    program(cluster, "psql", *PSQL, input=ledger)
    for (sql, was), (_, now) in zip(expected, kept(cluster, log=log)[1]):
        if "verify" not in sql:
            equal(now, was, sql)
    refuses(cluster)
    finish_backfills(cluster, "test")


def test_it_lives_on_when_a_standby_is_promoted(cluster):
    expected = inhabited(cluster)
    with Standby(cluster) as standby:
        standby.catches_up(cluster)
        standby.sql("SELECT pg_promote();")
        lives(standby, expected)


class Upgraded(Cluster):
    """What pg_upgrade makes of a cluster that is stopped."""

    def __init__(self, before, pg_config):  # pylint: disable=super-init-not-called
        self.name, self.pg_config, self.user = f"{before.name}-upgraded", pg_config, "postgres"
        self.bindir = subprocess.check_output([pg_config, "--bindir"], text=True).strip()
        self.socket = f"{os.path.dirname(before.socket)}/{self.name}"
        self.owner = [] if os.geteuid() else ["setpriv", "--reuid", str(os.stat(before.socket).st_uid), "--regid",
                                              str(os.stat(before.socket).st_gid), "--clear-groups"]
        self._control("destroy")
        self._as_server("mkdir", "-p", self.socket)
        self._as_server("sh", "-c", f"printf %s '{self.bindir}' > '{self.socket}/bin'")
        # From 18 on checksums are on unless one says otherwise.
        checksums = ["--no-data-checksums"] if "--no-data-checksums" in subprocess.check_output([f"{self.bindir}/initdb", "--help"], text=True) else []
        self._as_server(f"{self.bindir}/initdb", "-D", f"{self.socket}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
                        "-N", *checksums)
        self.output = self._as_server(f"{self.bindir}/pg_upgrade", "-b", before.bindir, "-B", self.bindir, "-d", f"{before.socket}/data",
                                      "-D", f"{self.socket}/data", "-U", "postgres", "-s", self.socket, "-p", "54330", "-P", "54331",
                                      cwd=self.socket)
        self._as_server("sh", "-c", f"printf \"listen_addresses = ''\\nport = 54329\\nunix_socket_directories = '{self.socket}'\\nfsync = off\\n\""
                                    f" >> '{self.socket}/data/postgresql.conf'")
        self._control("start")

    def _as_server(self, *command, cwd="/"):
        result = subprocess.run([*self.owner, *command], cwd=cwd, capture_output=True, text=True)
        equal(result.returncode, 0, f"{result.stdout}\n{result.stderr}")
        return result.stdout


def older(cluster):
    """The pg_config of an older server with the extension: MIGRATOR_OLD_PG_CONFIG, or one where tools/setup.sh puts them."""
    named = os.environ.get("MIGRATOR_OLD_PG_CONFIG")
    prefix = os.environ.get("MIGRATOR_PG_PREFIX", "/usr/local/pgsql")
    places = [named] if named else ["/usr/lib/postgresql/15/bin/pg_config", *sorted(glob.glob(f"{prefix}-1[5-7]/bin/pg_config"))]
    for place in places:
        if os.access(place, os.X_OK):
            def says(option):
                return subprocess.check_output([place, option], text=True).strip()  # noqa: B023
            major = int(says("--version").split()[1].split(".")[0])
            if major < cluster.major and os.path.exists(f"{says('--sharedir')}/extension/migrator--{FIRST}--{current(cluster)}.sql"):
                return place
    if named:
        raise AssertionError(f"MIGRATOR_OLD_PG_CONFIG={named} is no older server with this version of the extension")
    return None


def current(cluster):
    return cluster.sql("SELECT default_version FROM pg_available_extensions WHERE name = 'migrator';", db="postgres")


def test_it_lives_on_after_pg_upgrade(cluster):
    pg_config = older(cluster)
    if pg_config is None:
        if cluster.major > 15:
            print("        pg_upgrade was NOT tested: no older server with the extension; name one with MIGRATOR_OLD_PG_CONFIG", flush=True)
        return
    with Cluster(f"{cluster.name}-old", pg_config) as before:
        before.fresh()
        expected = inhabited(before)
        # Late minor releases keep a mark of their own here, which pg_upgrade carries to new servers of before it that do not know
        # it: they refuse every table, whosesoever it is. That is no matter of ours.
        before.sql("SET allow_system_table_mods = on; UPDATE pg_attribute SET attoptions = NULL WHERE attoptions::text LIKE '{pg_attver=%}';")
        before._control("stop")
        with Upgraded(before, cluster.pg_config) as after:
            lives(after, expected)
            healthy(after)


def healthy(cluster):
    for line in cluster.log().splitlines():
        if any(word in line for word in ("TRAP:", "PANIC", "terminated by signal", "leak")):
            raise AssertionError(line)
