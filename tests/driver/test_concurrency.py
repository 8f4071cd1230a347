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
        if "ERROR" in text:
            raise AssertionError(text)
    contains("\n".join(errors), "waiting for another run of migrations: process")
    equal(cluster.sql("SELECT count(*), count(DISTINCT n) FROM once;"), "5|5")
    equal(cluster.sql("SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indrelid = 'c'::regclass;"), "3|t")
    equal(cluster.sql("SELECT count(*) FROM migrator.history WHERE outcome = 'applied';"), "8")


def test_the_guard_never_waits(cluster):
    """Refused at once while another session holds ACCESS EXCLUSIVE: the guard looks without queueing."""
    cluster.sql("CREATE TABLE held (id int PRIMARY KEY, t text); INSERT INTO held SELECT g, g FROM generate_series(1, 5000) g; "
                "CREATE TABLE parts (id int) PARTITION BY RANGE (id); CREATE TABLE part1 PARTITION OF parts DEFAULT; "
                "INSERT INTO parts SELECT generate_series(1, 5000);")
    holder = cluster.popen("BEGIN; LOCK TABLE held, parts IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(20);", env={"PGAPPNAME": "holder"})
    pid = cluster.backend("holder")
    time.sleep(0.2)
    begun = time.time()
    for statement, parts in (("CREATE INDEX ON held (t)", ["create-index-blocking", "CONCURRENTLY ON public.held USING btree (t);"]),
                             ("CREATE INDEX ON held (lower(t))", ["create-index-blocking", "CONCURRENTLY behind INDEX"]),
                             ("CREATE INDEX ON parts (id)", ["create-index-blocking", "CONCURRENTLY part1_id_idx"]),
                             ("ALTER TABLE held ADD x int NOT NULL", ["add-column-not-null", "locked"])):
        _, err = cluster.run(f"SET migrator.large_table_rows = 1000; {statement};")
        contains(err, *parts)
    # Four statements in four sessions; the holder keeps its locks for 20 seconds.
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
    contains(err, "canceling statement due to lock timeout; retry 1 of 60", "migration 1 applied")
    if reads < 3:
        raise AssertionError(f"only {reads} reads came through")
    holder.communicate()
