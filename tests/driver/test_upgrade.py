"""From the first released version to this one: nothing lost, and the same objects as a fresh installation."""

import hashlib
import os
import re
import subprocess

from extension_objects import differences, objects, same_objects
from harness import ROOT, contains, equal

FIRST = "0.1.0"
RELEASED = f"{ROOT}/sql/released"
QUIET = "SET client_min_messages = error; "

# As long as the table has a row, so that there is time to stop a backfill on its way.
SLOW = """CREATE TABLE public.slow AS SELECT 1 AS a;
CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN IF EXISTS (SELECT FROM public.slow) THEN PERFORM pg_sleep(0.0005); END IF; RETURN new; END';
"""
USE = f"""{QUIET}{SLOW}
CREATE TABLE big (id int PRIMARY KEY, a int, hits int NOT NULL DEFAULT 0);
INSERT INTO big SELECT g, g FROM generate_series(1, 5000) g; ANALYZE big;
CREATE TRIGGER slow BEFORE UPDATE ON big FOR EACH ROW EXECUTE FUNCTION slow();
SELECT migrator.register('1', 'CREATE TABLE one (id int PRIMARY KEY, a int)', down => 'DROP TABLE one');
SELECT migrator.register('2', 'CREATE INDEX CONCURRENTLY one_a ON one (a); ALTER TABLE one ADD b text', irreversible => 'x');
SELECT migrator.register('3', 'SELECT 1; SELECT 1/0', irreversible => 'x');
SELECT migrator.apply('1');
SELECT migrator.set_rule('rename-column', 'off', 'big', reason => 'x');
SELECT migrator.set_rule('drop-table', 'warning', schema => 'public', threshold_rows => 7, reason => 'y');
CREATE TABLE seen_in_the_log (a int);
"""
# All that people read, in an order of its own.
KEPT = [
    "SELECT version, state, applied_at, applied_by, progress, checksum FROM migrator.status ORDER BY version",
    "SELECT h.* FROM migrator.history h ORDER BY attempt",
    "SELECT * FROM migrator.event ORDER BY id",
    "SELECT * FROM migrator.policies ORDER BY id",
    "SELECT id, at, tag, statement, objects, outcome, session_role FROM migrator.ddl_log WHERE tag <> 'ALTER EXTENSION' ORDER BY id",
    "SELECT id, target, state, rows_done, set_clause, settings FROM migrator.backfills ORDER BY id",
    "SELECT problem, object FROM migrator.verify() ORDER BY 1, 2",
]


def old(cluster, db="test"):
    """An empty database with the first release, run by the library of this one."""
    cluster.sql(f"DROP DATABASE IF EXISTS {db} WITH (FORCE);", db="postgres")
    cluster.sql(f"CREATE DATABASE {db};", db="postgres")
    cluster.sql(f"{QUIET}CREATE EXTENSION migrator VERSION '{FIRST}';", db=db)


def kept(cluster, db="test"):
    return [cluster.sql(f"{sql};", db) for sql in KEPT]


def paused_backfill(cluster, db="test"):
    """A backfill of big that has changed some rows; none may be changed twice."""
    call = "CALL migrator.backfill('big', 'hits = hits + 1', NULL, 100, 5);"
    running = cluster.popen(call, db)
    cluster.until("SELECT count(*) > 0 FROM migrator.backfills WHERE rows_done > 0;", "t", db=db)
    cluster.sql("SELECT migrator.pause_backfill(id) FROM migrator.backfills;", db)
    cluster.until("SELECT state FROM migrator.backfills;", "paused", db=db)
    cluster.sql("SELECT pg_terminate_backend(pid) FROM migrator.backfills;", db)
    running.communicate(timeout=60)
    cluster.until("SELECT state FROM migrator.backfills;", "interrupted", db=db)
    cluster.sql("DELETE FROM slow;", db)
    return call


def goes_on(cluster, call, db="test"):
    """The backfill is finished by the same call, and has changed each row once."""
    done = int(cluster.sql("SELECT count(*) FROM big WHERE hits = 1;", db))
    equal(0 < done < 5000, True, f"{done} rows were done")
    cluster.sql("SELECT migrator.alter_backfill(id, target_ms => 1000, batch_rows => 2000), migrator.resume_backfill(id) FROM migrator.backfills;", db)
    cluster.until("SELECT state FROM migrator.backfills;", "done", timeout=300, db=db)
    equal(cluster.sql("SELECT hits, count(*) FROM big GROUP BY 1;", db), "1|5000", call)


def guarded(cluster, db="test"):
    _, err = cluster.run("SET migrator.large_table_rows = 1000;\n\\set VERBOSITY verbose\nCREATE INDEX ON big (a);", db)
    contains(err, "MG001", "[create-index-blocking]")


def sums():
    with open(f"{RELEASED}/SHA256SUMS", encoding="ascii") as file:
        return dict(reversed(line.split()) for line in file)


def test_released_scripts_never_change(_cluster):
    version = subprocess.check_output([f"{ROOT}/tools/package.sh", "version"], text=True).strip()
    known = sums()
    for name, expected in known.items():
        with open(os.path.join(RELEASED, name), "rb") as file:
            equal(hashlib.sha256(file.read()).hexdigest(), expected, f"{name} was released, and is another now")
    # Each version that was released has its sums: of its own script, and of the one that leads to it.
    names = {os.path.basename(name) for name in known}
    for name in os.listdir(RELEASED):
        if name.endswith(".sql"):
            equal(name in names, True, f"{name} is not in SHA256SUMS")
    for name in os.listdir(f"{ROOT}/sql"):
        leads = re.fullmatch(r"migrator--(.+)--(.+)\.sql", name)
        if leads:
            equal(f"migrator--{leads[1]}.sql" in names, True, f"{name} leads from a version that was not released")
            if leads[2] != version:
                equal(name in names, True, f"{name} is not in SHA256SUMS")


def test_the_library_has_every_symbol_of_every_script(cluster):
    library = subprocess.check_output([cluster.pg_config, "--pkglibdir"], text=True).strip() + "/migrator.so"
    exported = {line.split()[-1] for line in subprocess.check_output(["nm", "-D", "--defined-only", library], text=True).splitlines()}
    folder = subprocess.check_output([cluster.pg_config, "--sharedir"], text=True).strip() + "/extension"
    wanted = set()
    for name in os.listdir(folder):
        if re.fullmatch(r"migrator--.*\.sql", name):
            with open(f"{folder}/{name}", encoding="utf-8") as file:
                wanted |= set(re.findall(r"'MODULE_PATHNAME'\s*,\s*'(\w+)'", file.read()))
    equal(len(wanted) > 30, True, "the scripts name few symbols")
    equal(sorted(s for s in wanted if s not in exported or f"pg_finfo_{s}" not in exported), [])


def test_an_update_makes_what_a_fresh_installation_has(cluster):
    old(cluster)
    equal(cluster.sql("SELECT extversion FROM pg_extension WHERE extname = 'migrator';"), FIRST)
    cluster.sql(f"{QUIET}ALTER EXTENSION migrator UPDATE;")
    cluster.fresh("fresh")
    try:
        same_objects(cluster, "test", "fresh")
        # The comparison sees what it is there to see.
        expected, seen = objects(cluster, "test"), set()
        for change in ("CREATE FUNCTION migrator.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                       "GRANT EXECUTE ON FUNCTION migrator.apply(text) TO PUBLIC",
                       "ALTER FUNCTION migrator.apply(text) STABLE",
                       "COMMENT ON FUNCTION migrator.apply(text) IS 'other'",
                       "COMMENT ON COLUMN migrator.status.state IS NULL",
                       "CREATE OR REPLACE FUNCTION migrator.count_findings(findings jsonb) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE "
                       "BEGIN ATOMIC SELECT 'x'; END",
                       "ALTER TABLE migrator.policy ALTER COLUMN action SET DEFAULT 'x'",
                       "ALTER TABLE migrator.policy ADD CONSTRAINT c CHECK (id > 0)",
                       "ALTER TABLE migrator.policy ADD extra int",
                       "CREATE INDEX ON migrator.policy (rule)",
                       "ALTER TABLE migrator.policy DISABLE TRIGGER not_replicated",
                       "ALTER VIEW migrator.runner SET (security_barrier)",
                       "CREATE OR REPLACE VIEW migrator.runner AS SELECT 1 AS pid, NULL::text AS prepared",
                       "ALTER EVENT TRIGGER migrator_guard ENABLE ALWAYS",
                       "ALTER SEQUENCE migrator.attempt_id CACHE 7",
                       "UPDATE pg_extension SET extcondition[1] = 'WHERE false' WHERE extname = 'migrator'",
                       "ALTER EXTENSION migrator DROP VIEW migrator.runner",
                       "CREATE ROLE other_owner; ALTER TABLE migrator.policy OWNER TO other_owner"):
            cluster.sql(f"SET migrator.guard = 'off'; SET allow_system_table_mods = on; {change};", "fresh")
            found = set(differences(expected, objects(cluster, "fresh")))
            equal(bool(found - seen), True, f"the comparison does not see: {change}")
            seen |= found
    finally:
        cluster.sql("DROP DATABASE IF EXISTS fresh WITH (FORCE); DROP ROLE IF EXISTS other_owner;", db="postgres")


def test_what_the_first_release_wrote_stays(cluster):
    old(cluster)
    cluster.sql(USE)
    cluster.run("CALL migrator.deploy();")
    guarded(cluster)
    call = paused_backfill(cluster)
    before = kept(cluster)
    contains(before[0], "1|applied", "2|applied", "3|failed")
    contains(before[-1], "failed or interrupted|3")
    cluster.sql(f"{QUIET}ALTER EXTENSION migrator UPDATE;")
    for sql, was, now in zip(KEPT, before, kept(cluster)):
        equal(now, was, sql)
    guarded(cluster)
    goes_on(cluster, call)
    cluster.sql(f"{QUIET}SELECT migrator.register('3', 'SELECT 1', irreversible => 'x'); CALL migrator.deploy();")
    equal(cluster.sql("SELECT * FROM migrator.verify();"), "")
    equal(cluster.sql("SELECT string_agg(DISTINCT state, ',') FROM migrator.status;"), "applied")
    cluster.sql(f"{QUIET}ALTER TABLE big RENAME a TO renamed;")
    cluster.fresh("fresh")
    try:
        same_objects(cluster, "test", "fresh")
    finally:
        cluster.sql("DROP DATABASE fresh WITH (FORCE);", db="postgres")


def test_rights_given_before_an_update_stay(cluster):
    old(cluster)
    cluster.sql("DROP ROLE IF EXISTS reads, deploys; CREATE ROLE reads; CREATE ROLE deploys; SELECT migrator.grant_read('reads'); "
                "SELECT migrator.grant_deploy('deploys'); GRANT CREATE ON SCHEMA public TO deploys;")
    try:
        cluster.sql(f"{QUIET}ALTER EXTENSION migrator UPDATE;")
        equal(cluster.sql("SET ROLE reads; SELECT count(*) FROM migrator.status; SELECT count(*) FROM migrator.verify(); "
                                "SELECT count(*) > 9 FROM migrator.guard_status();"), "0\n0\nt")
        cluster.sql(f"{QUIET}SET ROLE deploys; SELECT migrator.register('1', 'CREATE TABLE t (a int)', irreversible => 'x'); CALL migrator.deploy();")
        _, err = cluster.run("SET ROLE reads; SELECT migrator.apply();")
        contains(err, "permission denied")
    finally:
        cluster.sql("DROP OWNED BY deploys, reads; DROP ROLE deploys, reads;")


def test_an_update_that_is_rolled_back_changes_nothing(cluster):
    old(cluster)
    cluster.sql(USE)
    before = kept(cluster), objects(cluster, "test")
    cluster.sql(f"{QUIET}BEGIN; ALTER EXTENSION migrator UPDATE; ROLLBACK;")
    equal(cluster.sql("SELECT extversion FROM pg_extension WHERE extname = 'migrator';"), FIRST)
    equal(differences(before[1], objects(cluster, "test")), [])
    equal(kept(cluster), before[0])
    guarded(cluster)
    # In a transaction with other work, in the session that goes on.
    out = cluster.sql(f"{QUIET}BEGIN; ALTER EXTENSION migrator UPDATE; CREATE TABLE beside (a int); SELECT migrator.apply('1'); COMMIT; "
                      "SELECT statement FROM migrator.ddl_log ORDER BY id DESC LIMIT 1;")
    contains(out, "CREATE TABLE beside")
    guarded(cluster)


def test_an_update_while_others_work(cluster):
    """Whoever had begun before is waited for; whoever comes meanwhile runs, and is told that the log could not be written."""
    old(cluster)
    cluster.sql(USE)
    other = subprocess.Popen(cluster._arguments("psql", "test") + ["-XAtq", "-v", "ON_ERROR_STOP=1"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    other.stdin.write("BEGIN; CREATE TABLE others (a int); SELECT count(*) > 0 FROM migrator.status;\n")
    other.stdin.flush()
    equal(other.stdout.readline().strip(), "t")
    update = cluster.popen(f"{QUIET}SET application_name = 'update'; BEGIN; ALTER EXTENSION migrator UPDATE; SELECT 'updated'; SELECT pg_sleep(1); COMMIT;")
    # It has what it needs, or waits for the other.
    cluster.until("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'update' AND wait_event IN ('PgSleep', 'relation');", "1")
    other.stdin.write("COMMIT;\n")
    other.stdin.flush()
    cluster.until("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'update' AND wait_event = 'PgSleep';", "1")
    out, err = cluster.run("CREATE TABLE meanwhile (a int); SELECT count(*) > 0 FROM migrator.status;")
    equal(out, "t")
    contains(err, "WARNING:  a statement could not be written to migrator.ddl_log")
    out, err = update.communicate(timeout=60)
    equal((out.strip(), err), ("updated", ""))
    # The other session goes on with the new version.
    other.stdin.write("CREATE TABLE others_2 (a int); SELECT count(*) FROM migrator.verify();\n")
    out, err = other.communicate(timeout=60)
    equal(err, "")
    equal(cluster.sql("SELECT string_agg(objects[1], ',' ORDER BY id) FROM migrator.ddl_log WHERE objects[1] ~ 'others|meanwhile';"),
          "public.others,public.others_2")
    guarded(cluster)
