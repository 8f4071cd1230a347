"""What a case is, and the fixtures that many share."""

import importlib
import os
import re
from dataclasses import dataclass, field

# 1000 rows with a key; the same without rows; two tables for foreign keys; a partitioned one with two full partitions
# and a table that could become the third.
T = ("CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(10)); "
     "INSERT INTO t SELECT g, g, 'x' || g FROM generate_series(1, 1000) g; ")
E = "CREATE TABLE t (id int PRIMARY KEY, a int); "
P = ("CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(0, 1000); "
     "CREATE TABLE t (id int PRIMARY KEY, pid int); INSERT INTO t SELECT g, g FROM generate_series(1, 1000) g; ")
R = ("CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(0, 1000); "
     "INSERT INTO p SELECT generate_series(5000, 6000); "
     "CREATE TABLE t (id int, pid int) PARTITION BY RANGE (id); "
     "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (500); "
     "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (500) TO (2000); "
     "INSERT INTO t SELECT g, g FROM generate_series(1, 1000) g; "
     "CREATE TABLE n (id int, pid int); INSERT INTO n SELECT g, g FROM generate_series(5000, 5900) g; ")
COMMON = {"T": T, "E": E, "P": P, "R": R}


def rows(columns, values, name="t", count=1000):
    """A table with rows: its columns, and what is selected FROM generate_series(1, count) g."""
    return f"CREATE TABLE {name} ({columns}); INSERT INTO {name} SELECT {values} FROM generate_series(1, {count}) g; "


@dataclass
class Case:
    id: str
    fixture: str
    statement: str
    note: str
    blocks: bool           # what its author says; what is measured must agree
    since: int = 0
    until: int = 99
    fails: bool = False    # Postgres refuses it; blocks = it works before it does
    alone: bool = False    # cannot run in a transaction block
    online: bool = True    # False: there may be no online way; then the hint is the override
    part: bool = False     # the hint replaces a part of the statement only, so what it makes is not compared
    values: bool = True    # False: what it writes differs from run to run
    group: str = ""
    steps: list = field(default_factory=list)

    def __post_init__(self):
        # Transactions, each a list of statements.
        within = None
        for text in split(self.statement):
            word = text.split(None, 1)[0].upper()
            if word == "BEGIN":
                within = []
            elif word == "COMMIT":
                self.steps.append(within)
                within = None
            elif within is not None:
                within.append(text)
            else:
                self.steps.append([text])
        if within is not None:
            raise ValueError(f"{self.id}: BEGIN without COMMIT")
        concurrently = re.search(r"\bCONCURRENTLY\b", self.statement, re.I) and "REFRESH" not in self.statement
        self.alone = self.alone or bool(concurrently)
        self.part = self.part or "\\;" in self.statement

    def statements(self):
        return [text for step in self.steps for text in step]


CASES = []


def benign(id, fixture, statement, note="", **more):
    CASES.append(Case(id, fixture, statement, note, False, **more))


def blocking(id, fixture, statement, note="", **more):
    CASES.append(Case(id, fixture, statement, note, True, **more))


def split(text):
    r"""The statements of a script, without their semicolons. `\;` ends none: psql sends both as one string."""
    token = re.compile(r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | (\$\w*\$).*?\1 | --[^\n]* | /\*.*?\*/ | \\; | (;)""", re.S | re.X)
    parts, begun = [], 0
    for match in token.finditer(text):
        if match.group(2):
            parts.append(text[begun:match.start()])
            begun = match.end()
    parts.append(text[begun:])
    return [part.strip() for part in parts if part.strip()]


def load(major):
    """The cases for a major, in order. An id occurs once."""
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
    for file in sorted(os.listdir(here)):
        if file.endswith(".py"):
            name, first = file[:-3], len(CASES)
            importlib.import_module(f"cases.{name}")
            for case in CASES[first:]:
                case.group = name.split("_", 1)[1].replace("_", " ")
    cases = [case for case in CASES if case.since <= major <= case.until]
    seen = set()
    for case in cases:
        if case.id in seen:
            raise ValueError(f"two cases are called {case.id}")
        seen.add(case.id)
    return cases
