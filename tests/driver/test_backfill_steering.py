"""Backfills from outside: in the background, paused, resumed, cancelled, altered, by how many processes."""

import os
import signal

from harness import contains, equal

# Each row takes its time, so that a backfill can be caught at work. `hits` says how often it was changed.
SLOW = """
CREATE TABLE slow (id int PRIMARY KEY, hits int NOT NULL DEFAULT 0); INSERT INTO slow SELECT generate_series(1, {rows}); ANALYZE slow;
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep({each}); RETURN new; END';
CREATE TRIGGER slow BEFORE UPDATE ON slow FOR EACH ROW EXECUTE FUNCTION slow();
"""
ARGUMENTS = "'slow', 'hits = hits + 1', NULL, 5"
CALL = f"CALL migrator.backfill({ARGUMENTS});"
STATE = "SELECT state FROM migrator.backfills;"
PROGRESS = "SELECT coalesce(max(rows_done), 0) > 20 FROM migrator.backfills;"
PAUSED = "SELECT waiting_for LIKE 'resume_backfill(1): paused by postgres%' FROM migrator.backfills;"
WORKERS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'migrator backfill';"
EXACT = "SELECT hits, count(*) FROM slow GROUP BY 1 ORDER BY 1;"
FAST = "DROP TRIGGER slow ON slow;"


def slow(cluster, rows=1000, each=0.01):
    cluster.sql(SLOW.format(rows=rows, each=each))


def begin(cluster, call=CALL):
    process = cluster.popen(call, env={"PGAPPNAME": "victim"})
    # One that goes on with an earlier one's work has progress to show before it has begun.
    cluster.until("SELECT count(*) FROM migrator.backfills WHERE pid IS NOT NULL;", "1")
    cluster.until(PROGRESS, "t")
    return process, int(cluster.sql("SELECT pid FROM migrator.backfills WHERE pid IS NOT NULL;"))


def test_backfill_begins_when_its_transaction_commits(cluster):
    cluster.sql("CREATE TABLE later (id int PRIMARY KEY, a int); INSERT INTO later SELECT generate_series(1, 20000);")
    start = "SELECT migrator.start_backfill('later', 'a = id', 'a IS NULL', workers => 2);"
    out = cluster.sql(f"BEGIN; {start} SELECT pg_sleep(0.5); SELECT count(a) FROM later; ROLLBACK;")
    equal(out.split(), ["1", "0"], "nothing is done before the commit")
    cluster.until(WORKERS, "0")
    equal(cluster.sql("SELECT count(a) FROM later; SELECT count(*) FROM migrator.backfills;"), "0\n0", "nothing after a rollback")
    out = cluster.sql(f"BEGIN; {start} SELECT count(a) FROM later; SELECT state FROM migrator.backfills; COMMIT;").split()
    equal(out[1:], ["0", "scheduled"])
    cluster.until(f"SELECT state FROM migrator.backfills WHERE id = {out[0]};", "done")
    equal(cluster.sql("SELECT count(*) FROM later WHERE a = id;"), "20000")
    cluster.until(WORKERS, "0")


def test_a_paused_backfill_holds_nothing(cluster):
    slow(cluster)
    process, pid = begin(cluster, CALL.replace(", 5)", ", 5, workers => 2)"))
    cluster.until("SELECT workers FROM migrator.backfills;", "2")
    contains(cluster.sql("SELECT migrator.pause_backfill(1);"), "backfill 1 of public.slow pauses")
    both = f"(SELECT pid FROM pg_stat_activity WHERE pid = {pid} OR backend_type = 'migrator backfill')"
    table = f"SELECT count(*) FROM pg_locks WHERE relation = 'slow'::regclass AND pid IN {both};"
    cluster.until(STATE, "paused")
    cluster.until(PAUSED, "t")
    cluster.until(table, "0")
    held = 0
    for _ in range(30):
        equal(cluster.sql(table), "0", "no lock on the table")
        held += cluster.sql(f"SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid IN {both};") == "t"
    # It looks whether it may go on now and then, for which it needs a snapshot for an instant.
    if held > 15:
        raise AssertionError(f"a snapshot in {held} of 30 looks")
    done = cluster.sql("SELECT rows_done FROM migrator.backfills;")
    # Nothing of it is in the way of others.
    cluster.sql(f"SET lock_timeout = '5s'; ALTER TABLE slow ADD meanwhile int; {FAST}")
    equal(cluster.sql(f"SELECT rows_done, state FROM migrator.backfills; {STATE}"), f"{done}|paused\npaused")
    contains(cluster.sql("SELECT migrator.resume_backfill(1);"), "backfill 1 of public.slow goes on")
    contains(process.communicate(timeout=60)[1], "done: 1000 rows")
    equal(cluster.sql(EXACT), "1|1000")
    contains(cluster.run("SELECT migrator.pause_backfill(1);")[1], "backfill 1 of public.slow is done")


def test_an_interrupted_backfill_is_resumed_by_its_role(cluster):
    slow(cluster)
    cluster.sql("DROP ROLE IF EXISTS bf_other; CREATE ROLE bf_other; SET client_min_messages = error; SELECT migrator.grant_deploy('bf_other');")
    process, pid = begin(cluster)
    cluster.sql(f"SELECT pg_terminate_backend({pid});")
    process.communicate(timeout=60)
    cluster.until(STATE, "interrupted")
    contains(cluster.sql("SELECT waiting_for FROM migrator.backfills;"), "resume_backfill(1)")
    _, err = cluster.run("SET ROLE bf_other; SELECT migrator.resume_backfill(1);")
    contains(err, "backfill 1 of public.slow cannot be resumed by you", 'begun by role "postgres"')
    equal(cluster.sql(STATE), "interrupted")
    cluster.sql(FAST)
    contains(cluster.sql("SELECT migrator.resume_backfill(1);"), "goes on in the background when this transaction commits")
    cluster.until(STATE, "done")
    equal(cluster.sql(EXACT), "1|1000")
    cluster.sql("SELECT migrator.revoke_all('bf_other'); DROP ROLE bf_other;")


def test_a_cancelled_backfill_goes_on_with_the_same_call(cluster):
    slow(cluster)
    process, _ = begin(cluster, CALL.replace(", 5)", ", 5, workers => 2)"))
    contains(cluster.sql("SELECT migrator.cancel_backfill(1);"), "ends after its batch")
    _, err = process.communicate(timeout=60)
    contains(err, "backfill 1 of public.slow was cancelled", "The same call goes on where it was")
    cluster.until(WORKERS, "0")
    equal(cluster.sql(STATE), "cancelled")
    kept = cluster.sql("SELECT rows_done FROM migrator.backfills;")
    equal(cluster.sql("SELECT sum(hits) FROM slow;"), kept, "what is committed stays")
    process, pid = begin(cluster)
    # Ctrl-C while it is paused.
    cluster.sql("SELECT migrator.pause_backfill(1);")
    cluster.until(PAUSED, "t")
    cluster.sql(f"SELECT pg_cancel_backend({pid});")
    contains(process.communicate(timeout=60)[1], "canceling statement due to user request")
    equal(cluster.sql(STATE), "interrupted")
    cluster.sql(f"SELECT migrator.cancel_backfill(1); {FAST}")
    equal(cluster.sql(STATE), "cancelled", "with nobody at it, too")
    contains(cluster.run(CALL)[1], "going on with backfill 1", "done: 1000 rows")
    equal(cluster.sql(EXACT), "1|1000")


def test_settings_of_a_backfill_change_while_it_runs(cluster):
    slow(cluster, 3000)
    process, _ = begin(cluster)
    view = "SELECT workers FROM migrator.backfills;"
    ranges = "SELECT count(*) > 3 FROM migrator.backfill_range WHERE done;"
    cluster.until(view, "1")
    cluster.sql("SELECT migrator.alter_backfill(1, workers => 3, target_ms => 60);")
    cluster.until(view, "3")
    cluster.until(WORKERS, "2")
    equal(cluster.sql("SELECT settings ->> 'target_ms', settings ->> 'workers', settings ->> 'batch_rows' FROM migrator.backfills;"), "60|3|5")
    cluster.sql("SELECT migrator.alter_backfill(1, workers => 1);")
    cluster.until(view, "1")
    cluster.until(WORKERS, "0")
    cluster.sql("SELECT migrator.alter_backfill(1, workers => 2);")
    cluster.until(view, "2")
    # Not wanted and wanted again, faster than anybody looks.
    cluster.sql("SELECT migrator.alter_backfill(1, workers => 1);")
    cluster.until(WORKERS, "0")
    cluster.sql("SELECT migrator.alter_backfill(1, workers => 2);")
    cluster.until(view, "2")
    cluster.sql("SELECT migrator.alter_backfill(1, batch_rows => 500);" + FAST)
    contains(process.communicate(timeout=60)[1], "done: 3000 rows")
    equal(cluster.sql(EXACT), "1|3000")
    equal(cluster.sql(ranges), "t")


def test_a_backfill_with_fewer_workers_than_asked_for(cluster):
    """max_worker_processes is 8, and the server needs some itself."""
    slow(cluster, 1000, 0.002)
    process, _ = begin(cluster, CALL.replace(", 5)", ", 5, workers => 20)"))
    cluster.until("SELECT workers BETWEEN 3 AND 8 FROM migrator.backfills;", "t")
    _, err = process.communicate(timeout=60)
    contains(err, "NOTICE:  backfill 1 runs with ", " of 20 workers", "Raise max_worker_processes", "done: 1000 rows")
    equal(cluster.sql(EXACT), "1|1000")
    cluster.until(WORKERS, "0")


def test_workers_leave_when_their_leader_has_gone(cluster):
    slow(cluster)
    process, pid = begin(cluster, CALL.replace(", 5)", ", 5, workers => 3)"))
    cluster.until("SELECT workers FROM migrator.backfills;", "3")
    cluster.sql(f"SELECT pg_terminate_backend({pid});")
    process.communicate(timeout=60)
    cluster.until(WORKERS, "0")
    equal(cluster.sql(STATE), "interrupted")
    equal(cluster.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';"), "0")
    # And when one of them has gone, another one comes.
    process, _ = begin(cluster, CALL.replace(", 5)", ", 5, workers => 2)"))
    cluster.until("SELECT workers FROM migrator.backfills;", "2")
    gone = cluster.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'migrator backfill';")
    cluster.sql(f"SELECT pg_terminate_backend({gone});")
    cluster.until(f"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'migrator backfill' AND pid <> {gone};", "1")
    cluster.until("SELECT workers FROM migrator.backfills;", "2")
    cluster.sql(FAST)
    contains(process.communicate(timeout=60)[1], "done: 1000 rows")
    equal(cluster.sql(EXACT), "1|1000")


def test_a_worker_of_an_earlier_leader_leaves_the_next_one_alone(cluster):
    """It sleeps while its leader ends, and wakes when another role has called with conditions of its own."""
    slow(cluster)
    cluster.sql("CREATE ROLE alice LOGIN; SELECT migrator.grant_deploy('alice'); GRANT SELECT, UPDATE ON slow TO alice; "
                "CREATE TABLE ran (by text); GRANT INSERT ON ran TO alice; "
                "CREATE FUNCTION spy() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''spy as %'', current_user; RETURN false; END';")
    process, pid = begin(cluster, CALL.replace(", 5)", ", 5, workers => 2)"))
    cluster.until("SELECT workers FROM migrator.backfills;", "2")
    worker = int(cluster.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'migrator backfill';"))
    cluster.stop_asleep(worker)
    try:
        cluster.sql(f"SELECT pg_terminate_backend({pid});")
        process.communicate(timeout=60)
        call = CALL.replace(", 5)", ", 5, limits => '{\"pause_if\": \"spy()\"}')")
        process = cluster.popen("SET ROLE alice; " + call, env={"PGAPPNAME": "victim"})
        cluster.until("SELECT state FROM migrator.backfills;", "running")
    finally:
        os.kill(worker, signal.SIGCONT)
    cluster.until(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {worker};", "0")
    equal(cluster.sql("SELECT state, started_by FROM migrator.backfills;"), "running|alice")
    cluster.sql("SET lock_timeout = 0; " + FAST)
    contains(process.communicate(timeout=60)[1], "done: 1000 rows")
    equal(cluster.sql(EXACT), "1|1000")
    log = cluster.log()
    equal(("spy as alice" in log, "spy as postgres" in log), (True, False), "whose rights its conditions ran with")
