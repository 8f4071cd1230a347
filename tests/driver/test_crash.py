"""kill -9 in the middle; the same command again finishes it, as if nothing had happened."""

import os
import random
import time

from harness import contains, equal

KILLS = int(os.environ.get("KILLS", "6"))
SEED = int(os.environ.get("SEED", "0")) or int(time.time())

SETUP = "CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t SELECT g, g % 1000, g FROM generate_series(1, 60000) g;"

MIGRATIONS = [
    "CREATE TABLE log (n int); INSERT INTO log VALUES (1);",
    "INSERT INTO log VALUES (2); SELECT pg_sleep(0.05); ALTER TABLE t ADD c text; INSERT INTO log VALUES (3);",
    "CREATE INDEX CONCURRENTLY t_a ON t (a)",
    "INSERT INTO log VALUES (4); CREATE INDEX CONCURRENTLY ON t (b); SELECT pg_sleep(0.05); INSERT INTO log VALUES (5); VACUUM t;",
    "CALL migrator.backfill('t', 'c = lower(b) || a', 'c IS NULL', 2000)",
    "REINDEX INDEX CONCURRENTLY t_a; DROP INDEX CONCURRENTLY t_a; INSERT INTO log VALUES (6);",
    "ALTER TABLE log ADD done boolean; UPDATE log SET done = true;",
]


def prepare(cluster, db):
    cluster.fresh(db)
    cluster.sql(SETUP, db)
    for number, script in enumerate(MIGRATIONS, 1):
        literal = script.replace("'", "''")
        cluster.sql(f"SELECT migrator.register('{number}', '{literal}', irreversible => 'test', mixed => true);", db)


def state(cluster, db):
    rows = cluster.sql("SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM t; "
                       "SELECT string_agg(l::text, ',' ORDER BY n) FROM log l; "
                       "SELECT string_agg(version || state || progress, ',' ORDER BY version) FROM migrator.status; "
                       "SELECT count(*) FROM pg_index WHERE NOT indisvalid; "
                       "SELECT count(*) FROM migrator.verify();", db)
    return rows, cluster.dump_schema(db)


def test_deploy_survives_kills(cluster):
    prepare(cluster, "expected")
    begun = time.time()
    cluster.sql("SET client_min_messages = error; CALL migrator.deploy();", "expected")
    lasts = time.time() - begun
    expected = state(cluster, "expected")
    generator = random.Random(SEED)
    interrupted = 0
    for _ in range(KILLS):
        prepare(cluster, "test")
        deploy = cluster.popen("CALL migrator.deploy();", env={"PGAPPNAME": "victim"})
        pid = cluster.backend("victim")
        time.sleep(generator.uniform(0, lasts))
        cluster.kill(pid)
        deploy.communicate(timeout=60)
        unfinished = cluster.sql("SELECT count(*) FROM migrator.status WHERE state = 'running';")
        equal(unfinished, "0", f"nothing counts as running after a kill (SEED={SEED})")
        interrupted += int(cluster.sql("SELECT count(*) FROM migrator.history WHERE outcome = 'interrupted';"))
        cluster.sql("SET client_min_messages = error; CALL migrator.deploy();")
        actual = state(cluster, "test")
        equal(actual[0], expected[0], f"data after a kill (SEED={SEED})")
        equal(actual[1], expected[1], f"schema after a kill (SEED={SEED})")
        applied = cluster.sql("SELECT count(*), count(DISTINCT version) FROM migrator.history WHERE outcome = 'applied';")
        equal(applied, f"{len(MIGRATIONS)}|{len(MIGRATIONS)}", f"each applied once (SEED={SEED})")
    if KILLS >= 6 and not interrupted:
        raise AssertionError(f"no kill struck a running migration (SEED={SEED})")


def test_an_invalid_index_left_by_a_kill_is_rebuilt(cluster):
    """The build is held up by an old snapshot, so that the kill strikes when the index exists and is invalid."""
    cluster.sql(SETUP + "ALTER TABLE t ADD v varchar;")
    for name, statement in (("named", "CREATE INDEX CONCURRENTLY named ON t (a)"),
                            ("t_b_idx", "CREATE INDEX CONCURRENTLY ON t (b)"),
                            ("t_lower_idx", "CREATE INDEX CONCURRENTLY ON t (lower(v) DESC) WHERE v > 1::text")):
        cluster.sql(f"SELECT migrator.register('{name}', 'SELECT 1; {statement}', irreversible => 'test');")
        holder = cluster.popen("BEGIN; UPDATE t SET a = a WHERE id = 1; SELECT pg_sleep(60);", env={"PGAPPNAME": "holder"})
        cluster.backend("holder")
        deploy = cluster.popen("CALL migrator.deploy();", env={"PGAPPNAME": "victim"})
        pid = cluster.backend("victim")
        for _ in range(1000):
            if cluster.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid;") == "1":
                break
            time.sleep(0.01)
        equal(cluster.sql("SELECT state FROM migrator.status ORDER BY registered_at DESC LIMIT 1;"), "running")
        cluster.kill(pid)
        holder.communicate(), deploy.communicate()
        equal(cluster.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid;"), "1", "the kill left an invalid index")
        contains(cluster.sql("SELECT error FROM migrator.status ORDER BY registered_at DESC LIMIT 1;"), "interrupted during statement 2")
        _, err = cluster.run("CALL migrator.deploy();")
        contains(err, f"dropping invalid index public.{name}", "applied")
        equal(cluster.sql(f"SELECT indisvalid FROM pg_index WHERE indexrelid = '{name}'::regclass;"), "t")
    equal(cluster.sql("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass;"), "4", "none twice")
    equal(cluster.sql("SELECT count(*) FROM migrator.verify();"), "0")


def test_backfill_survives_kills(cluster):
    generator = random.Random(SEED + 1)
    cluster.sql("CREATE TABLE big (id bigint PRIMARY KEY, src text, dst text, hits int NOT NULL DEFAULT 0); "
                "INSERT INTO big SELECT g, 'V' || g FROM generate_series(1, 200000) g; ANALYZE big;")
    call = "CALL migrator.backfill('big', 'dst = lower(src), hits = hits + 1', 'dst IS NULL', 1000);"
    kills = 0
    for _ in range(KILLS):
        backfill = cluster.popen(call, env={"PGAPPNAME": "victim"})
        try:
            pid = cluster.backend("victim", timeout=3)
        except AssertionError:
            backfill.communicate(timeout=60)
            break
        time.sleep(generator.uniform(0.02, 0.25))
        kills += cluster.kill(pid)
        backfill.communicate(timeout=60)
    equal(cluster.sql("SELECT count(*) FROM migrator.backfills WHERE state = 'running';"), "0")
    out, err = cluster.run(call)
    contains(err, "done")
    # Exactly once each: cursor and rows commit together.
    equal(cluster.sql("SELECT count(*), sum(hits), count(*) FILTER (WHERE dst = lower(src)) FROM big;"), "200000|200000|200000")
    # One run changed them all; the last kill may have come after its end.
    equal(cluster.sql("SELECT count(*), sum(rows_done) FROM migrator.backfills WHERE rows_done > 0;"), "1|200000",
          f"one run (SEED={SEED}, {kills} kills)")


def test_backfill_against_writers_and_a_crash(cluster):
    """Concurrent updates, inserts and deletes, an immediate stop in the middle: no row missed."""
    cluster.sql("CREATE TABLE busy (id bigint PRIMARY KEY, src int NOT NULL, dst int); "
                "INSERT INTO busy SELECT g, g FROM generate_series(1, 100000) g; ANALYZE busy;")
    call = "CALL migrator.backfill('busy', 'dst = src * 2', 'dst IS DISTINCT FROM src * 2', 500);"
    writer = ("DO $$ DECLARE k int; BEGIN FOR i IN 1..4000 LOOP k := random() * 99990; "
              "UPDATE busy SET src = src + 1, dst = (src + 1) * 2 WHERE id = k AND dst IS NOT NULL; "
              "UPDATE busy SET src = src + 1, dst = NULL WHERE id = k + 1 AND i < 2000; "
              "INSERT INTO busy VALUES (100000 + i * 7 % 100000, i, NULL) ON CONFLICT DO NOTHING; "
              "DELETE FROM busy WHERE id = k + 2; COMMIT; END LOOP; END $$;")
    writers = [cluster.popen(writer) for _ in range(2)]
    backfill = cluster.popen(call, env={"PGAPPNAME": "victim"})
    cluster.backend("victim")
    time.sleep(0.3)
    cluster.crash()
    for process in (*writers, backfill):
        process.communicate(timeout=60)
    cluster.start()
    writers = [cluster.popen(writer) for _ in range(2)]
    for process in writers:
        time.sleep(0.2)
    _, err = cluster.run(call)
    for process in writers:
        process.communicate(timeout=60)
    _, err = cluster.run(call)
    contains(err, "done")
    equal(cluster.sql("SELECT count(*) FROM busy WHERE dst IS DISTINCT FROM src * 2;"), "0")


def test_terminate_and_cancel(cluster):
    cluster.sql(SETUP + "SELECT migrator.register('1', 'INSERT INTO t VALUES (0); SELECT pg_sleep(60)', irreversible => 'x');")
    for function, outcome in (("pg_cancel_backend", "failed"), ("pg_terminate_backend", "interrupted")):
        deploy = cluster.popen("CALL migrator.deploy();", env={"PGAPPNAME": "victim"})
        pid = cluster.backend("victim")
        time.sleep(0.3)
        cluster.sql(f"SELECT {function}({pid});")
        deploy.communicate(timeout=30)
        equal(cluster.sql("SELECT outcome FROM migrator.history ORDER BY attempt DESC LIMIT 1;"), outcome)
        equal(cluster.sql("SELECT state FROM migrator.status;"), "failed")
    equal(cluster.sql("SELECT count(*) FROM t WHERE id = 0;"), "0")
    equal(cluster.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';"), "0")
    _, err = cluster.run("SET statement_timeout = '300ms'; CALL migrator.deploy();")
    contains(err, "canceling statement due to statement timeout", 'migration "1", statement 2 of 2')
    equal(cluster.sql("SELECT sqlstate FROM migrator.history ORDER BY attempt DESC LIMIT 1;"), "57014")
