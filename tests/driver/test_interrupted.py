"""A concurrent command that was interrupted: the next run finds out from the catalogue what became of it."""

from harness import contains, equal
from test_apply_later import no_worker

SETUP = """CREATE SCHEMA "My app"; CREATE TABLE "My app"."Par" (i int) PARTITION BY RANGE (i);
CREATE TABLE "My app"."Par 1" PARTITION OF "My app"."Par" FOR VALUES FROM (1) TO (2); INSERT INTO "My app"."Par" VALUES (1);
SELECT migrator.register('1', 'SET search_path = "My app"; ALTER TABLE IF EXISTS "Par" DETACH PARTITION "Par 1" CONCURRENTLY;
COMMENT ON TABLE "Par 1" IS ''old''', irreversible => 'x');
"""
READ = 'BEGIN; SELECT * FROM "My app"."Par"; SELECT pg_sleep(60);'
ATTACHED = "SELECT coalesce((SELECT inhdetachpending::text FROM pg_inherits WHERE inhrelid = '\"My app\".\"Par 1\"'::regclass), 'none');"
APPLIED = "SELECT state, progress FROM migrator.status; SELECT obj_description('\"My app\".\"Par 1\"'::regclass);"
MARK = "BEGIN; SELECT 1 FROM migrator.migration FOR UPDATE; SELECT pg_sleep(60);"


def other(cluster, sql, name="other"):
    process = cluster.popen(sql, env={"PGAPPNAME": name})
    cluster.until(f"SELECT wait_event FROM pg_stat_activity WHERE application_name = '{name}' AND state = 'active';", "PgSleep")
    return process


def end(cluster, process, name="other"):
    cluster.sql(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = '{name}';")
    process.communicate(timeout=30)


def waits(cluster, wait="Lock"):
    """The process of a run that was begun, once it waits in its statement."""
    runner = "FROM pg_stat_activity WHERE application_name = 'victim' OR backend_type = 'migrator runner'"
    cluster.until(f"SELECT bool_and(wait_event_type = '{wait}') {runner};", "t")
    return int(cluster.sql(f"SELECT pid {runner};"))


def begin(cluster):
    return cluster.popen("CALL migrator.deploy();", env={"PGAPPNAME": "victim"})


def interrupt(cluster, pid, how):
    if how == "kill":
        cluster.kill(pid)
    elif how == "crash":
        cluster.crash()
        cluster.start()
    else:
        cluster.sql(f"SELECT {how}({pid});")


def clean(cluster):
    equal(cluster.sql("SELECT count(*) FROM migrator.verify();"), "0")
    equal(cluster.sql("SELECT count(*) FROM pg_inherits WHERE inhdetachpending;"), "0")


def test_a_partition_half_detached_is_finished(cluster):
    for how in ("pg_cancel_backend", "pg_terminate_backend", "kill", "crash"):
        cluster.fresh()
        cluster.sql(SETUP)
        reader, deploy = other(cluster, READ), begin(cluster)
        cluster.until(ATTACHED, "true")
        interrupt(cluster, waits(cluster), how)
        deploy.communicate(timeout=60)
        end(cluster, reader)
        equal(cluster.sql(ATTACHED), "true", how)
        _, err = cluster.run("CALL migrator.deploy();")
        contains(err, "finishing what an interrupted run began", "migration 1 applied")
        equal(cluster.sql(APPLIED), "applied|3/3\nold", how)
        clean(cluster)


def test_a_partition_half_detached_is_finished_in_the_background(cluster):
    cluster.sql(SETUP)
    reader = other(cluster, READ)
    cluster.sql("SET client_min_messages = error; SELECT migrator.apply();")
    cluster.until(ATTACHED, "true")
    interrupt(cluster, waits(cluster), "pg_terminate_backend")
    no_worker(cluster)
    end(cluster, reader)
    cluster.sql("SET client_min_messages = error; SELECT migrator.apply();")
    cluster.until(APPLIED, "applied|3/3\nold")
    clean(cluster)


def test_what_finishes_it_waits_no_longer_than_others(cluster):
    cluster.sql(SETUP)
    reader, deploy = other(cluster, READ), begin(cluster)
    cluster.until(ATTACHED, "true")
    interrupt(cluster, waits(cluster), "pg_cancel_backend")
    deploy.communicate(timeout=60)
    _, err = cluster.run("SET migrator.lock_timeout = '200ms'; SET migrator.lock_retries = 1; CALL migrator.deploy();")
    contains(err, "canceling statement due to lock timeout", "retry 1 of 1", "statement 2 of 3 (line 1): ALTER TABLE \"My app\".\"Par\" DETACH", "In the way")
    equal(cluster.sql(ATTACHED), "true")
    out = cluster.sql("SELECT message FROM migrator.plan() WHERE statement = 2;")
    contains(out, "the next run looks in the catalogue what became of it")
    end(cluster, reader)
    cluster.sql("SET client_min_messages = error; CALL migrator.deploy();")
    equal(cluster.sql(APPLIED), "applied|3/3\nold")
    clean(cluster)


def test_a_detach_that_had_not_begun_is_run_again(cluster):
    cluster.sql(SETUP)
    locker = other(cluster, 'BEGIN; LOCK TABLE "My app"."Par" IN SHARE UPDATE EXCLUSIVE MODE; SELECT pg_sleep(60);')
    deploy = begin(cluster)
    interrupt(cluster, waits(cluster), "pg_terminate_backend")
    deploy.communicate(timeout=60)
    end(cluster, locker)
    equal(cluster.sql(ATTACHED), "false")
    cluster.sql("SET client_min_messages = error; CALL migrator.deploy();")
    equal(cluster.sql(APPLIED), "applied|3/3\nold")
    equal(cluster.sql(ATTACHED), "none")
    clean(cluster)


def test_a_detach_that_was_done_is_not_done_again(cluster):
    """Nor to another partition that has got the name meanwhile."""
    cluster.sql(SETUP)
    reader, deploy = other(cluster, READ), begin(cluster)
    cluster.until(ATTACHED, "true")
    marks = other(cluster, MARK, "marks")
    end(cluster, reader)
    cluster.until(ATTACHED, "none")
    interrupt(cluster, waits(cluster), "pg_terminate_backend")
    deploy.communicate(timeout=60)
    end(cluster, marks, "marks")
    cluster.sql('SET search_path = "My app"; ALTER TABLE "Par 1" RENAME TO old; '
                'CREATE TABLE "Par 1" PARTITION OF "Par" FOR VALUES FROM (1) TO (2);')
    cluster.sql("SET client_min_messages = error; CALL migrator.deploy();")
    equal(cluster.sql(ATTACHED), "false", "the other one is there")
    equal(cluster.sql(APPLIED), "applied|3/3\nold")
    clean(cluster)


def test_a_detach_that_fails_is_told_as_it_is(cluster):
    """Nothing was detached: what Postgres says is said again, until the script is corrected."""
    cluster.sql(SETUP + 'CREATE TABLE "My app"."Rest" PARTITION OF "My app"."Par" DEFAULT;')
    for _ in range(2):
        _, err = cluster.run("CALL migrator.deploy();")
        contains(err, "cannot detach partitions concurrently when a default partition exists")
    cluster.sql('SET search_path = "My app"; ALTER TABLE "Par" DETACH PARTITION "Rest"; '
                "SET client_min_messages = error; CALL migrator.deploy();")
    equal(cluster.sql(APPLIED), "applied|3/3\nold")
    cluster.sql("""SELECT migrator.register('2', 'ALTER TABLE "My app"."Par" DETACH PARTITION "My app"."Par 1" CONCURRENTLY', irreversible => 'x');""")
    for _ in range(2):
        _, err = cluster.run("CALL migrator.deploy();")
        contains(err, 'relation "Par 1" is not a partition of relation "Par"')
    clean_of_failed = cluster.sql("SELECT problem FROM migrator.verify();")
    equal(clean_of_failed, "failed or interrupted")


def test_a_detach_that_the_version_before_noted_is_in_doubt(cluster):
    """It did not look which partition it is."""
    cluster.sql(SETUP)
    reader, deploy = other(cluster, READ), begin(cluster)
    cluster.until(ATTACHED, "true")
    interrupt(cluster, waits(cluster), "pg_cancel_backend")
    deploy.communicate(timeout=60)
    end(cluster, reader)
    cluster.sql("UPDATE migrator.migration SET running_place = NULL, running_target = NULL;")
    contains(cluster.sql("SELECT message FROM migrator.plan() WHERE statement = 2;"), "the migration is in doubt")
    _, err = cluster.run("CALL migrator.deploy();")
    contains(err, 'migration "1" is in doubt')


def two_indexes(cluster):
    """A drop of app.idx that is done and has not been marked; public.idx is another."""
    cluster.sql("CREATE SCHEMA app; CREATE TABLE app.t (x int); CREATE TABLE public.u (x int); CREATE INDEX idx ON app.t (x); "
                "CREATE INDEX idx ON public.u (x); SELECT migrator.register('1', 'DROP INDEX CONCURRENTLY idx', irreversible => 'x');")
    reader = other(cluster, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM app.t; SELECT pg_sleep(60);")
    deploy = cluster.popen("SET search_path = app, public; CALL migrator.deploy();", env={"PGAPPNAME": "victim"})
    cluster.until("SELECT indisvalid FROM pg_index WHERE indexrelid = 'app.idx'::regclass;", "f")
    marks = other(cluster, MARK, "marks")
    end(cluster, reader)
    cluster.until("SELECT to_regclass('app.idx') IS NULL;", "t")
    interrupt(cluster, waits(cluster), "pg_terminate_backend")
    deploy.communicate(timeout=60)
    end(cluster, marks, "marks")
    equal(cluster.sql("SELECT running_statement FROM migrator.migration;"), "1")


def test_an_index_of_the_same_name_elsewhere_stays(cluster):
    two_indexes(cluster)
    cluster.sql("SET client_min_messages = error; SET search_path = app, public; CALL migrator.deploy();")
    equal(cluster.sql("SELECT state FROM migrator.status; SELECT to_regclass('public.idx');"), "applied\nidx")
    clean(cluster)


def test_a_note_of_the_version_before_is_read(cluster):
    """It has no place: then a name that means an index is looked for."""
    two_indexes(cluster)
    cluster.sql("UPDATE migrator.migration SET running_place = NULL; DROP INDEX public.idx; "
                "SET client_min_messages = error; CALL migrator.deploy();")
    equal(cluster.sql("SELECT state FROM migrator.status;"), "applied")
    clean(cluster)
