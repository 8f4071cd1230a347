"""Pages of documentation as psql sessions.

    ```sql                       runs as written; the blocks of a page are one session, in a database of their own
    ```text                      below a block: what it prints. A line `...` stands for any lines; times, sizes and ids count
                                 for nothing. A block that fails, or warns, shows it in full
    ```sh                        runs when it begins with psql
    <!-- setup: ... -->          runs, and readers do not see it
    <!-- not run: reason -->     before a block that cannot run here

A page that has CREATE EXTENSION migrator begins in a database without it. Diagrams and the like stand in blocks without a
language.
"""

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass

SQL = re.compile(r"\s*(=> ?)?(SELECT|CREATE|ALTER|DROP|CALL|SET|BEGIN|INSERT|UPDATE|DELETE|GRANT|REVOKE|WITH|DO)\b.*[ ;]")
MARK = "@@ block {} @@"


@dataclass
class Block:
    """What runs, where it stands, and what the page shows below it."""
    kind: str
    text: str
    line: int
    shown: str = None


def blocks(page):
    """The blocks of a page that run, and what is wrong with the others."""
    found, wrong, skip, lines = [], [], False, page.splitlines()
    number, below = 0, None
    while number < len(lines):
        line = lines[number]
        number += 1
        if line.startswith("<!-- setup:"):
            begun, text = number, [line.removeprefix("<!-- setup:")]
            while "-->" not in text[-1]:
                text.append(lines[number])
                number += 1
            found.append(Block("setup", "\n".join(text).split("-->")[0], begun))
        elif line.startswith("<!-- not run:"):
            skip = True
        elif line.startswith("```"):
            begun, language, text = number, line[3:].strip(), []
            while not lines[number].startswith("```"):
                text.append(lines[number])
                number += 1
            number += 1
            text = "\n".join(text)
            if skip:
                skip, below = False, None
            elif language == "sql" or language == "sh" and text.startswith("psql"):
                below = Block(language, text, begun)
                found.append(below)
                if language == "sql" and not ends(text):
                    wrong.append(f"line {begun}: the last statement has no semicolon")
                continue
            elif language == "text":
                if below is None:
                    wrong.append(f"line {begun}: output of no block")
                else:
                    below.shown = text
            elif language == "" and SQL.match(text):
                wrong.append(f"line {begun}: SQL that does not run, because its block is not marked as sql")
            below = None
        elif line.strip():
            below = None
            if re.match(" {4,}|\t", line) and SQL.match(line) and not lines[number - 2].strip():
                wrong.append(f"line {number}: SQL that does not run, because it is no block of sql")
    return found, wrong


def ends(text):
    last = [line for line in (re.sub(r"--[^']*$", "", line).strip() for line in text.splitlines()) if line][-1]
    return last.endswith(";") or last.startswith("\\")


def shape(text):
    """A text without what differs from run to run, as lines."""
    for pattern, name in (
            (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d(:\d\d)?)?", "TIME"),
            (r"\b\d\d?:\d\d:\d\d(\.\d+)?", "DURATION"), (r"\b\d+(\.\d+)? (s|ms)\b", "DURATION"),
            (r"\b[0-9a-f]{12,64}\b", "HASH"), (r"\b\d+(\.\d+)? ([kMGT]B|bytes)\b", "SIZE"), (r"\b\d+ ?rows/s", "RATE"),
            (r"\b(process|pid|PID) \d+", "PROCESS"), (r"about \d+ (rows|of \d+)", "about so many"),
            (r"NOTICE: +backfill \d+ \[[#.]+\].*", ""), ("-{2,}", "-"), (r"[ \t]+", " ")):
        text = re.sub(pattern, name, text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def agrees(shown, printed):
    """Whether a page shows what was printed."""
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in shape(shown))
    return re.fullmatch(pattern, "".join(line + "\n" for line in shape(printed))) is not None


def printed(cluster, found, database, places):
    """What each block prints, when all run as one session."""
    script = ["\\pset pager off", "\\pset footer off"]
    with tempfile.TemporaryDirectory() as folder:
        for number, block in enumerate(found):
            text = block.text
            for place, actual in places.items():
                text = text.replace(place, actual)
            if block.kind == "sh":
                path = os.path.join(folder, f"{number}.sh")
                with open(path, "w") as file:
                    file.write(text)
                text = f"\\! sh {path}"
            script += ["\\warn " + MARK.format(number), text]
        environment = {**os.environ, "PGHOST": cluster.socket, "PGPORT": "54329", "PGUSER": "postgres",
                       "PGDATABASE": database, "PATH": f"{cluster.bindir}:{os.environ['PATH']}"}
        output = subprocess.run([f"{cluster.bindir}/psql", "-Xq"], input="\n".join(script) + "\n", env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600).stdout
    for number in range(len(found)):
        begin, end = MARK.format(number) + "\n", MARK.format(number + 1) + "\n"
        yield output.split(begin, 1)[1].split(end, 1)[0] if begin in output else "(did not run)"


def run(cluster, page, database, places):
    """Runs a page; a line for each thing that is wrong."""
    found, wrong = blocks(page)
    for block, text in zip(found, printed(cluster, found, database, places)):
        if block.shown is not None and not agrees(block.shown, text):
            wrong.append(f"line {block.line}: shows\n{block.shown}\nbut this was printed:\n{text}")
        elif block.shown is None and re.search(r"^(ERROR|FATAL|WARNING|.*psql: error|\(did not)", text, re.MULTILINE):
            wrong.append(f"line {block.line}: {block.text}\nfails, and the page does not show it:\n{text}")
    return wrong
