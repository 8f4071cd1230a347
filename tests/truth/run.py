#!/usr/bin/env python3
"""Compares what the guard refuses with what Postgres does.

  tests/truth/run.py PG_CONFIG [--only ID,...] [--truth | --no-hints] [--break RULE] [--docs] [--list]

For each case the statement runs with the guard out of the way, and what it did is measured. Then it runs under the guard,
which must refuse it if and only if Postgres works through rows that exist while nobody can write to them. Then the hint
of the refusal is typed: the guard lets it through, and it makes the schema that the refused statement would have made.
"""

import argparse
import os
import queue
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "driver"))
sys.path.insert(2, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import case as cases  # noqa: E402
import docs  # noqa: E402
import faults  # noqa: E402
import guard  # noqa: E402
import measure  # noqa: E402
from harness import Cluster  # noqa: E402
from session import Gone, Session  # noqa: E402

WORKERS = 2


class Worker:
    """Sessions on two databases of its own: without the guard, and with it."""

    def __init__(self, cluster, number, has_guard):
        self.cluster, self.number, self.has_guard = cluster, number, has_guard
        self.connect()

    def connect(self):
        self.plain = Session(self.cluster, f"plain{self.number}")
        self.observer = Session(self.cluster, f"plain{self.number}")
        self.guarded = Session(self.cluster, f"guarded{self.number}") if self.has_guard else None

    def close(self):
        for session in (self.plain, self.observer, self.guarded):
            if session:
                session.close()

    def judge(self, case, hints):
        """The result of a case, as plain data; `problems` is what is wrong."""
        problems = []
        # The schema afterwards is asked for only where a hint has to make the same.
        truth = measure.measure(self.plain, self.observer, case, self.has_guard and hints and case.blocks)
        if truth.blocks != case.blocks:
            problems.append(f"the case says {_word(case.blocks)}, measured was {_word(truth.blocks)}")
        if bool(truth.error) != case.fails:
            problems.append(f"Postgres: {truth.error or 'no error'}")
        result = {"id": case.id, "group": case.group, "fixture": case.fixture, "statement": case.statement, "note": case.note,
                  "fails": case.fails, "blocks": truth.blocks, "at": truth.at, "work": truth.work, "locks": truth.locks,
                  "error": truth.error, "problems": problems}
        if self.guarded:
            verdict = guard.judge(self.guarded, case)
            result.update(refused=verdict.refused, rules=verdict.rules, online=verdict.online())
            problems += guard.compare(case, truth, verdict)
            if hints and verdict.refused and truth.facts and not problems:
                problems += guard.follow(self.guarded, case, truth, verdict)
        return result


def _word(blocks):
    return "blocking" if blocks else "benign"


def prepare(cluster, has_guard, broken):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema.sql")) as file:
        schema = file.read()
    cluster.sql("CREATE TABLESPACE elsewhere LOCATION ''; CREATE ROLE other; CREATE DATABASE plain0;", db="postgres")
    cluster.sql(schema, db="plain0")
    if has_guard:
        cluster.sql("CREATE DATABASE guarded0 TEMPLATE plain0;", db="postgres")
        guard.install(cluster, "guarded0", broken)
    for number in range(1, WORKERS + 1):
        for kind in ("plain", "guarded") if has_guard else ("plain",):
            cluster.sql(f"CREATE DATABASE {kind}{number} TEMPLATE {kind}0;", db="postgres")


def run(pg_config, selected, hints, broken=None, only_truth=False):
    """Results of the cases, in their order; what the server's log complains about; whether there is a guard."""
    settings = ("allow_in_place_tablespaces = on", "autovacuum = off", "max_wal_size = 2GB", "synchronous_commit = off",
                "full_page_writes = off", "jit = off", "max_prepared_transactions = 5", "wal_level = logical")
    with Cluster(f"truth-{os.getpid()}", pg_config, *settings) as cluster:
        has_guard = not only_truth and guard.is_installed(cluster)
        prepare(cluster, has_guard, broken)
        todo, results = queue.Queue(), {}
        for case in selected:
            todo.put(case)

        def work(number):
            worker = Worker(cluster, number, has_guard)
            while True:
                try:
                    case = todo.get_nowait()
                except queue.Empty:
                    break
                try:
                    results[case.id] = worker.judge(case, hints)
                except Exception as error:  # noqa: BLE001
                    text = str(error) if isinstance(error, (AssertionError, Gone)) else traceback.format_exc()
                    results[case.id] = {"id": case.id, "statement": case.statement, "broken": True, "problems": [text]}
                    worker.close()
                    time.sleep(1 if isinstance(error, Gone) else 0)
                    worker.connect()
            worker.close()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(1, WORKERS + 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        complaints = faults.found(cluster.log())
    return [results[case.id] for case in selected if case.id in results], complaints, has_guard


def show(result):
    print(f"not ok  {result['id']}: {result['statement']}")
    for problem in result["problems"]:
        print("    " + problem.strip().replace("\n", "\n    "), flush=True)


def self_check(pg_config, selected, results):
    """A harness that cannot fail proves nothing: without a rule, exactly its cases must disagree."""
    refused = {}
    for result in results:
        if result.get("refused") and not result["fails"] and len(result["rules"]) == 1:
            refused.setdefault(result["rules"][0], []).append(result["id"])
    if len(refused) < 2:
        return ["fewer than two rules refused anything"]
    rule = min((rule for rule in refused if len(refused[rule]) > 1), key=lambda rule: len(refused[rule]), default=min(refused))
    others = [ids[0] for other, ids in refused.items() if other != rule]
    ids = set(refused[rule] + others)
    again, _, _ = run(pg_config, [case for case in selected if case.id in ids], False, rule)
    disagree = {result["id"] for result in again if result["problems"]}
    print(f"self-check: without {rule}, {len(disagree)} of {len(ids)} cases disagree")
    if disagree != set(refused[rule]):
        return [f"self-check: without {rule} the cases {sorted(refused[rule])} must disagree, but it was {sorted(disagree)}"]
    return []


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pg_config")
    parser.add_argument("--only", help="ids of cases, or beginnings of them, separated by commas")
    parser.add_argument("--truth", action="store_true", help="measure only, without the guard")
    parser.add_argument("--no-hints", action="store_true", help="do not type the hints")
    parser.add_argument("--break", dest="broken", metavar="RULE", help="switch a rule off; disagreement must show")
    parser.add_argument("--docs", action="store_true", help="write docs/guard-truth.md from the last full run of each major")
    parser.add_argument("--list", action="store_true", help="show what was measured, for each case")
    arguments = parser.parse_args()

    major = guard.major_of(arguments.pg_config)
    selected = cases.load(major)
    if arguments.only:
        wanted = arguments.only.split(",")
        selected = [case for case in selected if any(case.id.startswith(name) for name in wanted)]
    begun = time.time()
    results, complaints, has_guard = run(arguments.pg_config, selected, not arguments.no_hints,
                                     arguments.broken, arguments.truth)
    failed = [result for result in results if result["problems"]]
    for result in failed:
        show(result)
    if arguments.list:
        for result in results:
            if not result.get("broken"):
                print(_line(result))
    if not has_guard:
        print("only the truth was measured: the guard was not asked, or the extension is not installed")
    elif not arguments.only and not arguments.broken:
        docs.save(major, results)
        if docs.has_rules(results):
            complaints += self_check(arguments.pg_config, selected, results)
        if arguments.docs:
            docs.write()
    for line in complaints:
        print(f"not ok  {line}")
    print(f"PostgreSQL {major}: {len(results)} cases in {time.time() - begun:.0f} s")
    print(f"{len(results) - len(failed)} passed, {len(failed) + len(complaints)} failed")
    return 1 if failed or complaints or not results else 0


def _line(result):
    locks = " ".join(f"{name}:{mode}" for name, mode in sorted(result["locks"].items()))
    rules = " | " + ", ".join(result["rules"]) if result.get("refused") else ""
    return f"{result['id']:34} {_word(result['blocks']):9} {', '.join(result['work']) or '-'} | {locks}{rules}"


if __name__ == "__main__":
    sys.exit(main())
