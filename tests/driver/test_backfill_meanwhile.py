"""Backfills while others lock rows and tables, write late or without end, and change the table."""

from harness import contains, equal
from test_backfill_steering import FAST, begin

CALL = "CALL migrator.backfill('t', 'dst = src, hits = hits + 1', 'dst IS NULL', 200);"
ONCE = "CALL migrator.backfill('t', 'hits = hits + 1', NULL, 200);"
STATE = "SELECT state FROM migrator.backfills;"
LEFT = "SELECT count(*) FILTER (WHERE dst IS DISTINCT FROM src), count(*) FILTER (WHERE hits <> 1) FROM t;"


def table(cluster, rows=20000, each=None):
    cluster.sql(f"CREATE TABLE t (id int PRIMARY KEY, src int, dst int, hits int NOT NULL DEFAULT 0, pad text); "
                f"INSERT INTO t SELECT g, g, NULL, 0, repeat('x', 80) FROM generate_series(1, {rows}) g; ANALYZE t;")
    if each:
        cluster.sql(f"CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep({each}); RETURN new; END'; "
                    "CREATE TRIGGER slow BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION slow();")


def hold(cluster, sql):
    """A session that keeps what it has until it is terminated, which rolls back."""
    process = cluster.popen(f"BEGIN; {sql} SELECT pg_sleep(120);", env={"PGAPPNAME": "holder"})
    cluster.until("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holder' AND wait_event = 'PgSleep';", "1")
    return process


def let_go(cluster, process):
    cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder';")
    process.communicate(timeout=60)


def test_a_locked_row_is_left_until_the_others_are_changed(cluster):
    table(cluster)
    holder = hold(cluster, "SELECT id FROM t WHERE id IN (777, 9000) FOR UPDATE;")
    backfill = cluster.popen(CALL)
    cluster.until("SELECT count(*) FROM t WHERE dst IS NULL;", "2")
    cluster.until("SELECT waiting_for = '2 rows that others have locked' FROM migrator.backfills;", "t")
    equal(cluster.sql(STATE), "running")
    let_go(cluster, holder)
    contains(backfill.communicate(timeout=60)[1], "done: 20000 rows")
    equal(cluster.sql(LEFT), "0|0")


def test_a_row_that_stays_locked_ends_in_an_error_that_says_so(cluster):
    table(cluster)
    holder = hold(cluster, "SELECT id FROM t WHERE id = 777 FOR UPDATE;")
    settings = "SET migrator.lock_retries = 2; SET migrator.lock_timeout = '100ms'; "
    _, err = cluster.run(settings + CALL)
    contains(err, "1 row still matches", "Other sessions keep 1 of them locked; one has (id) = (777).", "The same call goes on")
    equal(cluster.sql(LEFT + STATE), "1|1\nfailed")
    # Without a condition nobody would find the row again, so it is not left.
    _, err = cluster.run(settings + ONCE)
    contains(err, "canceling statement due to lock timeout")
    let_go(cluster, holder)
    contains(cluster.run(CALL)[1], "going on with backfill 1", "done: 20000 rows")
    contains(cluster.run(ONCE)[1], "going on with backfill 2", "done: 20000 rows")
    equal(cluster.sql("SELECT hits, count(*) FROM t GROUP BY 1;"), "2|20000")


def test_a_locked_table_is_waited_for(cluster):
    table(cluster)
    for call, times in ((CALL, 1), (ONCE, 2)):
        holder = hold(cluster, "LOCK TABLE t;")
        # Its checks before the first row wait like any statement of the caller.
        backfill = cluster.popen(f"SET lock_timeout = 0; {call}")
        cluster.until("SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND NOT granted;", "1")
        let_go(cluster, holder)
        contains(backfill.communicate(timeout=60)[1], "done: 20000 rows")
        equal(cluster.sql("SELECT hits, count(*) FROM t GROUP BY 1;"), f"{times}|20000")


def test_a_table_that_is_locked_in_the_middle_is_waited_for(cluster):
    """Who cannot have the table must not take its rows for locked ones and leave them."""
    table(cluster, 3000, 0.002)
    for call in (CALL.replace("200", "20"), ONCE.replace("200", "20").replace("hits = hits + 1", "hits = hits + 10")):
        backfill = cluster.popen(call, env={"PGAPPNAME": "victim"})
        cluster.until("SELECT rows_done > 20 FROM migrator.backfills WHERE state = 'running';", "t")
        holder = hold(cluster, "LOCK TABLE t;")
        # In a batch it steps back and tries again; between two it waits, with nothing in hand.
        cluster.until("SELECT waiting_for ~ 'Lock: relation|lock timeout; retry' FROM migrator.backfills WHERE state = 'running';", "t")
        let_go(cluster, holder)
        cluster.sql("SET lock_timeout = 0; ALTER TABLE t DISABLE TRIGGER slow;")
        contains(backfill.communicate(timeout=60)[1], "done: 3000 rows")
        cluster.sql("ALTER TABLE t ENABLE TRIGGER slow;")
    equal(cluster.sql("SELECT hits, count(*) FROM t GROUP BY 1;"), "11|3000")
    equal(cluster.sql("SELECT sum(rows_skipped), sum(sweep) FROM migrator.backfill_range r, migrator.backfill_run;"), "0|0")


def test_who_waits_for_a_lock_heeds_what_people_want(cluster):
    """A batch that gets no lock, and a range that cannot be cut, do not make a backfill deaf; nor does a short lock_timeout end it."""
    table(cluster, 3000, 0.002)
    for workers, call in ((1, CALL), (2, CALL)):
        call = "SET lock_timeout = '5ms'; " + call.replace("200)", f"20, workers => {workers})")
        backfill = cluster.popen(call)
        cluster.until("SELECT rows_done > 20 FROM migrator.backfills WHERE state = 'running';", "t")
        holder = hold(cluster, "LOCK TABLE t;")
        cluster.until("SELECT waiting_for ~ 'lock timeout; retry' FROM migrator.backfills;", "t")
        cluster.sql("SELECT migrator.cancel_backfill(1);")
        contains(backfill.communicate(timeout=60)[1], "backfill 1 of public.t was cancelled", "By postgres at ")
        equal(cluster.sql("SELECT state, workers FROM migrator.backfills;"), "cancelled|0")
        let_go(cluster, holder)
    cluster.sql(FAST.replace("ON slow", "ON t"))
    contains(cluster.run("SET lock_timeout = '5ms'; " + CALL)[1], "going on with backfill 1", "done: 3000 rows")
    equal(cluster.sql(LEFT), "0|0")


def test_a_deadlock_is_never_the_others_loss(cluster, settings=""):
    """They lock rows in the other order; the backfill steps back before Postgres looks for a deadlock and picks one of the two."""
    table(cluster, 400, 0.005)
    writer = ("DO $$BEGIN FOR i IN 1..200 LOOP UPDATE t SET pad = pad WHERE id = 90; PERFORM pg_sleep(0.02); UPDATE t SET pad = pad WHERE id = 10; "
              "COMMIT; EXIT WHEN (SELECT hits FROM t WHERE id = 390) > 0; END LOOP; END$$;")
    cluster.sql("ALTER TABLE t DISABLE TRIGGER slow; CREATE TRIGGER only_ours BEFORE UPDATE OF hits ON t FOR EACH ROW EXECUTE FUNCTION slow();")
    backfill = cluster.popen(f"{settings} SET migrator.lock_timeout = '5s'; {ONCE.replace('200)', '100, target_ms => 2000)')}")
    cluster.until("SELECT count(*) FROM migrator.backfills WHERE state = 'running';", "1")
    others = [cluster.popen(writer) for _ in range(2)]
    for process in others:
        equal(process.communicate(timeout=100)[1], "", "what the others met")
    contains(backfill.communicate(timeout=100)[1], "done: 400 rows")
    equal(cluster.sql("SELECT hits, count(*) FROM t GROUP BY 1;"), "1|400")


def test_a_row_without_a_key_that_never_rests_is_changed_in_the_end(cluster):
    """It is not where it was found any more whenever it is to be changed; that is no sign of a trigger or a policy."""
    cluster.sql("CREATE TABLE t (src int, dst int, n int DEFAULT 0, pad text DEFAULT repeat('x', 500)); INSERT INTO t SELECT g FROM generate_series(1, 3000) g; ANALYZE t;")
    writer = cluster.popen("DO $$BEGIN LOOP UPDATE t SET n = n + 1 WHERE src = 1500; COMMIT; END LOOP; END$$;", env={"PGAPPNAME": "writer"})
    for _ in range(5):
        contains(cluster.run("CALL migrator.backfill('t', 'dst = src', 'dst IS NULL');")[1], "done: ")
        equal(cluster.sql("SELECT count(*) FROM t WHERE dst IS DISTINCT FROM src;"), "0")
        cluster.sql("UPDATE t SET dst = NULL WHERE src < 1500; UPDATE t SET dst = NULL WHERE src >= 1500;")
    cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'writer';")
    writer.communicate(timeout=60)


def test_ddl_gets_through_during_a_backfill(cluster):
    table(cluster, 3000, 0.005)
    backfill, _ = begin(cluster, CALL.replace("200)", "20, workers => 2)"))
    cluster.sql("SET lock_timeout = '30s'; ALTER TABLE t ADD COLUMN new int;")
    equal(cluster.sql(STATE), "running")
    cluster.sql("SET lock_timeout = '30s'; " + FAST.replace("ON slow", "ON t"))
    contains(backfill.communicate(timeout=60)[1], "done: 3000 rows")
    equal(cluster.sql(LEFT), "0|0")


def test_a_batch_that_ends_as_its_time_is_over_ends_nothing_else(cluster):
    """The cancel of a batch that has ended by itself in the same instant strikes nothing that comes later."""
    table(cluster, 2500, "CASE WHEN random() < 0.3 THEN 0.0044 + random() * 0.0015 ELSE 0 END")
    for call in (CALL.replace("200", "5, target_ms => 2"), ONCE.replace("200", "5, target_ms => 2")):
        contains(cluster.run(call)[1], "done: 2500 rows")
    equal(cluster.sql("SELECT hits, count(*) FROM t GROUP BY 1;"), "2|2500")


def test_statement_timeout_counts_for_each_batch(cluster):
    table(cluster, 300, 0.007)
    for call in (CALL.replace("200", "10"), ONCE.replace("200", "10")):
        contains(cluster.run(f"SET statement_timeout = '1s'; {call}")[1], "done: 300 rows")
    equal(cluster.sql("SELECT count(*) FROM migrator.backfills WHERE finished_at - started_at > '1.5s';"), "2", "they took longer")
    equal(cluster.sql("SELECT hits, count(*) FROM t GROUP BY 1;"), "2|300")
    # Of the session, it is what it was.
    contains(cluster.run(f"SET statement_timeout = '200ms'; {ONCE}\nSELECT pg_sleep(5);")[1], "canceling statement due to statement timeout")


def test_rows_below_the_cursor_that_commit_late_are_found(cluster):
    for walk in ("key", "physical"):
        cluster.sql("DROP TABLE IF EXISTS t; DROP FUNCTION IF EXISTS slow;")
        cluster.forget_backfills()
        table(cluster, 2000, 0.001)
        late = cluster.popen("BEGIN; INSERT INTO t SELECT -g, g FROM generate_series(1, 50) g; INSERT INTO t SELECT 9000 + g, g FROM generate_series(1, 50) g;"
                             "DO $$ BEGIN LOOP EXIT WHEN (SELECT max(rows_done) > 500 FROM migrator.backfills); "
                             "PERFORM pg_sleep(0.01); END LOOP; END $$; COMMIT;", env={"PGAPPNAME": "late"})
        cluster.backend("late")
        backfill, _ = begin(cluster, CALL.replace("200)", f"20, walk => '{walk}')"))
        equal(late.communicate(timeout=60)[1], "")
        contains(backfill.communicate(timeout=60)[1], "done: 2100 rows")
        equal(cluster.sql(LEFT), "0|0", walk)


def test_inserts_do_not_keep_a_backfill_from_ending(cluster):
    table(cluster, 5000)
    inserts = ("DO $$ BEGIN FOR i IN 1..1000000 LOOP INSERT INTO t SELECT {key} + i * 20 + g, g, {dst} FROM generate_series(1, 20) g; "
               "COMMIT; PERFORM pg_sleep(0.02); END LOOP; END $$;")
    for dst, call in (("g", CALL), ("NULL", ONCE), ("NULL", CALL.replace("dst = src", "dst = src + 0"))):
        key = cluster.sql("SELECT max(id) FROM t;")
        writer = cluster.popen(inserts.format(key=key, dst=dst), env={"PGAPPNAME": "holder"})
        cluster.backend("holder")
        _, err = cluster.run(call)
        equal(writer.poll(), None, "they are still being inserted")
        let_go(cluster, writer)
        # Rows that keep matching may never be over; then it is said who could help.
        if dst == "g" or call == ONCE or "ERROR" not in err:
            contains(err, "done: ")
        else:
            contains(err, "keep appearing", "Let writers fill the column themselves")
        missed = cluster.sql("SELECT count(*) FROM t WHERE id <= 5000 AND (dst IS DISTINCT FROM src OR hits NOT IN (1, 2));")
        equal(missed, "0", call)


def paused(cluster, call, rows=2000):
    """A backfill in its middle, where it holds nothing."""
    backfill, _ = begin(cluster, call)
    cluster.sql("SELECT migrator.pause_backfill(max(id)) FROM migrator.backfills;")
    cluster.until("SELECT waiting_for LIKE '%paused%' FROM migrator.backfills ORDER BY id DESC LIMIT 1;", "t")
    equal(cluster.sql(f"SELECT rows_done < {rows} FROM migrator.backfills ORDER BY id DESC LIMIT 1;"), "t", "it is in the middle")
    return backfill


def resumed(cluster, backfill):
    cluster.sql("SELECT migrator.resume_backfill(max(id)) FROM migrator.backfills;")
    return backfill.communicate(timeout=60)[1]


def test_a_table_is_rewritten_emptied_or_dropped_during_a_backfill(cluster):
    small, once = CALL.replace("200", "20"), ONCE.replace("200", "20")
    for call in (small, once):
        for change in ("DELETE FROM t WHERE id % 3 = 0; VACUUM FULL t;", "CLUSTER t USING by_src;", "TRUNCATE t;",
                       "TRUNCATE t; INSERT INTO t SELECT g, g FROM generate_series(1, 900) g;", "DROP TABLE t;"):
            cluster.sql("DROP TABLE IF EXISTS t; DROP FUNCTION IF EXISTS slow;")
            cluster.forget_backfills()
            table(cluster, 2000, 0.002)
            cluster.sql("CREATE INDEX by_src ON t ((-src));")
            backfill = paused(cluster, call)
            cluster.sql("ALTER TABLE t DISABLE TRIGGER slow;")
            for statement in change.split("; "):
                cluster.sql(statement)
            err = resumed(cluster, backfill)
            if change.startswith("DROP"):
                contains(err, "ERROR:", "public.t")
                equal(cluster.sql(STATE), "failed")
            elif call == small:
                contains(err, "done: ")
                equal(cluster.sql(LEFT), "0|0", change)
            else:
                contains(err, "done: ")
                # Rows that came into a table that was emptied were not there at the start.
                wrong = "hits > 1" if "INSERT" in change else "hits <> 1"
                equal(cluster.sql(f"SELECT count(*) FROM t WHERE {wrong};"), "0", change)


def test_a_partition_that_is_attached_during_a_backfill_is_swept(cluster):
    cluster.sql("CREATE TABLE p (id int, src int, dst int, hits int NOT NULL DEFAULT 0) PARTITION BY RANGE (id); "
                "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1001); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (1001) TO (2001); "
                "INSERT INTO p SELECT g, g FROM generate_series(1, 2000) g; CREATE TABLE p3 (LIKE p INCLUDING DEFAULTS); "
                "INSERT INTO p3 SELECT g, g FROM generate_series(2001, 2500) g; ANALYZE p; "
                "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.002); RETURN new; END'; "
                "CREATE TRIGGER slow BEFORE UPDATE ON p1 FOR EACH ROW EXECUTE FUNCTION slow();")
    backfill = paused(cluster, "CALL migrator.backfill('p', 'dst = src, hits = hits + 1', 'dst IS NULL', 20);")
    cluster.sql("SET migrator.guard = 'off'; ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (2001) TO (3001); "
                "ALTER TABLE p1 DISABLE TRIGGER slow;")
    contains(resumed(cluster, backfill), "done: 2500 rows")
    equal(cluster.sql(LEFT.replace("FROM t", "FROM p")), "0|0")


def test_a_migration_of_one_backfill_survives_its_deploy(cluster):
    table(cluster, 3000, 0.002)
    call = ONCE.rstrip(";").replace("200", "20").replace("'", "''")
    cluster.sql(f"SELECT migrator.register('1', '{call}', irreversible => 'x');")
    for strike in ("kill", "terminate"):
        deploy, pid = begin(cluster, "CALL migrator.deploy();")
        before = cluster.sql("SELECT rows_done FROM migrator.backfills;")
        cluster.until(f"SELECT rows_done > {before} FROM migrator.backfills;", "t")
        if strike == "kill":
            cluster.kill(pid)
        else:
            cluster.sql(f"SELECT pg_terminate_backend({pid});")
        deploy.communicate(timeout=60)
        equal(cluster.sql("SELECT state FROM migrator.status; SELECT state FROM migrator.backfills;"), "failed\ninterrupted", strike)
    cluster.sql("DROP TRIGGER slow ON t;")
    contains(cluster.run("CALL migrator.deploy();")[1], "going on with backfill 1", "migration 1 applied")
    equal(cluster.sql("SELECT state FROM migrator.status; SELECT state, rows_done FROM migrator.backfills;"), "applied\ndone|3000")
    equal(cluster.sql("SELECT hits, count(*) FROM t GROUP BY 1;"), "1|3000")
