"""`SELECT migrator.apply()` of what cannot run in a transaction: a background worker runs it when the caller commits."""

import time

from harness import contains, equal

SETUP = "CREATE TABLE t (a int, b int); INSERT INTO t SELECT g, g FROM generate_series(1, 1000) g; "
LATER = ("-XAtq", "-v", "VERBOSITY=default", "-U", "later")
INDEX = "SELECT migrator.register('1', 'CREATE INDEX CONCURRENTLY t_a ON t (a)', irreversible => 'x');"


def wait(cluster, query, wanted, seconds=20):
    """Until a query says what it should; what it says last, otherwise."""
    end = time.time() + seconds
    while time.time() < end:
        found = cluster.sql(query)
        if found == wanted:
            return
        time.sleep(0.05)
    equal(found, wanted, query)


def no_worker(cluster):
    wait(cluster, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'migrator runner';", "0")


def test_it_runs_after_the_commit_with_what_comes_behind(cluster):
    cluster.sql(SETUP + INDEX + "SELECT migrator.register('0', 'ALTER TABLE t ADD c int', irreversible => 'x');"
                "SELECT migrator.register('2', 'ALTER TABLE t ADD d int', irreversible => 'x');")
    out, err = cluster.run("BEGIN; SELECT migrator.apply(); SELECT state FROM migrator.status WHERE version = '1'; "
                           "SELECT pg_sleep(0.5); SELECT count(*) FROM pg_indexes WHERE indexname = 't_a'; COMMIT;")
    contains(err, 'migration "1" will run in the background when this transaction commits', "CREATE INDEX CONCURRENTLY t_a")
    contains(out, "migration 0 applied", "2 migrations scheduled, from 1", "scheduled")
    equal(out.strip().splitlines()[-1], "0", "nothing happens before the commit")
    wait(cluster, "SELECT string_agg(version || ' ' || state, ', ' ORDER BY version) FROM migrator.status;",
         "0 applied, 1 applied, 2 applied")
    equal(cluster.sql("SELECT string_agg(version || ' ' || outcome || ' ' || runner, ', ' ORDER BY attempt) FROM migrator.history;"),
          "0 applied apply, 1 applied apply, 2 applied apply")
    equal(cluster.sql("SELECT count(*) FROM migrator.verify();"), "0")
    no_worker(cluster)
    equal(cluster.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';"), "0")


def test_a_rollback_runs_nothing(cluster):
    cluster.sql(SETUP + INDEX)
    for end in ("ROLLBACK", "SAVEPOINT s; SELECT migrator.apply(); ROLLBACK TO s; COMMIT", "SELECT 1/0; COMMIT"):
        first = "" if "SAVEPOINT" in end else "SELECT migrator.apply(); "
        cluster.run(f"BEGIN; {first}{end};")
        no_worker(cluster)
        equal(cluster.sql("SELECT state FROM migrator.status;"), "pending", end)
        equal(cluster.sql("SELECT count(*) FROM migrator.history;"), "0", end)
    # A session that dies has rolled back.
    session = cluster.popen("BEGIN; SELECT migrator.apply(); SELECT pg_sleep(60);", env={"PGAPPNAME": "victim"})
    pid = cluster.backend("victim")
    wait(cluster, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'migrator runner';", "1")
    cluster.sql(f"SELECT pg_terminate_backend({pid});")
    session.communicate(timeout=30)
    no_worker(cluster)
    equal(cluster.sql("SELECT state FROM migrator.status;"), "pending")


def test_it_is_the_callers_session(cluster):
    """Role, search_path and settings are the caller's, SET LOCAL included; RESET ROLE leads to the caller's session user."""
    cluster.sql("DROP ROLE IF EXISTS later; DROP ROLE IF EXISTS later_group; CREATE ROLE later LOGIN; CREATE ROLE later_group; "
                "GRANT later_group TO later; CREATE SCHEMA s AUTHORIZATION later_group; "
                "GRANT EXECUTE ON FUNCTION migrator.register, migrator.apply TO later, later_group; "
                "GRANT SELECT ON migrator.status TO later, later_group;")
    script = ("VACUUM pg_class; CREATE TABLE who AS SELECT current_user::text AS r, session_user::text AS s, "
              "current_setting(''work_mem'') AS w, current_setting(''application_name'') AS a, "
              "current_setting(''datestyle'') AS d")
    cluster.sql(f"SELECT migrator.register('1', '{script}', irreversible => 'x');")
    out, err = cluster.run("SET ROLE later_group; SET search_path = s, public; SET datestyle = 'SQL, DMY'; BEGIN; SET LOCAL work_mem = '7MB'; "
                           "SELECT migrator.apply(); COMMIT;", options=LATER, env={"PGAPPNAME": "my app"})
    wait(cluster, "SELECT state FROM migrator.status;", "applied")
    equal(cluster.sql("SELECT * FROM s.who;"), "later_group|later|7MB|my app|SQL, DMY")
    equal(cluster.sql("SELECT applied_by FROM migrator.status;"), "later_group")
    equal(cluster.sql("SELECT session_role, role, application_name FROM migrator.history;"), "later|later_group|my app")
    cluster.sql("SELECT migrator.register('2', 'VACUUM pg_class; RESET ROLE; CREATE TABLE s.up AS SELECT 1', irreversible => 'x');"
                "SELECT migrator.register('3', 'RESET SESSION AUTHORIZATION; VACUUM pg_class; ALTER SYSTEM SET work_mem = 1', irreversible => 'x');")
    cluster.run("SELECT migrator.apply();", options=LATER)
    wait(cluster, "SELECT state FROM migrator.status WHERE version = '3';", "failed")
    contains(cluster.sql("SELECT message FROM migrator.history ORDER BY attempt DESC LIMIT 1;"), "permission denied")
    # A SECURITY DEFINER function lends rights that a new session does not have.
    cluster.sql("SELECT migrator.resolve('3', 'applied', 'enough'); "
                "SELECT migrator.register('4', 'VACUUM pg_class', irreversible => 'x'); CREATE FUNCTION lent() RETURNS text "
                "LANGUAGE sql SECURITY DEFINER AS 'SELECT migrator.apply()'; GRANT EXECUTE ON FUNCTION lent TO later;")
    _, err = cluster.run("SELECT lent();", options=LATER)
    contains(err, 'migration "4" cannot be handed to a background worker', "SECURITY DEFINER", "CALL migrator.deploy('4');")


def test_an_error_is_in_the_ledger(cluster):
    cluster.sql("CREATE TABLE t (a int NOT NULL); INSERT INTO t VALUES (1), (1);"
                "SELECT migrator.register('1', E'CREATE INDEX CONCURRENTLY t_a ON t (a);\\nCREATE UNIQUE INDEX CONCURRENTLY t_u ON t (a)', irreversible => 'x');"
                "SELECT migrator.register('2', 'ALTER TABLE t ADD b int', irreversible => 'x');")
    cluster.sql("SET client_min_messages = error; SELECT migrator.apply();")
    wait(cluster, "SELECT state, progress FROM migrator.status WHERE version = '1';", "failed|1/2")
    contains(cluster.sql("SELECT error FROM migrator.status WHERE version = '1';"), 'could not create unique index "t_u"')
    equal(cluster.sql("SELECT outcome, statement, line, sqlstate, detail FROM migrator.history;"),
          "failed|2|2|23505|Key (a)=(1) is duplicated.")
    equal(cluster.sql("SELECT state FROM migrator.status WHERE version = '2';"), "pending", "what comes behind waits")
    no_worker(cluster)
    # Corrected, it goes on where it stopped.
    cluster.sql("DELETE FROM t WHERE ctid = '(0,2)'; SET client_min_messages = error; SELECT migrator.apply();")
    wait(cluster, "SELECT string_agg(state, ',') FROM migrator.status;", "applied,applied")
    equal(cluster.sql("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND indisvalid;"), "2")


def test_an_error_before_the_first_statement_is_in_the_ledger_too(cluster):
    """The script is changed by hand between the commit and the worker."""
    cluster.sql(SETUP + INDEX)
    runner = cluster.popen("SELECT pg_advisory_lock(1835624306, 1); SELECT pg_sleep(60);", env={"PGAPPNAME": "holder"})
    cluster.backend("holder")
    time.sleep(0.3)
    _, err = cluster.run("SELECT migrator.apply();")
    contains(err, "another session is running migrations")
    runner.kill(), runner.communicate()
    cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder';")
    wait(cluster, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';", "0")
    cluster.sql("BEGIN; SET client_min_messages = error; SELECT migrator.apply(); "
                "UPDATE migrator.migration SET up = up || ' '; COMMIT;")
    wait(cluster, "SELECT state FROM migrator.status;", "failed")
    contains(cluster.sql("SELECT error FROM migrator.status;"), "MG014", "was changed")


def test_a_prepared_transaction_counts_when_it_commits(cluster):
    cluster.sql(SETUP + INDEX)
    cluster.sql("SET client_min_messages = error; BEGIN; SELECT migrator.apply(); PREPARE TRANSACTION 'later';")
    time.sleep(0.5)
    equal(cluster.sql("SELECT count(*) FROM pg_indexes WHERE indexname = 't_a';"), "0")
    cluster.sql("COMMIT PREPARED 'later';")
    wait(cluster, "SELECT state FROM migrator.status;", "applied")


def test_a_worker_that_dies_leaves_a_run_to_go_on_with(cluster):
    cluster.sql(SETUP + "SELECT migrator.register('1', 'CREATE INDEX CONCURRENTLY t_a ON t (a); SELECT pg_sleep(60)', irreversible => 'x');")
    cluster.sql("SET client_min_messages = error; SELECT migrator.apply();")
    wait(cluster, "SELECT progress FROM migrator.status WHERE state = 'running';", "1/2")
    pid = cluster.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'migrator runner';")
    cluster.sql(f"SELECT pg_terminate_backend({pid});")
    no_worker(cluster)
    equal(cluster.sql("SELECT state, error FROM migrator.status;"), "failed|interrupted; run it again")
    equal(cluster.sql("SELECT outcome FROM migrator.history;"), "interrupted")
    cluster.sql("SELECT migrator.register('1', 'CREATE INDEX CONCURRENTLY t_a ON t (a); SELECT 1', irreversible => 'x');"
                "SET client_min_messages = error; SELECT migrator.apply();")
    wait(cluster, "SELECT state FROM migrator.status;", "applied")
    # A cancel is an error of the statement.
    cluster.sql("SELECT migrator.register('2', 'VACUUM t; SELECT pg_sleep(60)', irreversible => 'x');"
                "SET client_min_messages = error; SELECT migrator.apply();")
    wait(cluster, "SELECT progress FROM migrator.status WHERE state = 'running';", "1/2")
    cluster.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'migrator runner';")
    wait(cluster, "SELECT state, error FROM migrator.status WHERE version = '2';",
         "failed|57014: canceling statement due to user request")


def test_two_runs_after_one_another(cluster):
    """deploy comes first: the worker finds nothing to do."""
    cluster.sql(SETUP + INDEX)
    caller = cluster.popen("SET client_min_messages = error; BEGIN; SELECT migrator.apply(); SELECT pg_sleep(1.5); COMMIT;",
                           env={"PGAPPNAME": "caller"})
    cluster.backend("caller")
    time.sleep(0.3)
    deploys = [cluster.popen("SET client_min_messages = error; CALL migrator.deploy();") for _ in range(3)]
    for process in (caller, *deploys):
        equal(process.communicate(timeout=60)[1].strip(), "")
    wait(cluster, "SELECT state FROM migrator.status;", "applied")
    no_worker(cluster)
    equal(cluster.sql("SELECT count(*) FROM migrator.history WHERE outcome = 'applied';"), "1")
    equal(cluster.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid;"), "0")


def test_a_script_that_was_handed_over_is_not_replaced_by_another(cluster):
    """While the worker waits for its turn, somebody else registers something for its version: nobody has handed that over."""
    cluster.sql(SETUP + INDEX + "DROP ROLE IF EXISTS replaces; CREATE ROLE replaces; SELECT migrator.grant_deploy('replaces'); "
                "DROP ROLE IF EXISTS looks; CREATE ROLE looks; SELECT migrator.grant_read('looks');")
    caller = cluster.popen("BEGIN; SELECT migrator.apply(); SELECT pg_sleep(4); COMMIT;", env={"PGAPPNAME": "caller"})
    cluster.backend("caller")
    wait(cluster, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted;", "1")
    # It comes before the worker, as a run that takes long.
    other = cluster.popen("SELECT pg_advisory_lock(1835624306, 1); SELECT pg_sleep(60);", env={"PGAPPNAME": "other"})
    pid = cluster.backend("other")
    wait(cluster, f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = {pid};", "1")
    caller.communicate(timeout=30)
    wait(cluster, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'migrator runner';", "1")
    equal(cluster.sql(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = {pid} AND objid = 1;"), "1")
    # Also for whoever does not see what other roles' backends are.
    equal(cluster.sql("SET ROLE looks; SELECT state, error FROM migrator.status; SELECT outcome FROM migrator.history;"), "scheduled|\nscheduled")
    cluster.sql("SET ROLE replaces; SET client_min_messages = error; "
                "SELECT migrator.register('1', 'VACUUM t; CREATE ROLE hacked SUPERUSER', irreversible => 'x');")
    equal(cluster.sql("SELECT state FROM migrator.status; SELECT outcome FROM migrator.history;"), "pending\nsuperseded")
    cluster.sql(f"SELECT pg_terminate_backend({pid});")
    other.communicate(timeout=30)
    no_worker(cluster)
    equal(cluster.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'hacked'; SELECT state FROM migrator.status;"), "0\npending")
    cluster.sql("DROP OWNED BY replaces, looks; DROP ROLE replaces, looks;")
