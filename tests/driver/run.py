#!/usr/bin/env python3
"""Runs the driver's tests against one server: tests/driver/run.py PG_CONFIG [NAME...]

A test is a function test_* of a module test_*.py here; it gets a running cluster with an empty database `test` that has
the extension.
"""

import importlib
import os
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import faults  # noqa: E402
from harness import Cluster  # noqa: E402


def tests(names):
    for file in sorted(os.listdir(HERE)):
        if file.startswith("test_") and file.endswith(".py"):
            module = importlib.import_module(file[:-3])
            for name, function in list(vars(module).items()):
                if name.startswith("test_") and callable(function) and (not names or name[5:] in names):
                    yield name[5:], function


def main(pg_config, names):
    faults.check_patterns()
    passed = failed = 0
    with Cluster(f"driver-{os.getpid()}", pg_config, "max_prepared_transactions = 5", "max_wal_size = 4GB") as cluster:
        for name, function in tests(names):
            begun = time.time()
            try:
                cluster.fresh()
                function(cluster)
            except Exception as error:  # noqa: BLE001
                failed += 1
                print(f"not ok  {name}  {time.time() - begun:.1f} s", flush=True)
                if not isinstance(error, AssertionError):
                    traceback.print_exc()
                print(f"    {error}".replace("\n", "\n    "), flush=True)
            else:
                passed += 1
                print(f"ok      {name}  {time.time() - begun:.1f} s", flush=True)
        # The only signals are the kills of the tests themselves.
        for line in faults.found(cluster.log(), killed=True):
            failed += 1
            print(f"not ok  server log: {line}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], [name.removeprefix("test_") for name in sys.argv[2:]]))
