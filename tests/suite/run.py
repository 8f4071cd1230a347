#!/usr/bin/env python3
"""Postgres's own regression and isolation suites with the extension: tests/suite/run.py PG_CONFIG [regress|isolation] [ROUND...]

Rounds, each with a cluster of its own, the guard enforcing in all but the first:
  without    as a baseline: no extension
  with       `--load-extension=migrator`; rules about what a statement means rather than what it blocks (drop-table, rename-column)
             are allowed, because they speak whatever the size of the table, and the suites drop and rename all the time
  preloaded  the same, and the library in shared_preload_libraries
  installed  as it is installed: every rule speaks

In `with` and `preloaded` the tests that fail must be those that fail without it, and those in tests/suite/expected/: each says
on its first lines why, and then exactly which lines differ. Any other difference, or one that is gone, fails. In `installed`
many tests differ; what counts there is which rules refuse and warn, and they must be those of tests/suite/installed.txt. A
fault in the server's log fails every round.
"""

import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [f"{ROOT}/tests", f"{ROOT}/tests/driver"]
import faults  # noqa: E402
from harness import Cluster, as_owner  # noqa: E402

LOAD = "--load-extension=migrator"
PRELOAD = "shared_preload_libraries = 'migrator'"
ROUNDS = {"without": ([], []), "with": ([LOAD], []), "preloaded": ([LOAD], [PRELOAD]), "installed": ([LOAD], [])}
SUITES = {
    "regress": ("pg_regress", "parallel_schedule", "regression"),
    "isolation": ("pg_isolation_regress", "isolation_schedule", "isolation_regression"),
}


def source(pg_config):
    return subprocess.check_output([f"{ROOT}/tools/regress-source.sh", pg_config], text=True).strip()


def run(cluster, tree, suite, options):
    """Runs a suite as the server's user, who must be able to read and write its files. Returns {test: lines that differ}."""
    program, schedule, _ = SUITES[suite]
    work = f"{cluster.socket}/{suite}"
    for part in ["regress", "isolation"]:
        shutil.copytree(f"{tree}/src/test/{part}", f"{cluster.socket}/{part}", symlinks=True)
    owner = os.stat(cluster.socket)
    subprocess.run(["chown", "-R", f"{owner.st_uid}:{owner.st_gid}", work, f"{cluster.socket}/regress"], check=True)
    command = [f"./{program}", "--inputdir=.", "--outputdir=.", f"--bindir={cluster.bindir}", "--dlpath=.",
               "--max-concurrent-tests=20", f"--schedule={schedule}", f"--host={cluster.socket}", "--port=54329",
               "--user=postgres", *options]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "RUST_"))}
    done = subprocess.run([*as_owner(cluster.socket), *command], cwd=work, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    return done.stdout, differing(work)


def allow_what_does_not_block(cluster):
    """Lets pass, in the whole cluster, what rules about other things than blocking would refuse."""
    cluster.fresh("rules")
    allowed = cluster.sql("SELECT string_agg(rule, ', ' ORDER BY rule) FROM migrator.rules WHERE class <> 'blocking'", db="rules")
    path = f"{cluster.socket}/data/postgresql.conf"
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"migrator.allow = '{allowed}'\n")
    cluster.sql("DROP DATABASE rules; SELECT pg_reload_conf();", db="postgres")


def spoken(differs):
    """The rules that refused ("error") and warned, and how often."""
    counts = {}
    for lines in differs.values():
        for line in lines:
            match = re.match(r"\+.*(ERROR|WARNING):  .* \[([a-z-]+)\]$", line)
            if match:
                key = (match.group(2), match.group(1).lower())
                counts[key] = counts.get(key, 0) + 1
    return counts


def check_installed(differs):
    """What is not as tests/suite/installed.txt says: `rule action reason` on each line."""
    with open(f"{HERE}/installed.txt", encoding="utf-8") as file:
        known = {tuple(line.split()[:2]) for line in file if line.strip() and not line.startswith("#")}
    return [f"[{rule}] is an unexpected {action}, {number} times" for (rule, action), number in sorted(spoken(differs).items())
            if (rule, action) not in known]


def differing(work):
    """{test: the lines of regression.diffs that differ, without their numbers}"""
    found, test = {}, None
    try:
        with open(f"{work}/regression.diffs", encoding="utf-8", errors="replace") as file:
            for line in file:
                line = line.rstrip("\n")
                if line.startswith("diff "):
                    test = os.path.basename(line.split()[-1]).removesuffix(".out")
                    found[test] = []
                elif re.match(r"(---|\+\+\+) .*\.out\t", line):
                    continue
                elif line.startswith(("+", "-", "\\")) and test:
                    # OIDs and numbers of sequences depend on what was done before.
                    found[test].append(re.sub(r" *\b\d{4,6}\b", " #", line))
    except FileNotFoundError:
        pass
    return found


def failed(output):
    """The tests that failed, in their order."""
    return re.findall(r"^not ok \d+ +[-+] (\S+)", output, re.MULTILINE) + re.findall(
        r"^(?:test )?(\S+) +\.\.\. +FAILED", output, re.MULTILINE)


def ran(output):
    return len(re.findall(r"^(?:not )?ok \d+ ", output, re.MULTILINE))


def expected(suite, test, major):
    """The lines that are known to differ, or None."""
    for name in [f"{test}_{major}", test]:
        path = f"{HERE}/expected/{suite}/{name}.diff"
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                return [line for line in file.read().splitlines() if not line.startswith("#")]
    return None


def listed(suite, major):
    """The tests with a file that is for this major."""
    try:
        names = {name.removesuffix(".diff") for name in os.listdir(f"{HERE}/expected/{suite}")}
    except FileNotFoundError:
        return set()
    return {re.sub(r"_\d\d$", "", name) for name in names
            if not re.search(r"_\d\d$", name) or name.endswith(f"_{major}")}


def compare(suite, round_name, major, baseline, differs):
    """What is not as expected, as sentences."""
    wrong = []
    for test in sorted(set(differs) | listed(suite, major)):
        lines = differs.get(test, [])
        if test in baseline:
            if lines != baseline[test]:
                wrong.append(f"{test} fails without the extension too, but in other lines")
        elif lines != (expected(suite, test, major) or []):
            wrong.append(f"{test} differs otherwise than tests/suite/expected/{suite} says" if lines
                         else f"{test} no longer differs")
    return wrong


def keep(cluster, suite, round_name):
    """Copies what a person wants to read, also for writing an expected file."""
    folder = f"{ROOT}/target/results/pg{cluster.major}/suite/{suite}-{round_name}"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for name in ["regression.out", "regression.diffs", "results"]:
        path = f"{cluster.socket}/{suite}/{name}"
        if os.path.isdir(path):
            shutil.copytree(path, f"{folder}/{name}", symlinks=True, ignore_dangling_symlinks=True)
        elif os.path.exists(path):
            shutil.copy(path, folder)
    shutil.copy(f"{cluster.socket}/log", f"{folder}/server.log")
    return folder


def main(pg_config, suites, rounds):
    faults.check_patterns()
    tree = source(pg_config)
    bad = 0
    for suite in suites:
        baseline, known = {}, set()
        for name in rounds:
            options, settings = ROUNDS[name]
            begun = time.time()
            with Cluster(f"suite-{os.getpid()}", pg_config, "max_prepared_transactions = 5", *settings) as cluster:
                if name in ("with", "preloaded"):
                    allow_what_does_not_block(cluster)
                output, differs = run(cluster, tree, suite, options)
                folder = keep(cluster, suite, name)
                # Some tests of the suite provoke what would be a fault elsewhere.
                faulty = {line.split("]", 1)[-1] for line in faults.found(cluster.log())} - known
                major = cluster.major
            for test, lines in differs.items():
                with open(f"{folder}/{test}.diff", "w", encoding="utf-8") as file:
                    file.write("\n".join(lines) + "\n")
            if name == "without":
                baseline, known, wrong, faulty = differs, faulty, [], set()
            elif name == "installed":
                wrong = check_installed(differs)
                print("".join(f"        {number} x {action} [{rule}]\n" for (rule, action), number in sorted(spoken(differs).items())), end="")
            else:
                wrong = compare(suite, name, major, baseline, differs)
            if ran(output) == 0 or set(failed(output)) - set(differs):
                wrong.append(f"tests failed without a difference to show, or none ran:\n{output[-2000:]}")
            wrong += [f"server log: {line}" for line in sorted(faulty)]
            bad += len(wrong)
            print(f"{'not ok' if wrong else 'ok    '}  {suite} {name} on {major}: {ran(output)} tests, "
                  f"{len(differs)} differ ({' '.join(sorted(differs)) or 'none'})  {time.time() - begun:.0f} s", flush=True)
            for sentence in wrong:
                print(f"    {sentence}", flush=True)
            if wrong:
                print(f"    see {folder}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    words = sys.argv[2:]
    sys.exit(main(sys.argv[1], [w for w in words if w in SUITES] or list(SUITES),
                  [w for w in words if w in ROUNDS] or list(ROUNDS)))
