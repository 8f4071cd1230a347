#!/usr/bin/env python3
"""Runs the driver's tests against one server: tests/driver/run.py PG_CONFIG [NAME...]

A test is a function test_* of a module test_*.py here; it gets a running cluster with an empty database `test` that has
the extension. Most of a test is waiting, so JOBS of them (three, if not told) run at a time, each on a cluster of its own.
"""

import importlib
import os
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import faults  # noqa: E402
from harness import Cluster  # noqa: E402

PRELOADED = os.environ.get("MIGRATOR_TEST_PRELOAD")


def tests(names):
    """The wanted ones. The last modules first: they have the longest tests, which would otherwise run alone at the end."""
    for file in sorted(os.listdir(HERE), reverse=True):
        if file.startswith("test_") and file.endswith(".py"):
            module = importlib.import_module(file[:-3])
            for name, function in list(vars(module).items()):
                if not name.startswith("test_") or not callable(function) or (names and name[5:] not in names):
                    continue
                # What is not covered without the hooks cannot be seen with them.
                if PRELOADED and getattr(function, "without_hooks", False):
                    continue
                yield name[5:], function


class Run:
    """Takes tests off a list until none is left, in as many threads as asked for."""

    def __init__(self, pg_config, names):
        self.pg_config = pg_config
        self.left = list(tests(names))[::-1]
        if unknown := set(names) - {name for name, _ in self.left}:
            sys.exit(f"no such test: {', '.join(sorted(unknown))}")
        self.passed = self.failed = 0
        self.one_at_a_time = threading.Lock()

    def next(self):
        with self.one_at_a_time:
            return self.left.pop() if self.left else None

    def tell(self, passed, line, *details):
        with self.one_at_a_time:
            self.passed += passed
            self.failed += not passed
            print("\n".join((("ok      " if passed else "not ok  ") + line, *details)), flush=True)

    def test(self, cluster, name, function):
        begun = time.time()
        try:
            cluster.fresh()
            function(cluster)
        except Exception as error:  # noqa: BLE001
            where = [] if isinstance(error, AssertionError) else [traceback.format_exc()]
            self.tell(False, f"{name}  {time.time() - begun:.1f} s", *where, f"    {error}".replace("\n", "\n    "))
        else:
            self.tell(True, f"{name}  {time.time() - begun:.1f} s")

    def work(self, job):
        try:
            with Cluster(f"driver-{os.getpid()}-{job}", self.pg_config, "max_prepared_transactions = 5", "max_wal_size = 4GB") as cluster:
                while wanted := self.next():
                    self.test(cluster, *wanted)
                # The only signals are the kills of the tests themselves.
                for line in faults.found(cluster.log(), killed=True):
                    self.tell(False, f"server log: {line}")
        except Exception:  # noqa: BLE001
            self.tell(False, f"cluster {job}", traceback.format_exc())


def main(pg_config, names):
    faults.check_patterns()
    run = Run(pg_config, names)
    jobs = [threading.Thread(target=run.work, args=(job,)) for job in range(min(int(os.environ.get("JOBS", 3)), len(run.left)))]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    print(f"{run.passed} passed, {run.failed} failed")
    return 1 if run.failed or not run.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], [name.removeprefix("test_") for name in sys.argv[2:]]))
