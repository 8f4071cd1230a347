"""Statements out of files written for psql."""

import glob
import os
import re
import subprocess
import sys
from typing import NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Statement(NamedTuple):
    """A statement, and the schema with the tables that it means."""

    schema: str
    text: bytes


TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$.*?\$\1\$|[A-Za-z_\x80-\U0010ffff][\w$]*|\d[\w.]*|\s+|::|:=|=>|.""",
    re.DOTALL)
ESCAPED = re.compile(r"'(?:[^'\\]|''|\\.)*'", re.DOTALL)


def tokens(text):
    """A text cut in pieces that together are the text. Good enough for mutations; Postgres has the last word anyway."""
    found, position = [], 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if found and found[-1] in ("E", "e") and text[position] == "'":
            match = ESCAPED.match(text, position) or match
        found.append(match.group())
        position = match.end()
    return found


def statements(text):
    """The statements of a file: without psql's own commands, and without what COPY reads from the file."""
    text = re.sub(r"^(copy\b[^;]*\bfrom stdin[^;]*;)(.*?)^\\\.$", r"\1", text, flags=re.I | re.S | re.M)
    text = re.sub(r"^\\[^\n]*$", "", text, flags=re.M)
    text = re.sub(r"\\(gset|gexec|gx|gdesc|crosstabview|bind|parse|g)\b[^\n]*", ";", text)
    depth, bodies, parts = 0, 0, []
    for token in tokens(text):
        parts.append(token)
        word = token.lower()
        if token in "([":
            depth += 1
        elif token in ")]":
            depth = max(depth - 1, 0)
        elif word == "atomic":
            bodies += 1
        elif bodies and word == "case":
            bodies += 1
        elif bodies and word == "end":
            bodies -= 1
        elif token == ";" and depth == 0 and bodies == 0:
            statement = "".join(parts[:-1]).strip()
            yield from uncommented(statement)
            parts = []
    yield from uncommented("".join(parts).strip())


def uncommented(statement):
    """Without the comments that stand above it; nothing when that was all."""
    statement = re.sub(r"\A(\s*--[^\n]*(\n|\Z))+\s*", "", statement)
    if statement:
        yield statement


def read(folders):
    """Every statement of every .sql file, in the order of the files' names, with the file's name."""
    for folder in folders:
        for path in sorted(glob.glob(f"{folder}/*.sql")):
            with open(path, encoding="utf-8", errors="replace") as file:
                for statement in statements(file.read().replace("\0", "")):
                    yield os.path.basename(path), statement


def tree(pg_config):
    """The folder of the server's sources."""
    return subprocess.check_output([f"{ROOT}/tools/regress-source.sh", pg_config, "text"], text=True).strip()


def cases(major, step):
    """The statements of every step-th truth test, each with the schema of its tables: (schema, text); and {schema: script} that makes them."""
    sys.path.append(f"{ROOT}/tests/truth")
    import case
    statements_, schemas = [], {}
    for one in case.load(major)[::step]:
        # Few rows: what is large here is small.
        script = re.sub(r"\b1000\b", "20", one.fixture)
        schema = schemas.setdefault(script, f"case{len(schemas)}")
        statements_.append((schema, one.statement.replace("\\;", ";")))
    return statements_, {schema: script for script, schema in schemas.items()}
