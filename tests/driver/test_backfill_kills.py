"""Backfills that are killed at random instants, under writers: the same call again, and the result is exact."""

import os
import random
import time

from harness import contains, equal

# Of each of the four tests; 20 in all.
KILLS = max(1, int(os.environ.get("KILLS", "20")) // 4)
SEED = int(os.environ.get("SEED", "0")) or int(time.time())
ROWS = 60000

# Rows that were there have even keys. Filler in the pages makes room for stripes, and a writer's rows come filled, as the
# column's default or trigger would have it.
SETUP = f"""
SET migrator.guard = off;
DROP TABLE IF EXISTS big;
CREATE TABLE big (id bigint PRIMARY KEY, src int NOT NULL, dst int, hits int NOT NULL DEFAULT 0, note int NOT NULL DEFAULT 0, pad text);
INSERT INTO big SELECT 2 * g, g, NULL, 0, 0, repeat('x', 60) FROM generate_series(1, {ROWS}) g; ANALYZE big;
"""
# Updates that move rows and grow the table, inserts on both sides of any cursor, deletes, and locks that are held for a while.
WRITER = f"""
DO $$ DECLARE k bigint; BEGIN LOOP
    k := 2 * (random() * {ROWS})::bigint;
    UPDATE big SET note = note + 1 WHERE id BETWEEN k AND k + 20;
    IF random() < 0.05 THEN PERFORM pg_sleep(0.03); END IF;
    COMMIT;
    INSERT INTO big VALUES (k + 1, k, k * 2) ON CONFLICT DO NOTHING;
    INSERT INTO big VALUES (2 * {ROWS} + k + 1, k, k * 2) ON CONFLICT DO NOTHING;
    COMMIT;
    DELETE FROM big WHERE id = 2 * (random() * {ROWS})::bigint;
    COMMIT;
    PERFORM pg_sleep(0.002);
END LOOP; END $$;
"""


class Struck:
    """One way for a backfill to be struck down. True when it was, False when there was nothing to strike."""

    def __init__(self, cluster):
        self.cluster = cluster

    def worker(self):
        pid = self.cluster.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'migrator backfill' LIMIT 1;")
        return int(pid) if pid else None

    def kill_leader(self, leader):
        return self.cluster.kill(leader)

    def kill_worker(self, leader):
        return self.cluster.kill(self.worker() or leader)

    def terminate_leader(self, leader):
        return self.cluster.sql(f"SELECT pg_terminate_backend({leader});") == "t"

    def terminate_worker(self, leader):
        return self.cluster.sql(f"SELECT pg_terminate_backend({self.worker() or leader});") == "t"

    def stop_server(self, _):
        self.cluster.crash()
        self.cluster.start()
        return True


def start_writers(cluster):
    return [cluster.popen(WRITER, env={"PGAPPNAME": "writer"}) for _ in range(2)]


def stop_writers(cluster, writers):
    while any(writer.poll() is None for writer in writers):
        cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'writer';")
        time.sleep(0.02)
    for writer in writers:
        _, err = writer.communicate()
        if "ERROR" in err:
            raise AssertionError(f"a writer failed: {err}")


def exact(cluster, condition, what):
    """Each row that was there once, a row of the writers at most once, and all of it in one run."""
    hits = cluster.sql("SELECT hits, count(*) FROM big WHERE id % 2 = 0 GROUP BY hits;").splitlines()
    equal([line.split("|")[0] for line in hits], ["1"], f"{what}; rows by times changed: {hits}")
    more = "hits > 1" if condition == "NULL" else "dst IS NULL OR hits > 0"
    equal(cluster.sql(f"SELECT count(*) FROM big WHERE id % 2 = 1 AND ({more});"), "0", f"{what}; rows of writers")
    equal(cluster.sql("SELECT count(*) FILTER (WHERE state = 'done'), count(*) FROM migrator.backfills;"), "1|1", f"{what}; runs")
    equal(cluster.sql("SELECT count(*) FROM migrator.backfills WHERE rows_done < (SELECT sum(hits) FROM big);"), "0", f"{what}; rows_done")


def survives(cluster, seed, condition, workers):
    generator = random.Random(seed)
    struck = Struck(cluster)
    ways = [struck.kill_leader, struck.terminate_leader, struck.stop_server, struck.kill_leader, struck.kill_worker]
    if workers > 1:
        ways[1:1] = [struck.terminate_worker]
    done = "SELECT count(*) FROM migrator.backfills WHERE state = 'done';"
    call = (f"CALL migrator.backfill('big', 'dst = coalesce(dst, src * 2), hits = hits + 1', {condition}, 400, 20, "
            f"workers => {workers});")
    strikes, rounds, halfway = 0, 0, 0
    while strikes < KILLS:
        rounds += 1
        cluster.sql(SETUP)
        cluster.forget_backfills()
        writers, kept = start_writers(cluster), 0
        while strikes < KILLS and cluster.sql(done) == "0":
            backfill = cluster.popen(call, env={"PGAPPNAME": "victim"})
            # Every other one in the middle for certain, however long the beginning takes.
            if strikes % 2:
                cluster.until(f"SELECT count(*) FROM migrator.backfills WHERE rows_done > {kept} OR state = 'done';", "1")
            time.sleep(generator.uniform(0.05, 0.7))
            leader = cluster.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'victim' AND state = 'active' "
                                 "AND backend_type = 'client backend';")
            way = ways[strikes % len(ways)]
            if leader and way(int(leader)):
                strikes += 1
            if way == struck.terminate_worker:
                cluster.until("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'migrator backfill';", "0")
            backfill.communicate(timeout=120)
            equal(cluster.sql("SELECT count(*) FROM migrator.backfills WHERE state NOT IN ('interrupted', 'done');"), "0",
                  "nothing runs after a strike")
            progress = int(cluster.sql("SELECT coalesce(sum(rows_done), 0) FROM migrator.backfills;"))
            if progress < kept:
                raise AssertionError(f"progress was lost: {kept} rows, then {progress} (SEED={SEED})")
            kept = progress
            halfway += cluster.sql(done) == "0" and progress > 0
            if writers[0].poll() is not None:
                for writer in writers:
                    writer.communicate()
                writers = start_writers(cluster)
        what = f"workers {workers}, SEED={SEED}, round {rounds}, {strikes} strikes"
        if cluster.sql(done) == "0":
            _, err = cluster.run(call)
            contains(err, "going on with backfill", "done: ")
        stop_writers(cluster, writers)
        exact(cluster, condition, what)
    if KILLS >= 5 and not halfway:
        raise AssertionError(f"no strike came in the middle (SEED={SEED})")


def test_backfill_by_key_survives_kills(cluster):
    survives(cluster, SEED, "NULL", 1)


def test_backfill_by_key_with_workers_survives_kills(cluster):
    survives(cluster, SEED + 1, "NULL", 2)


def test_backfill_by_page_survives_kills(cluster):
    survives(cluster, SEED + 2, "'dst IS NULL'", 1)


def test_backfill_by_page_with_workers_survives_kills(cluster):
    survives(cluster, SEED + 3, "'dst IS NULL'", 2)
