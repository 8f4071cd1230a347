"""Many at once."""

import time

from harness import contains, equal


def test_ten_deploys_apply_each_migration_once(cluster):
    cluster.sql("CREATE TABLE once (n int); CREATE TABLE c (a int); INSERT INTO c SELECT generate_series(1, 20000);")
    for n in range(8):
        script = "CREATE INDEX CONCURRENTLY ON c (a)" if n % 3 == 1 else f"INSERT INTO once VALUES ({n})"
        cluster.sql(f"SELECT migrator.register('{n}', '{script}', irreversible => 'x');")
    deploys = [cluster.popen("CALL migrator.deploy();") for _ in range(10)]
    errors = [process.communicate(timeout=120)[1] for process in deploys]
    for text in errors:
        if "ERROR" in text or "lock of type" in text:
            raise AssertionError(text)
    contains("\n".join(errors), "waiting for another run of migrations: process")
    equal(cluster.sql("SELECT count(*), count(DISTINCT n) FROM once;"), "5|5")
    equal(cluster.sql("SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indrelid = 'c'::regclass;"), "3|t")
    equal(cluster.sql("SELECT count(*) FROM migrator.history WHERE outcome = 'applied';"), "8")


def test_the_guard_never_waits(cluster):
    """Refused at once while another session holds ACCESS EXCLUSIVE: the guard looks without queueing."""
    cluster.sql("CREATE TABLE held (id int PRIMARY KEY, t text); INSERT INTO held SELECT g, g FROM generate_series(1, 5000) g; "
                "CREATE TABLE parts (id int) PARTITION BY RANGE (id); CREATE TABLE part1 PARTITION OF parts DEFAULT; "
                "INSERT INTO parts SELECT generate_series(1, 5000); "
                "CREATE TABLE free (id int) PARTITION BY RANGE (id); CREATE TABLE loose AS SELECT generate_series(6000, 11000) AS id; "
                "CREATE TABLE fast AS SELECT generate_series(1, 5000) AS id; CREATE TABLE proven AS SELECT generate_series(1, 5000) AS id; "
                "ALTER TABLE proven ADD CHECK (id IS NOT NULL AND id BETWEEN 1 AND 5000); "
                "CREATE DOMAIN used AS int; CREATE TABLE uses AS SELECT g::used AS a FROM generate_series(1, 5000) g;")
    holder = cluster.popen("BEGIN; LOCK TABLE held, parts, fast, proven, uses IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(20);", env={"PGAPPNAME": "holder"})
    pid = cluster.backend("holder")
    time.sleep(0.2)
    begun = time.time()
    for statement, parts in (("CREATE INDEX ON held (t)", ["create-index-blocking", "CONCURRENTLY ON public.held USING btree (t);"]),
                             ("CREATE INDEX ON held (lower(t))", ["create-index-blocking", "CONCURRENTLY behind INDEX"]),
                             ("CREATE INDEX ON parts (id)", ["create-index-blocking", "CONCURRENTLY part1_id_idx"]),
                             ("ALTER TABLE held ADD x int NOT NULL", ["add-column-not-null", "locked"]),
                             ("ALTER TABLE parts ATTACH PARTITION loose FOR VALUES FROM (6000) TO (12000)", ["attach-partition", "locked"]),
                             ("ALTER TABLE free ATTACH PARTITION fast FOR VALUES FROM (0) TO (6000)", ["attach-partition", "(id >= 0) AND (id < 6000)"]),
                             ("SET lock_timeout = 100; ALTER TABLE free ATTACH PARTITION proven FOR VALUES FROM (0) TO (6000)", ["lock timeout"]),
                             ("CREATE TABLE part2 PARTITION OF parts FOR VALUES FROM (6000) TO (7000)", ["create-partition-scans-default", "locked"]),
                             ("ALTER DOMAIN used ADD CHECK (value > 0)", ["alter-domain-constraint"])):
        _, err = cluster.run(f"SET migrator.large_table_rows = 1000; {statement};")
        contains(err, *parts)
    # Each in a session of its own; the holder keeps its locks for 20 seconds.
    if time.time() - begun > 10:
        raise AssertionError("the guard waited")
    cluster.sql(f"SELECT pg_terminate_backend({pid});")
    holder.communicate()


def test_readers_pass_a_waiting_migration(cluster):
    """A migration that cannot have its lock steps back every migrator.lock_timeout, and then succeeds."""
    cluster.sql("CREATE TABLE q (a int); SELECT migrator.register('1', 'ALTER TABLE q ADD b int', irreversible => 'x');")
    holder = cluster.popen("BEGIN; SELECT * FROM q; SELECT pg_sleep(3);", env={"PGAPPNAME": "holder"})
    cluster.backend("holder")
    deploy = cluster.popen("SET migrator.lock_timeout = '200ms'; CALL migrator.deploy();", env={"PGAPPNAME": "victim"})
    cluster.backend("victim")
    reads = 0
    while deploy.poll() is None:
        cluster.sql("SET statement_timeout = '2s'; SELECT * FROM q;")
        reads += 1
    _, err = deploy.communicate()
    contains(err, "canceling statement due to lock timeout; retry 1 of 60", "In the way:", "SELECT * FROM q", "migration 1 applied")
    contains(err, '(role "postgres", holder) for 0:00:0')
    if reads < 3:
        raise AssertionError(f"only {reads} reads came through")
    holder.communicate()


def test_whoever_is_in_the_way_is_named(cluster):
    """By deploy, in DETAIL, with what ends them; by apply, where to look."""
    cluster.sql("CREATE TABLE q (a int); SELECT migrator.register('1', 'CREATE TABLE first (a int); ALTER TABLE q ADD b int', irreversible => 'x');")
    holder = cluster.popen("BEGIN; SELECT * FROM q; SELECT pg_sleep(60);", env={"PGAPPNAME": "holder"})
    pid = cluster.backend("holder")
    settings = "SET migrator.lock_timeout = '100ms'; SET migrator.lock_retries = 1; SET migrator.guard = 'off'; "
    _, err = cluster.run(settings + "CALL migrator.deploy();")
    contains(err, "ERROR:  canceling statement due to lock timeout", f'DETAIL:  In the way:\nprocess {pid} (role "postgres", holder) for 0:00:0',
             f"SELECT pg_cancel_backend({pid});", 'migration "1", statement 2 of 2')
    _, err = cluster.run(settings + "SELECT migrator.apply();")
    contains(err, "ERROR:  canceling statement due to lock timeout", "SELECT statement, waits_for FROM migrator.plan('1');")
    contains(cluster.sql(settings + "SELECT statement, waits_for FROM migrator.plan('1') WHERE waits_for IS NOT NULL;"),
             f"2|process {pid}")
    cluster.sql(f"SELECT pg_terminate_backend({pid});")
    holder.communicate()


def test_a_concurrent_build_survives_a_deadlock(cluster):
    """Another session wants what the build has, and the build waits for that session: the build is the one that gives way."""
    cluster.sql("CREATE TABLE d (a int); SELECT migrator.register('1', 'CREATE INDEX CONCURRENTLY d_a ON d (a)', irreversible => 'x');")
    other = cluster.popen("SET deadlock_timeout = '60s'; BEGIN; INSERT INTO d VALUES (1); SELECT pg_sleep(1); "
                          "LOCK TABLE d IN SHARE UPDATE EXCLUSIVE MODE; COMMIT;", env={"PGAPPNAME": "other"})
    cluster.backend("other")
    _, err = cluster.run("SET deadlock_timeout = '2s'; CALL migrator.deploy();")
    equal(other.communicate(timeout=30)[1], "")
    contains(err, "deadlock detected; it is begun anew", "dropping invalid index public.d_a", "migration 1 applied")
    equal(cluster.sql("SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indrelid = 'd'::regclass;"), "1|t")


def test_simultaneous_backfills_change_each_row_once(cluster):
    cluster.sql("CREATE TABLE twice (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO twice SELECT generate_series(1, 3000);")
    # Widens the window between looking for a run and storing one.
    holder = cluster.popen("BEGIN; LOCK TABLE migrator.backfill_run IN SHARE MODE; SELECT pg_sleep(1);", env={"PGAPPNAME": "holder"})
    cluster.backend("holder")
    calls = [cluster.popen("CALL migrator.backfill('twice', 'n = n + 1', NULL, 100);") for _ in range(4)]
    errors = [process.communicate(timeout=60)[1] for process in calls]
    holder.communicate()
    for text in errors:
        if "ERROR" in text:
            contains(text, "is running already")
    # A call that came when the first was done is a new run, rightly; none ran at the same time as another.
    done = sum("done: 3000 rows" in text for text in errors)
    equal(cluster.sql("SELECT min(n), max(n) FROM twice;"), f"{done}|{done}")
    equal(cluster.sql("SELECT count(*) FROM migrator.backfills WHERE state = 'done';"), str(done))


def test_apply_never_waits_without_end(cluster):
    """Its snapshot would hold up the concurrent build of whoever has the lock, and nobody could detect that."""
    cluster.sql("SELECT migrator.register('1', 'SELECT pg_sleep(4)', irreversible => 'x');")
    deploy = cluster.popen("CALL migrator.deploy();", env={"PGAPPNAME": "victim"})
    cluster.backend("victim")
    time.sleep(0.2)
    _, err = cluster.run("SET migrator.lock_timeout = 0; SELECT migrator.apply();")
    contains(err, "another session is running migrations")
    deploy.communicate()


def test_a_lock_given_away_by_a_script(cluster):
    """pg_advisory_unlock_all() in a migration lets a second deploy in; still nothing is done twice."""
    cluster.sql("CREATE TABLE given (a int); SELECT migrator.register('1', 'SELECT pg_advisory_unlock_all(); VACUUM given; "
                "SELECT pg_sleep(1); INSERT INTO given VALUES (1); VACUUM given', irreversible => 'x');")
    first = cluster.popen("CALL migrator.deploy();", env={"PGAPPNAME": "victim"})
    cluster.backend("victim")
    time.sleep(0.4)
    second = cluster.popen("CALL migrator.deploy();")
    errors = first.communicate(timeout=60)[1] + second.communicate(timeout=60)[1]
    equal(cluster.sql("SELECT count(*) FROM given;"), "1")
    contains(errors, "another session goes on with migration")
    cluster.run("CALL migrator.deploy();")
    equal(cluster.sql("SELECT state FROM migrator.status;"), "applied")


def test_a_replaced_script_is_not_credited_with_the_old_one(cluster):
    """While one migration runs, the next is still pending and may be corrected: the corrected text is what runs."""
    cluster.sql("CREATE TABLE seen (n int); SELECT migrator.register('1', 'SELECT pg_sleep(1)', irreversible => 'x'); "
                "SELECT migrator.register('2', 'INSERT INTO seen VALUES (0); VACUUM seen', irreversible => 'x');")
    deploy = cluster.popen("CALL migrator.deploy();", env={"PGAPPNAME": "victim"})
    cluster.backend("victim")
    time.sleep(0.2)
    cluster.sql("SELECT migrator.register('2', 'INSERT INTO seen VALUES (1); VACUUM seen', irreversible => 'x');")
    _, err = cluster.run("SELECT migrator.register('1', 'SELECT 2', irreversible => 'x');")
    contains(err, 'migration "1" is being applied')
    _, err = deploy.communicate(timeout=60)
    contains(err, "2 migrations applied")
    equal(cluster.sql("SELECT n FROM seen; SELECT string_agg(state, ',') FROM migrator.status;"), "1\napplied,applied")


def test_interrupted_is_not_running_because_another_is(cluster):
    cluster.sql("SELECT migrator.register('1', 'SELECT pg_sleep(2)', irreversible => 'x'); "
                "SELECT migrator.register('2', 'SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(1)', irreversible => 'x');")
    cluster.sql("UPDATE migrator.migration SET state = 'applied' WHERE version = '1';")
    cluster.run("CALL migrator.deploy();")
    cluster.sql("UPDATE migrator.migration SET state = 'pending' WHERE version = '1';")
    deploy = cluster.popen("CALL migrator.deploy('1');", env={"PGAPPNAME": "victim"})
    cluster.backend("victim")
    time.sleep(0.3)
    equal(cluster.sql("SELECT string_agg(version || state, ',') FROM migrator.status;"), "1running,2failed")
    deploy.communicate()


def test_registering_what_another_session_holds_is_told(cluster):
    cluster.sql("SELECT migrator.register('1', 'SELECT 1', irreversible => 'x');")
    for held in ("SELECT migrator.apply()", "SELECT migrator.register('2', 'SELECT 2', irreversible => 'x')"):
        holder = cluster.popen(f"BEGIN; {held}; SELECT pg_sleep(60);", env={"PGAPPNAME": "holder"})
        pid = cluster.backend("holder")
        version = "2" if "'2'" in held else "1"
        cluster.until(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND query LIKE '%pg_sleep%' AND wait_event = 'PgSleep';", "1")
        out, err = cluster.run(f"SET migrator.lock_timeout = '200ms'; SELECT migrator.register('{version}', 'SELECT 3', irreversible => 'y'); "
                               "SHOW lock_timeout;")
        contains(err, f'migration "{version}" is held by another session', "still open", "FROM pg_stat_activity")
        equal(out.splitlines()[-1], "0", "the session's own limit")
        cluster.sql(f"SELECT pg_terminate_backend({pid});")
        holder.communicate(timeout=30)


def test_a_prepared_transaction_that_holds_the_lock_is_named(cluster):
    """No session can be ended to release it; also after a restart, when no session has made it."""
    cluster.sql("SELECT migrator.register('1', 'CREATE TABLE prepared (a int)', irreversible => 'x');"
                "SET client_min_messages = error; BEGIN; SELECT migrator.apply(); PREPARE TRANSACTION 'it''s'; ")
    for restarted in (False, True):
        if restarted:
            cluster.crash()
            cluster.start()
        equal(cluster.sql("SELECT pid, prepared FROM migrator.runner;"), "|it's")
        told = "prepared transaction \"it's\" of role \"postgres\" has held the lock for"
        _, err = cluster.run("SET migrator.lock_timeout = '50ms'; SELECT migrator.apply();")
        contains(err, "another session is running migrations", told, "ROLLBACK PREPARED 'it''s';", "COMMIT PREPARED 'it''s';")
        deploy = cluster.popen("CALL migrator.deploy();", env={"PGAPPNAME": "victim"})
        cluster.backend("victim")
        time.sleep(0.3)
        cluster.sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'victim';")
        contains(deploy.communicate(timeout=30)[1], "waiting for another run of migrations", told, "ROLLBACK PREPARED 'it''s';")
    cluster.sql("ROLLBACK PREPARED 'it''s'; SET client_min_messages = error; CALL migrator.deploy();")
    equal(cluster.sql("SELECT state FROM migrator.status; SELECT count(*) FROM migrator.runner;"), "applied\n0")
