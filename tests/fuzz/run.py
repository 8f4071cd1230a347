#!/usr/bin/env python3
"""Feeds the extension with statements nobody would write: tests/fuzz/run.py PG_CONFIG [STATEMENTS]

Every statement of Postgres's regression suite and of our own tests, mutations of them, and random bytes go to
migrator.lint, to migrator.register, and, when they are DDL, to Postgres itself under the guard's event triggers: in a
transaction and outside, as the owner of the database, who is no superuser. What must not happen: a crash, a fault in the
server's log, an internal error, an answer that changes, memory that grows. And a statement that the guard lets through
must end exactly as in a database without the extension: same result, or same error with the same code, texts and position.

FUZZ_SEED: the mutations are a function of it; statement number n of a seed is always the same. FUZZ_ONLY=n runs one.
JOBS feed at a time, each a cluster of its own: as many as there are processors, if not told.
"""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, f"{ROOT}/tests", f"{ROOT}/tests/driver", f"{ROOT}/tests/suite"]
import corpus  # noqa: E402
import faults  # noqa: E402
from harness import Cluster  # noqa: E402
from mutate import Mutator  # noqa: E402
from server import Server  # noqa: E402
from shrink import shrink  # noqa: E402
from wire import Crash  # noqa: E402

BATCH = 200
NONE = corpus.Statement("box", b"")
# After so many statements the databases are made anew, and the log is read.
LAP = 20_000
LAP_BATCHES = LAP // BATCH
# What any run leads to.
REACHED = ["findings", "registered", "ddl ran", "ddl refused", "warnings of the guard"]
DDL = re.compile(rb"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(create|alter|drop|comment|grant|revoke|reindex|refresh|security|import|do|"
                 rb"truncate|cluster|vacuum|lock|reassign|analyze|select\b.*?\binto|with\b.*?\binto)\b", re.IGNORECASE | re.DOTALL)


class Fuzzer:
    """Feeds batches, and knows what was wrong."""

    def __init__(self, server, quiet=False):
        self.server, self.quiet = server, quiet
        self.wrong, self.counts, self.seen = [], {}, set()

    def count(self, what, number=1):
        self.counts[what] = self.counts.get(what, 0) + number

    def report(self, kind, text, found, key=None, feed=None):
        """Notes what is wrong, once for each kind of it, and looks for the shortest statement with which it is."""
        key = (kind, key or re.sub(r"[\d\"'].*", "", found[:60]))
        self.count(f"wrong: {kind}")
        if key in self.seen:
            return
        self.seen.add(key)
        self.wrong.append(key)
        if self.quiet:
            return
        print(f"not ok  {kind}: {found}\n    in schema {text.schema}\n    {text.text[:1500]!r}", flush=True)
        if feed:
            short = shrink(text.text, lambda shorter: self.is_wrong(feed, text._replace(text=shorter), key))
            print(f"    in short: {short[:1500]!r}", flush=True)

    def is_wrong(self, feed, text, key):
        """Whether a statement is wrong in that way."""
        other = Fuzzer(self.server, quiet=True)
        try:
            getattr(other, feed)([text])
        except Crash:
            self.server.recover()
        return key in other.wrong

    def batch(self, texts):
        """All that is done with some statements; after a crash, with each of them alone to find the one."""
        # New sessions: with assertions a server looks through all the memory of a session after each message.
        self.server.close()
        # What registers a script lints it too.
        for feed, some in [(self.lint, texts[::2]), (self.register, texts[1::2]), (self.run, texts)]:
            begun = time.time()
            try:
                feed(some)
            except Crash as crash:
                self.blame(feed, some, crash)
            self.count(f"seconds of {feed.__name__}", time.time() - begun)

    def blame(self, feed, texts, crash):
        self.count("lost sessions")
        self.server.recover()
        for text in texts:
            try:
                feed([text])
            except Crash as again:
                self.server.recover()
                self.report("crash", text, f"{feed.__name__}: {again}", key=(feed.__name__, str(again)))
                return
        if self.server.has_crashed():
            self.report("crash", texts[0], f"{feed.__name__}, not by one of {len(texts)} statements alone: {crash}")

    def lint(self, texts):
        texts = [text for text in texts if is_utf8(text.text)]
        outcomes = self.server.call(b"lint", texts)
        for text, outcome in zip(texts, outcomes):
            self.count("lint")
            self.count("findings", len(outcome.rows))
            self.check_error("lint", text, outcome)
        again = [(text, outcome) for i, (text, outcome) in enumerate(zip(texts, outcomes)) if i % 20 == 0]
        for (text, first), second in zip(again, self.server.call(b"lint", [text for text, _ in again])):
            if (first.rows, first.sqlstate) != (second.rows, second.sqlstate) and "57014" not in (first.sqlstate, second.sqlstate):
                self.report("lint changes its answer", text, f"{first.sqlstate} {first.rows!r} then {second.sqlstate} {second.rows!r}", feed="lint")

    def register(self, texts):
        texts = [text for text in texts if is_utf8(text.text)]
        for text, outcome in zip(texts, self.server.call(b"register", texts)):
            self.count("register")
            self.count("registered", outcome.sqlstate == "00000")
            self.check_error("register", text, outcome)

    def check_error(self, what, text, outcome):
        """An internal error that Postgres itself does not raise for the statement is ours."""
        if outcome.sqlstate == "XX000" or "internal error in migrator" in (outcome.error or {}).get("M", ""):
            self.report(f"internal error in {what}", text, outcome.error["M"], feed=what)
        for notice in outcome.notices:
            self.check_notice(what, text, notice)

    def check_notice(self, what, text, notice):
        for line in faults.found(f"{notice['S']}:  {notice['M']}"):
            self.report(f"fault in {what}", text, line, feed=what)

    def run(self, texts):
        """DDL, under the guard and without it. COPY would read what comes after it."""
        # Every 50th is refused where it can be; every 16th is run for good, when it does the same in both databases.
        trials = [(text, i % 16 == 3 and not exempt(text.text), i % 50 == 7) for i, text in enumerate(texts)
                  if DDL.match(text.text) and not re.search(rb"\bcopy\b", text.text, re.IGNORECASE)]
        outcomes = list(zip(trials, self.server.run("guarded", trials)))
        for (text, _, _), guarded in outcomes:
            self.count("ddl")
            self.count("ddl out of time", guarded.sqlstate == "57014")
            self.count(f"ddl {'refused' if guarded.sqlstate == 'MG001' else 'ran' if guarded.sqlstate == '00000' else 'failed'}")
            for notice in guarded.notices:
                self.check_notice("run", text, notice)
                self.count("warnings of the guard", is_guards(notice))
        let_through = [(trial, guarded) for trial, guarded in outcomes if guarded.sqlstate != "MG001"]
        for (trial, guarded), plain in zip(let_through, self.server.run("plain", [trial for trial, _ in let_through])):
            text, difference = trial[0], compare(trial[0], guarded, plain)
            if difference and not exempt(text.text):
                self.report("differs under the guard", text, difference, key=plain_text(difference)[:80], feed="run")
            if trial[1] and (difference or guarded.sqlstate != plain.sqlstate):
                # What comes now could differ because of this, be it that only one of them was out of time.
                self.server.renew()
                return

    def lap(self):
        """Looks into the log, and starts anew from the same databases."""
        for line in self.server.read_log():
            if "terminated by signal" not in line:
                self.report("fault in the log", NONE, line)
        self.server.renew()


def check_harness(server):
    """A harness that cannot fail proves nothing: what differs between the databases must be seen."""
    planted = corpus.Statement("box", b"DO $$BEGIN ASSERT to_regclass('migrator.ddl') IS NULL; END$$")
    for outside in [False, True]:
        trials = [(planted, outside, False)]
        difference = compare(planted, server.run("guarded", trials)[0], server.run("plain", trials)[0])
        assert difference and "P0004" in difference, difference


def is_utf8(text):
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def exempt(text):
    """Statements whose end depends on more than the statement: what the extension itself is, and whose clock or luck."""
    return re.search(rb"migrator|random|_timestamp\(|timeofday|pg_sleep|backend_pid|event_trigger|txid|xact_id|pg_current_|now\(|CURRENT_T|"
                     rb"extension|OWNED\s+BY|all\s+functions", text, re.IGNORECASE)


def is_guards(notice):
    """Whether it is a warning of the guard: they end with the rule."""
    return notice["C"] == "01000" and notice["M"].endswith("]")


def plain_text(text):
    """Without numbers, which are OIDs and the like, and without the databases' names."""
    return re.sub(r"\b(guarded|plain)\b", "database", re.sub(r"\d+", "#", text))


def shape(text, outcome):
    """What a client sees of an outcome, numbers left out where they are OIDs and the like; the guard's warnings too."""
    # There is more in the catalogs and among the settings with the extension than without.
    tags = [re.sub(rb"\d+", b"#", tag) for tag in outcome.tags] if re.search(rb"\bpg_|information_schema", text.text) else outcome.tags
    error = {key: value if key in "CP" else plain_text(value) for key, value in (outcome.error or {}).items() if key not in "FLRV"}
    notices = [plain_text(f"{n['C']} {n['M']}") for n in outcome.notices if not is_guards(n)]
    return tags, error, notices


def compare(text, guarded, plain):
    """The first difference in words, or None."""
    # 25P02: out of time before the statement, in what opens its transaction.
    if {guarded.sqlstate, plain.sqlstate} & {"57014", "55P03", "53200", "54001", "53400", "25P02"}:
        return None
    ours, theirs = shape(text, guarded), shape(text, plain)
    if ours == theirs:
        return None
    if ours[1] != theirs[1]:
        for key in sorted(set(ours[1]) | set(theirs[1])):
            if ours[1].get(key) != theirs[1].get(key):
                return f"error field {key}: {ours[1].get(key)!r} instead of {theirs[1].get(key)!r} ({ours[1].get('M')!r} / {theirs[1].get('M')!r})"
    return f"{ours[0]} {ours[2]} instead of {theirs[0]} {theirs[2]}"


def main(pg_config, wanted):
    faults.check_patterns()
    material = Material(pg_config, wanted)
    begun = time.time()
    print(f"FUZZ_SEED={material.seed}, {wanted} statements, from {len(material.plain)} of the suites, of which {len(material.ddl)} are DDL", flush=True)
    only = os.environ.get("FUZZ_ONLY")
    jobs = 1 if only else min(int(os.environ.get("JOBS", os.cpu_count())), max(1, wanted // BATCH))
    with ThreadPoolExecutor(jobs) as pool:
        fuzzers = list(pool.map(lambda job: feed(material, pg_config, range(job * BATCH, wanted, jobs * BATCH), only), range(jobs)))
    counts = {}
    for fuzzer in fuzzers:
        for what, number in fuzzer.counts.items():
            counts[what] = counts.get(what, 0) + number
    wrong = {key for fuzzer in fuzzers for key in fuzzer.wrong}
    missing = [what for what in REACHED if not counts.get(what)]
    if missing and not only:
        print(f"not ok  not reached: {', '.join(missing)}")
        wrong.add(("not reached", tuple(missing)))
    seconds = time.time() - begun
    for what, number in sorted(counts.items()):
        print(f"        {what}: {number:.0f}")
    print(f"{len(wrong)} faults in {wanted} statements, {seconds:.0f} s ({wanted / seconds:.0f} a second), FUZZ_SEED={material.seed}")
    return 1 if wrong else 0


class Material:
    """What statements are made from."""

    def __init__(self, pg_config, wanted):
        self.seed, self.wanted = os.environ.get("FUZZ_SEED", str(int(time.time()))), wanted
        self.named = list(corpus.read([f"{corpus.tree(pg_config)}/src/test/regress/sql", f"{ROOT}/tests/pg_regress/sql"]))
        self.plain = [text for _, text in self.named]
        self.ddl = [text for text in self.plain if DDL.match(text.encode())]
        # A short run has every fourth case, and makes the objects of every eighth file only.
        self.cases, self.schemas = corpus.cases(major_of(pg_config), 1 if wanted > LAP else 4)
        files = sorted({file for file, _ in self.named})[::1 if wanted > LAP else 8]
        self.making = [text for file, text in self.named if file in files and DDL.match(text.encode())]
        # The suites' own statements first, all of them or an even choice of a quarter of what is wanted; then mutations.
        self.own = [corpus.Statement("box", text.encode()) for text in self.plain[::max(1, 4 * len(self.plain) // wanted)]]

    def mutator(self):
        return Mutator(self.plain, self.ddl, self.cases, self.seed)


def feed(material, pg_config, starts, only):
    """One cluster, and the batches of statements that begin at these numbers. Returns the fuzzer."""
    begun, mutator = time.time(), material.mutator()
    with Cluster(f"fuzz-{os.getpid()}-{starts.start}", pg_config, "max_worker_processes = 20", "synchronous_commit = off",
                 "max_wal_size = 4GB", "log_min_error_statement = panic", "log_error_verbosity = terse", "autovacuum = off") as cluster:
        server = Server(cluster)
        fuzzer = Fuzzer(server)
        server.populate(material.making, material.schemas)
        print(f"        databases with {server.tables()} tables  {time.time() - begun:.0f} s", flush=True)
        check_harness(server)
        if only:
            text = mutator.statement(int(only))
            print(repr(text))
            fuzzer.batch([text])
            fuzzer.lap()
            return fuzzer
        begun = time.time()
        for done, start in enumerate(starts):
            numbers = range(start, min(start + BATCH, material.wanted))
            fuzzer.batch([material.own[n] if n < len(material.own) else mutator.statement(n) for n in numbers])
            if (done + 1) % LAP_BATCHES == 0:
                fuzzer.lap()
                print(f"        {(done + 1) * BATCH} statements, {(done + 1) * BATCH / (time.time() - begun):.0f} a second, "
                      f"{len(fuzzer.wrong)} faults", flush=True)
        fuzzer.lap()
        if starts.start == 0:
            check_memory(fuzzer, mutator)
        return fuzzer


def major_of(pg_config):
    return int(re.search(r"\d+", subprocess.check_output([pg_config, "--version"], text=True)).group())


def check_memory(fuzzer, mutator):
    """The same statements over and over: what the first rounds leave in caches is there, the next may add nothing."""
    texts = [text for text in (mutator.statement(n) for n in range(500)) if is_utf8(text.text)]
    sizes = []
    for _ in range(6):
        fuzzer.server.call(b"lint", texts)
        sizes.append(fuzzer.server.memory("guarded"))
    print(f"        memory of a session after {len(texts)} statements, and again and again: {sizes}")
    if sizes[-1] - sizes[2] > 200_000:
        fuzzer.report("memory grows", NONE, f"{sizes}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("FUZZ_STATEMENTS", "20000"))))
