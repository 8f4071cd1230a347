#!/usr/bin/env python3
"""What preloading costs DML: bench/hooks.py PG_CONFIG

pgbench, SELECT only and simple update, in turns on one server: sessions without the library, with it preloaded and no rule
set, and with all three rules about rows set. Prints transactions per second, and each turn against the plain one before it.
"""

import os
import re
import statistics
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests/driver"))
from harness import Cluster  # noqa: E402

TURNS, SECONDS = 9, 4
PLAIN, PRELOADED, RULES = "plain", "preloaded", "rules set"
SET = ("SELECT migrator.set_rule('update-without-where', '{0}'), migrator.set_rule('delete-without-where', '{0}'), "
       "migrator.set_rule('modify-many-rows', '{0}', threshold_rows => {1});")


def tps(cluster, way, script):
    cluster.sql(SET.format("error", "100000") if way == RULES else SET.format("default", "NULL"))
    setting = "" if way == PLAIN else "migrator"
    env = {"PGOPTIONS": f"-c session_preload_libraries={setting}"}
    process = cluster.popen("", program="pgbench", env=env,
                            options=("-n", "-b", script, "-M", "prepared", "-c", "1", "-T", str(SECONDS)))
    out, err = process.communicate()
    found = re.search(r"tps = ([\d.]+)", out)
    if process.returncode != 0 or not found:
        raise SystemExit(err)
    return float(found.group(1))


def main(pg_config):
    with Cluster(f"bench-hooks-{os.getpid()}", pg_config, "fsync = off", "autovacuum = off") as cluster:
        cluster.fresh()
        cluster.popen("", program="pgbench", options=("-i", "-s", "10", "-q"), env={"PGOPTIONS": "-c migrator.guard=off"}).communicate()
        cluster.sql("CHECKPOINT;")
        for script in ("select-only", "simple-update"):
            found = {way: [] for way in (PLAIN, PRELOADED, RULES)}
            for turn in range(TURNS):
                order = list(found) if turn % 2 else list(found)[::-1]
                for way in order:
                    found[way].append(tps(cluster, way, script))
            for way, numbers in found.items():
                against = [n / p for n, p in zip(numbers, found[PLAIN])]
                print(f"{script:14} {way:10} median {statistics.median(numbers):9.0f} tps, "
                      f"to plain {statistics.median(against):.3f} ({min(against):.3f} to {max(against):.3f})")


if __name__ == "__main__":
    main(sys.argv[1])
