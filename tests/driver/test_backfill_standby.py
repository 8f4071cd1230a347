"""A backfill steps back for a standby that does not follow, and goes on when it does."""

from harness import Standby, contains, equal

SETUP = ("CREATE TABLE t (id int PRIMARY KEY, src int, dst int, hits int NOT NULL DEFAULT 0, pad text); "
         "INSERT INTO t SELECT g, g, NULL, 0, repeat('x', 80) FROM generate_series(1, 60000) g; ANALYZE t;")
CALL = "CALL migrator.backfill('t', 'dst = src, hits = hits + 1', 'dst IS NULL', 200, 20, limits => '@');"
# The server is looked at once a second: there must be enough to do for some.
SLOW = ("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.0001); RETURN new; END'; "
        "CREATE TRIGGER slow BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION slow();")
WAITS = "SELECT waiting_for FROM migrator.backfills;"


def test_a_backfill_waits_for_a_standby(cluster):
    cluster.sql(SETUP)
    with Standby(cluster) as standby:
        standby.catches_up(cluster)
        name = cluster.sql("SELECT application_name FROM pg_stat_replication;")
        standby.sql("SELECT pg_wal_replay_pause();")
        standby.until("SELECT pg_get_wal_replay_pause_state();", "paused")
        cluster.sql(SLOW)
        backfill = cluster.popen(CALL.replace('@', '{"lag": "1s", "lag_bytes": "1MB"}'), env={"PGAPPNAME": "victim"})
        cluster.until(WAITS.replace("waiting_for", "waiting_for LIKE 'standby \"" + name + "\" is % behind (limit %)'"), "t")
        # It stays where it is.
        cluster.until("SELECT seconds_held > 1 FROM migrator.backfills;", "t")
        equal(cluster.sql("SELECT state, rows_done < 60000 FROM migrator.backfills;"), "running|t")
        equal(cluster.sql("SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass;"), "0")
        standby.sql("SELECT pg_wal_replay_resume();")
        cluster.sql("DROP TRIGGER slow ON t;")
        contains(backfill.communicate(timeout=120)[1], "done: 60000 rows")
        equal(cluster.sql("SELECT hits, count(*) FROM t WHERE dst = src GROUP BY 1;"), "1|60000")
        standby.catches_up(cluster)
        equal(standby.sql("SELECT hits, count(*) FROM t WHERE dst = src GROUP BY 1; SELECT state FROM migrator.backfills;"), "1|60000\ndone")


def test_a_backfill_stops_for_a_standby_that_is_too_far_behind(cluster):
    cluster.sql(SETUP)
    with Standby(cluster) as standby:
        standby.catches_up(cluster)
        standby.sql("SELECT pg_wal_replay_pause();")
        standby.until("SELECT pg_get_wal_replay_pause_state();", "paused")
        cluster.sql(SLOW)
        call = CALL.replace('@', '{"lag": null, "lag_bytes": "512kB", "lag_bytes_stop": "513kB"}')
        _, err = cluster.run("\\set VERBOSITY verbose\n" + call)
        contains(err, "MG031: backfill 1 of public.t was stopped", 'standby "', "behind (limit ", "the same call goes on where it was")
        equal(cluster.sql("SELECT state, rows_done BETWEEN 1 AND 59999 FROM migrator.backfills;"), "failed|t")
        standby.sql("SELECT pg_wal_replay_resume();")
        standby.catches_up(cluster)
        cluster.sql("DROP TRIGGER slow ON t;")
        # As long as nobody has said anything else: a pause, no end.
        contains(cluster.run(CALL.replace('@', '{"lag_bytes": "1MB", "lag_bytes_stop": null}'))[1], "going on with backfill 1", "done: 60000 rows")
        equal(cluster.sql("SELECT hits, count(*) FROM t WHERE dst = src GROUP BY 1;"), "1|60000")
