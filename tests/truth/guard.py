"""What the guard says of a case, and whether its hints work."""

import re
import subprocess
from dataclasses import dataclass, field

from measure import afterwards, prepare

OVERRIDE = "migrator.allow"
# The helper of a hint that puts new columns into the place of old ones. They come last then.
SWAP = re.compile(r"_swap\"?\(\)")
# Of another class, since it depends on what the transaction did before; but it is about the same work.
HELD = "validate-under-strong-lock"
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

    def online(self):
        return self.refused and not _is_override(self.hint)


def _is_override(hint):
    return OVERRIDE in hint and not SWAP.search(hint)


def major_of(pg_config):
    return int(re.search(r"(\d+)", subprocess.check_output([pg_config, "--version"], text=True)).group(1))


def is_installed(cluster):
    return cluster.sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'migrator';", db="postgres") != "0"


def has_policy(cluster, db):
    return cluster.sql("SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace "
                       "WHERE proname = 'set_rule' AND nspname = 'migrator';", db=db) != "0"


def install(cluster, db, broken):
    """The extension, with nothing on but the rules that the measurement is about."""
    cluster.sql("SET client_min_messages = error; CREATE EXTENSION migrator;", db=db)
    if has_policy(cluster, db):
        cluster.sql("SELECT migrator.set_rule(rule, 'off', reason => 'truth') FROM (SELECT DISTINCT rule FROM migrator.rules "
                    f"WHERE class <> 'blocking' AND rule <> '{HELD}') other;", db=db)
        if broken:
            cluster.sql(f"SELECT migrator.set_rule('{broken}', 'off', reason => 'truth');", db=db)
    elif broken:
        raise SystemExit("this version of the extension has no rules that could be switched off")


def judge(session, case):
    session.renew()
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
    hint = "\n".join(lines[1:])
    if not hint.strip():
        return [f"the hint has no statements: {verdict.hint}"]
    for line in lines[1:]:
        if not re.search(r";$|\\gexec$", line):
            return [f"not a whole statement in the hint: {line}"]
    if case.online and _is_override(hint):
        return [f"there is an online way, but the hint is the override:\n{verdict.hint}"]
    # A refusal leaves nothing behind: when it was the first statement, everything is as it was.
    if verdict.at > 0:
        session.renew()
        session.must("SET migrator.guard = 'off';")
        prepare(session, case)
        session.must(SETTINGS)
    for text in _instead(case, verdict.at, hint):
        _, messages = session.run(text)
        if "ERROR:" in messages:
            session.run("ROLLBACK;")
            return [f"{messages[messages.index('ERROR:'):]}\nwhile typing\n{text}"]
    if case.part:
        return []
    facts, contents = afterwards(session, case)
    expected_facts = truth.facts
    if SWAP.search(hint):
        facts, expected_facts = _without_places(facts), _without_places(expected_facts)
    problems = []
    for what, expected, actual in (("schema", expected_facts, facts), ("contents", truth.contents, contents)):
        missing = [line for line in expected if line not in actual]
        extra = [line for line in actual if line not in expected]
        if missing or extra:
            difference = "\n".join([f"- {line}" for line in missing] + [f"+ {line}" for line in extra])
            problems.append(f"the hint makes other {what}:\n{difference}\nThe hint was\n{hint}")
    return problems


def _without_places(facts):
    table = re.compile(r'^(column|comment) ((?:"(?:[^"]|"")*"|[^\s"])+) \d+\b')
    return sorted(table.sub(r"\1 \2", fact) for fact in facts)


def _instead(case, at, hint):
    """What is typed: what went before the refused statement in its transaction is committed, then comes the hint."""
    position = 0
    for step in case.steps:
        offset = at - position
        if 0 <= offset < len(step):
            yield from _transaction(step[:offset], len(step) > 1)
            yield hint + "\n"
            yield from _transaction(step[offset + 1:], len(step) > 1)
        else:
            yield from _transaction(step, len(step) > 1)
        position += len(step)


def _transaction(statements, explicit):
    if statements:
        text = "".join(f"{statement}\n;\n" for statement in statements)
        yield f"BEGIN;\n{text}COMMIT;\n" if explicit else text
