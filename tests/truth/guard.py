"""What the guard says of a case, and whether its hints work."""

import re
import subprocess
from dataclasses import dataclass, field

from measure import afterwards, prepare

# Any table with a row is a large one.
SETTINGS = "SET migrator.large_table_rows = 1; SET migrator.guard = 'enforce';"


@dataclass
class Verdict:
    refused: bool = False
    at: int = None
    message: str = ""
    rules: list = field(default_factory=list)
    hint: str = ""
    error: str = None


def major_of(pg_config):
    return int(re.search(r"(\d+)", subprocess.check_output([pg_config, "--version"], text=True)).group(1))


def is_installed(cluster):
    return cluster.sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'migrator';", db="postgres") != "0"


def install(cluster, db, broken):
    """The extension, with nothing on but the rules that the measurement is about."""
    cluster.sql("SET client_min_messages = error; CREATE EXTENSION migrator;", db=db)
    known = cluster.sql("SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace "
                        "WHERE proname = 'set_rule' AND nspname = 'migrator';", db=db)
    if known != "0":
        cluster.sql("SELECT migrator.set_rule(rule, 'off', reason => 'truth') FROM "
                    "(SELECT DISTINCT rule FROM migrator.rules WHERE class <> 'blocking') other;", db=db)
        if broken:
            cluster.sql(f"SELECT migrator.set_rule('{broken}', 'off', reason => 'truth');", db=db)
    elif broken:
        raise SystemExit("this version of the extension has no rules that could be switched off")


def judge(session, case):
    session.reconnect()
    session.must("SET migrator.guard = 'off';")
    prepare(session, case)
    session.must(SETTINGS)
    session.must("\\set VERBOSITY verbose")
    verdict, position = Verdict(), 0
    for step in case.steps:
        several = len(step) > 1
        for offset, statement in enumerate(step):
            begin = "BEGIN;\n" if several and offset == 0 else ""
            end = "COMMIT;\n" if several and offset == len(step) - 1 else ""
            _, messages = session.run(f"{begin}{statement}\n;\n{end}")
            if "ERROR:" in messages:
                session.run("ROLLBACK;")
                return _parse(messages, position + offset)
        position += len(step)
    return verdict


def _parse(messages, at):
    text = messages[messages.index("ERROR:"):]
    fields, name = {}, None
    for line in text.splitlines():
        match = re.match(r"(ERROR|DETAIL|HINT|CONTEXT|QUERY|LOCATION|SCHEMA NAME|TABLE NAME|COLUMN NAME|DATATYPE NAME"
                         r"|CONSTRAINT NAME|LINE \d+): +(.*)", line)
        if match and match.group(1) == "ERROR" and "ERROR" in fields:
            break
        if match:
            name = match.group(1)
            fields[name] = match.group(2)
        elif name:
            fields[name] += "\n" + line
    state, message = fields["ERROR"].split(":", 1)
    if state != "MG001":
        return Verdict(at=at, error=fields["ERROR"])
    rules = re.search(r"\[([a-z0-9, -]+)\]$", message.strip())
    return Verdict(True, at, message.strip(), re.split(r", *", rules.group(1)) if rules else [], fields.get("HINT", ""))


def compare(case, truth, verdict):
    if case.fails:
        # Postgres says no anyway; the guard may only forestall it where work would have come first.
        if verdict.refused and not truth.blocks:
            return [f"refused although Postgres refuses it by itself, before any work: {verdict.message}\n{truth.error}"]
        return []
    if verdict.error:
        return [f"under the guard: {verdict.error}"]
    if truth.blocks and not verdict.refused:
        return [f"NOT REFUSED, but Postgres does: {', '.join(truth.work)} under {truth.locks}"]
    if verdict.refused and not truth.blocks:
        return [f"REFUSED, but Postgres does: {', '.join(truth.work) or 'no work'} under {truth.locks}\n{verdict.message}"]
    problems = []
    if verdict.at != truth.at:
        problems.append(f"refused statement {verdict.at + 1}, but statement {truth.at + 1} does the work: {verdict.message}")
    if verdict.refused and not verdict.rules:
        problems.append(f"the message does not end with a rule in square brackets: {verdict.message}")
    return problems


def follow(session, case, truth, verdict):
    """Types the hint instead of the refused statement; the schema must come out the same."""
    lines = verdict.hint.splitlines()
    statements = "\n".join(lines[1:])
    if not statements.strip():
        return [f"the hint has no statements: {verdict.hint}"]
    for line in lines[1:]:
        if not re.search(r";$|\\gexec$", line):
            return [f"not a whole statement in the hint: {line}"]
    if not case.online and "migrator.allow" not in statements:
        return [f"the case says that there is no online way, yet the hint shows one:\n{verdict.hint}"]
    session.reconnect()
    session.must("SET migrator.guard = 'off';")
    prepare(session, case)
    session.must(SETTINGS)
    for position, statement in enumerate(case.statements()):
        if position == verdict.at:
            statement = statements
        elif re.match(r"LOCK\b|SET LOCAL\b|SAVEPOINT\b|RELEASE\b|ROLLBACK\b", statement, re.I):
            continue
        _, messages = session.run(statement + "\n;\n")
        if "ERROR:" in messages:
            session.run("ROLLBACK;")
            return [f"{messages[messages.index('ERROR:'):]}\nwhile typing\n{statement}"]
    facts, contents = afterwards(session, case)
    problems = []
    for what, expected, actual in (("schema", truth.facts, facts), ("contents", truth.contents, contents)):
        missing = [line for line in expected if line not in actual]
        extra = [line for line in actual if line not in expected]
        if missing or extra:
            difference = "\n".join([f"- {line}" for line in missing] + [f"+ {line}" for line in extra])
            problems.append(f"the hint makes another {what}:\n{difference}\nThe hint was\n{statements}")
    return problems
