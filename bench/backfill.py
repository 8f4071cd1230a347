#!/usr/bin/env python3
"""What a backfill costs: bench/backfill.py PG_CONFIG [--docs] [--quick]

Ways to fill a column of a large table, taking turns in one run: one UPDATE, the LIMIT loop of many guides, a keyset loop
in plpgsql, and migrator.backfill. Time, WAL, HOT updates and growth alone; WAL with a random key and frequent
checkpoints; the latency of others meanwhile. With --docs writes docs/backfill-speed.md and its pictures. --quick tries
the benchmark itself on tables too small to mean anything.
"""

import math
import os
import platform
import statistics
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests/driver"))
from harness import Cluster  # noqa: E402
from page import publish, table  # noqa: E402
from plot import SHADE, Column, Panel, grid  # noqa: E402
from ways import (AFTER, BUSY, BY_KEY, CAP, FROM_START, KEYSET, KEYSET_ROWS, LIMIT, LIMIT_ROWS, METHODS, OURS, OURS2, TARGET_MS, UPDATE, measure,  # noqa: E402
                  percentile, sql, template)

QUICK = "--quick" in sys.argv
SMALL, BIG, RANDOM, LOADED = (20000, 80000, 20000, 40000) if QUICK else (1000000, 4000000, 500000, 1000000)
TURNS = 1 if QUICK else 3
BASELINE = 3 if QUICK else 12       # seconds of the other sessions alone, before each run

SETTINGS = ("fsync = on", "shared_buffers = 1GB", "checkpoint_timeout = 30min", "autovacuum = off")
# With min_wal_size the files of the WAL are there already, as on a server that has run for long.
RARE, FREQUENT = ("max_wal_size = 8GB", "min_wal_size = 4GB"), ("max_wal_size = 64MB",)


def turns(cluster, key, rows, methods, once=(), loaded=False):
    """Runs of each method; every turn begins with another one."""
    name, runs = template(cluster, key, rows), {method: [] for method in methods}
    for turn in range(TURNS):
        first = turn * 2 % len(methods)
        for method in methods[first:] + methods[:first]:
            if method not in once or not runs[method]:
                runs[method].append(measure(cluster, name, rows, method, BASELINE if loaded else 0))
    sql(cluster, f"DROP DATABASE {name};", "postgres")
    return runs


def median(runs, value):
    return statistics.median(value(run) for run in runs)


def ratio(one, other, value):
    """The median of the turns' ratios."""
    return statistics.median(value(a) / value(b) for a, b in zip(one, other))


def seconds(run):
    return run.seconds


def wal(run):
    return run.wal


def growth(run):
    return max(run.growth, 1)


def p99(run):
    return percentile(run.during, 0.99)


def usual(runs):
    """The p99 of the others alone: one number, for it cannot depend on the way that comes after."""
    return statistics.median(percentile(run.alone, 0.99) for each in runs.values() for run in each)


def longest(runs):
    return max(run.during[-1] for run in runs)


def total(runs, value):
    return sum(value(run) for run in runs)


def stopped(runs):
    """A LIMIT loop that was stopped has no time of its own, only a bound."""
    return "> " if any(run.missed and run.seconds > CAP for run in runs) else ""


def costs(runs):
    """The table of one size."""
    base = runs[UPDATE]
    rows = [("", "seconds (fastest-slowest)", "rows/s", "speed", "WAL bytes/row", "WAL", "full-page images", "HOT", "heap pages", "growth",
             "index pages", "missed", "changed again")]
    for method, each in runs.items():
        one = each[0]
        rows.append((method, f"{stopped(each)}{median(each, seconds):.1f} ({min(map(seconds, each)):.1f}-{max(map(seconds, each)):.1f})",
                     f"{one.rows / median(each, seconds):.0f}", f"{ratio(base, each, seconds):.2f}",
                     f"{median(each, wal) / one.rows:.0f}", f"{ratio(each, base, wal):.2f}", f"{median(each, lambda r: r.fpi):.0f}",
                     f"{100 * median(each, lambda r: r.hot / max(r.updated, 1)):.0f} %",
                     f"{one.heap[0]} → {median(each, lambda r: r.heap[1]):.0f}", f"{ratio(each, base, growth):.2f}",
                     f"{one.index[0]} → {median(each, lambda r: r.index[1]):.0f}",
                     total(each, lambda r: r.missed), total(each, lambda r: max(r.updated - r.rows + r.missed, 0))))
    return table(*rows)


def waits(runs):
    """The table of what others notice."""
    rows = [("", "seconds", "p50 alone", "p50", "p99 alone", "p99", "p99 ratio", "longest alone", "longest", "missed")]
    for method, each in runs.items():
        rows.append((method, f"{median(each, seconds):.1f}",
                     *(f"{median(each, lambda r: percentile(part(r), share)):.1f}"
                       for share in (0.5, 0.99) for part in (lambda r: r.alone, lambda r: r.during)),
                     f"{median(each, p99) / usual(runs):.1f}", f"{max(r.alone[-1] for r in each):.0f}", f"{longest(each):.0f}",
                     "" if method == BUSY else total(each, lambda r: r.missed)))
    return table(*rows)


def verdicts(small, big, random, loaded):
    """What was asked, what came out."""
    everything = [run for runs in (small, big, random, loaded) for method in (OURS, OURS2) for run in runs.get(method, [])]
    asked = [
        ("speed of 1 worker to one UPDATE, {n:,} rows", ">=", 1.0, lambda runs: ratio(runs[UPDATE], runs[OURS], seconds), (small, big)),
        ("speed of 2 workers to one UPDATE, {n:,} rows", ">=", 1.6, lambda runs: ratio(runs[UPDATE], runs[OURS2], seconds), (small, big)),
        ("WAL to one UPDATE, {n:,} rows", "<=", 0.65, lambda runs: ratio(runs[OURS], runs[UPDATE], wal), (small, big)),
        ("heap growth to one UPDATE, {n:,} rows", "<=", 0.35, lambda runs: ratio(runs[OURS], runs[UPDATE], growth), (small, big)),
        ("speed to the LIMIT loop, {n:,} rows", ">=", 3, lambda runs: ratio(runs[LIMIT], runs[OURS], seconds), (small,)),
        ("speed to the LIMIT loop, {n:,} rows", ">=", 8, lambda runs: ratio(runs[LIMIT], runs[OURS], seconds), (big,)),
        (f"speed to the {FROM_START}, {{n:,}} rows", ">=", 8, lambda runs: ratio(runs[FROM_START], runs[OURS], seconds), (big,)),
        (f"time of {BIG:,} rows to {SMALL:,}", "<=", 4.4, lambda runs: ratio(runs[OURS], small[OURS], seconds), (big,)),
        ("WAL to one UPDATE, random uuid key, frequent checkpoints", "<=", 0.6, lambda runs: ratio(runs[OURS], runs[UPDATE], wal), (random,)),
        ("p99 of others to their p99 alone", "<=", 2, lambda runs: median(runs[OURS], p99) / usual(runs), (loaded,)),
        ("the same to their p99 beside a core kept busy", "<=", 2, lambda runs: median(runs[OURS], p99) / median(runs[BUSY], p99), (loaded,)),
        ("longest wait of others, ms", "<=", 3 * TARGET_MS, lambda runs: longest(runs[OURS]), (loaded,)),
        (f"rows missed in {len(everything)} runs", "<=", 0, lambda _: total(everything, lambda r: r.missed), (small,)),
    ]
    rows, missed = [("1 worker unless stated", "asked", "measured", "met")], []
    for what, sign, bound, value, where in asked:
        for runs in where:
            found, name = value(runs), what.format(n=runs[UPDATE][0].rows)
            met = found >= bound if sign == ">=" else found <= bound
            rows.append((name, f"{sign} {bound}", f"{found:.0f}" if found >= 100 or not bound else f"{found:.2f}", "yes" if met else "**no**"))
            missed += [] if met else [name]
    return table(*rows) + ["", f"Not met: {'; '.join(missed)}." if missed else "All met."]


BLUE, ORANGE, GREEN = "#3b82f6", "#e8590c", "#2f9e44"


def typical(runs):
    """The run that took the median time."""
    return sorted(runs, key=seconds)[len(runs) // 2]


def rates(run, width):
    """Rows committed per second, a step each `width` seconds; None when all came at once."""
    if not any(0 < done < run.progress[-1][1] for _, done in run.progress):
        return None
    edges = [n * width for n in range(max(1, math.floor(run.seconds / width)))] + [run.seconds]
    points, known = [], iter(run.progress)
    (left, low), (right, high) = next(known), next(known)
    reached = [0.0]
    for edge in edges[1:]:
        while right < edge:
            (left, low), (right, high) = (right, high), next(known)
        reached.append(low + (high - low) * (edge - left) / max(right - left, 1e-9))
    for n in range(len(edges) - 1):
        rate = (reached[n + 1] - reached[n]) / (edges[n + 1] - edges[n])
        points += [(edges[n], rate), (edges[n + 1], rate)]
    return points


def speeds(runs, title):
    """A column of rows/s."""
    shown = {method: typical(each) for method, each in runs.items() if method != FROM_START}
    width = max(run.seconds for run in shown.values()) / 60
    curves = {method: rates(run, max(width, 0.5)) for method, run in shown.items()}
    top = max((rate for curve in curves.values() if curve for _, rate in curve), default=1)
    panels = {}
    for method, run in shown.items():
        curve = curves[method] or [(0, 0)]
        panels[method] = Panel(lines=[(BLUE, [*curve, (run.seconds, 0)])], note=f"{run.seconds:.1f} s",
                               spike=None if curves[method] else (run.seconds, f"all {run.rows:,} rows at its commit"))
    return Column(title, (0, max(run.seconds for run in shown.values())), (0, top * 1.1)), panels


def latencies(runs, title):
    """A column of what others waited."""
    shown = {method: typical(each) for method, each in runs.items()}
    panels = {}
    for method, run in shown.items():
        lines = []
        for colour, bin, value in ((ORANGE, 0.25, max), (GREEN, 1, statistics.median)):
            bins = {}
            for at, ms in run.latencies:
                bins.setdefault(math.floor(at / bin), []).append(ms)
            lines.append((colour, [((n + 0.5) * bin, value(bins[n])) for n in sorted(bins) if -5 <= n * bin < run.seconds + AFTER]))
        panels[method] = Panel(lines=lines, levels=[(ORANGE, usual(runs))], spans=[(0, run.seconds)])
    longest = max(run.seconds for run in shown.values())
    return Column(title, (-5, longest + AFTER), (0.1, 10000), log=True), panels


def picture(title, columns, legend):
    return grid(title, [column for column, _ in columns],
                [(method, [panels[method] for _, panels in columns]) for method in columns[0][1]], legend)


def pictures(small, big, loaded):
    committed = (BLUE, "solid", "rows committed per second")
    small = {method: runs for method, runs in small.items() if method in big}
    return (picture("Rows committed per second", [speeds(small, f"rows/s, {SMALL:,} rows"), speeds(big, f"rows/s, {BIG:,} rows")], [committed]),
            picture("Rows committed per second, and the latency of others",
                    [speeds(loaded, f"rows/s, {LOADED:,} rows"), latencies(loaded, "latency of others, ms")],
                    [committed, (ORANGE, "solid", "slowest in 250 ms"), (GREEN, "solid", "median of each second"),
                     (ORANGE, "dashed", "p99 alone"), (SHADE, "area", "while it runs")]))


def machine(major):
    with open("/proc/cpuinfo") as file:
        models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return f"PostgreSQL {major} on {platform.system()}, {os.cpu_count()} cores{f' ({models[0]})' if models else ''}"


def main():
    begun, load = time.time(), os.getloadavg()[0]
    methods = [UPDATE, LIMIT, KEYSET, OURS, OURS2]
    with Cluster(f"bench-{os.getpid()}", sys.argv[1], *SETTINGS, *RARE) as cluster:
        small = turns(cluster, "bigint", SMALL, [*methods, BY_KEY])
        big = turns(cluster, "bigint", BIG, methods + [FROM_START], once=(LIMIT, FROM_START))
        loaded = turns(cluster, "bigint", LOADED, [BUSY] + methods, once=(LIMIT,), loaded=True)
        major = cluster.major
    with Cluster(f"bench-{os.getpid()}", sys.argv[1], *SETTINGS, *FREQUENT) as cluster:
        random = turns(cluster, "uuid", RANDOM, [*(method for method in methods if method != LIMIT), BY_KEY])
    lines = ["**A trial with --quick. Its numbers mean nothing.**", ""] if QUICK else []
    lines += [
        f"{machine(major)}; {', '.join(SETTINGS + RARE)}. A table `t (id bigint PRIMARY KEY, a int, b int, old text, new text, pad text)` of "
        "100-byte rows with indexes on `a` and `b`; each way does the work of `UPDATE t SET new = old WHERE new IS NULL`:", "",
        *table(("", "how"), (UPDATE, "that statement"),
               (LIMIT, f"`UPDATE … WHERE id IN (SELECT id … WHERE new IS NULL LIMIT {LIMIT_ROWS} FOR UPDATE SKIP LOCKED)` and COMMIT until nothing is left"),
               (KEYSET, f"plpgsql: the next {KEYSET_ROWS} keys in order, `UPDATE … WHERE id > … AND id <= … AND new IS NULL`, COMMIT"),
               (OURS, f"`{METHODS[OURS].rstrip(';')}`"), (OURS2, "the same with `workers => 2`"),
               (BY_KEY, f"`{METHODS[BY_KEY].rstrip(';')}`: along the key, each row once")), "",
        f"Every run starts from the same copy of the files after a CHECKPOINT. {TURNS} turns, each way once a turn (the LIMIT loop at {BIG:,} "
        "rows and beside others only once), beginning with another one each turn. Seconds are medians; ratios are medians of the ratios within "
        "a turn. WAL includes what the way writes about itself. Rows, WAL, HOT and pages repeat to a few parts in a thousand; seconds are as "
        f"quiet as the machine, so their range is given (load average when it began {load:.1f}).", "",
        "## Asked and measured", "", *verdicts(small, big, random, loaded)]
    for size, runs in ((SMALL, small), (BIG, big)):
        lines += ["", f"## {size:,} rows", "", *costs(runs)]
    lines += ["", "`speed`, `WAL` and `growth` (of the heap) are ratios to one UPDATE. `missed` are rows where `new` differs from `old` "
              "afterwards, `changed again` row versions beyond one a row, both summed over the turns. The LIMIT loop at "
              f"{BIG:,} rows is there twice: with a table larger than a quarter of `shared_buffers`, a scan begins where the last one ended, and the "
              "loop need not read again what is done. With more `shared_buffers`, or `synchronize_seqscans` off, it must. Time of "
              f"{BIG:,} to {SMALL:,} rows: " + ", ".join(f"{method} {ratio(big[method], small[method], seconds):.1f}" for method in methods) + ".",
              "", "![rows per second](backfill-speed.svg)", "",
              "Rows committed per second. A loop announces them after each commit, migrator in `migrator.backfills`; of one UPDATE nothing is to "
              "be seen until its commit.",
              "", f"## Random key, frequent checkpoints: {RANDOM:,} rows, uuid, {FREQUENT[0]}", "", *costs(random), "",
              "Full-page images depend on when checkpoints happen to begin.",
              "", f"## What others notice: {LOADED:,} rows, pgbench beside it", "",
              f"`pgbench -c 4 -j 1 -R 400`, each transaction an update of one random row of the table. `alone` are the {BASELINE - 1} s before each "
              "run. Milliseconds from when a transaction was due, of those due while the way ran. Percentiles are medians of the turns, the ratio "
              f"is to the median p99 alone of all runs, {usual(loaded):.1f} ms; `longest` is over all turns.", "", *waits(loaded), "",
              "![rows per second and latency](backfill-latency.svg)", "", f"All of it took {(time.time() - begun) / 60:.0f} minutes."]
    speed, latency = pictures(small, big, {method: each for method, each in loaded.items() if method != BUSY})
    publish("backfill", "What a backfill costs", lines, {"backfill-speed.svg": speed, "backfill-latency.svg": latency})


if __name__ == "__main__":
    main()
