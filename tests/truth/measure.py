"""What Postgres does: the truth about a case, with the guard out of the way."""

import json
import re
import time
from dataclasses import dataclass, field

# The modes that keep writers out. A materialized view has no writers but REFRESH: there it is what keeps readers out.
BLOCK_WRITES = {"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}
SHORT = {"AccessShareLock": "AS", "RowShareLock": "RS", "RowExclusiveLock": "RE", "ShareUpdateExclusiveLock": "SUE",
         "ShareLock": "SHARE", "ShareRowExclusiveLock": "SRE", "ExclusiveLock": "EXCL", "AccessExclusiveLock": "AEL"}
STRENGTH = list(SHORT)
# Statements of a transaction that are there to set the stage.
STAGE = re.compile(r"(INSERT|UPDATE|DELETE|TRUNCATE|LOCK|SET|SAVEPOINT|ROLLBACK|RELEASE|COPY|ANALYZE)\b", re.I)


@dataclass
class Truth:
    blocks: bool = False
    at: int = None                               # which statement does the work first
    locks: dict = field(default_factory=dict)    # relation: strongest lock
    work: list = field(default_factory=list)     # "rewrite t", whether anybody is blocked by it or not
    error: str = None
    facts: list = None                           # the schema afterwards
    contents: list = None


def prepare(session, case):
    session.must("CALL truth.reset(); SET search_path = s, public; SET timezone = 'Europe/Berlin';")
    session.must(f"SET client_min_messages = warning; {case.fixture};")


def afterwards(session, case):
    facts = session.must("SELECT truth.facts();").splitlines()
    return facts, session.must(f"SELECT truth.contents({case.values});").splitlines()


def state(session):
    return json.loads(session.must("SELECT truth.state();"))


def measure(session, observer, case, with_facts):
    session.renew()
    prepare(session, case)
    truth, position = Truth(), 0
    for step in case.steps:
        if case.alone:
            _alone(session, observer, step[0], position, truth)
        else:
            _transaction(session, step, position, truth)
        position += len(step)
        if truth.error:
            break
    session.must("SET client_min_messages = warning;")
    if with_facts and not truth.error:
        truth.facts, truth.contents = afterwards(session, case)
    return truth


def _transaction(session, statements, position, truth):
    session.must("BEGIN;")
    first = last = state(session)
    for offset, statement in enumerate(statements):
        _, messages = session.run(f"SET LOCAL client_min_messages = debug1;\n{statement}\n;\n")
        if "ERROR:" in messages:
            truth.error = messages[messages.index("ERROR:"):].splitlines()[0]
            session.must("ROLLBACK;")
            # Nothing can be asked of a failed transaction, but what it said before tells what it had done.
            work = re.findall(r"DEBUG: +(rewriting|verifying|building index|validating foreign)", messages)
            truth.work += [f"{word} before the error" for word in dict.fromkeys(work)]
            if work and truth.at is None:
                truth.blocks, truth.at = True, position + offset
            return
        session.must("SET LOCAL client_min_messages = warning;")
        now = state(session)
        if not STAGE.match(statement):
            done, blocks = derive(first, last, now, messages)
            truth.work += [work for work in done if work not in truth.work]
            if blocks and truth.at is None:
                truth.blocks, truth.at = True, position + offset
        last = now
    for oid, modes in last["locks"].items():
        relation = first["relations"].get(oid)
        if relation and (relation["kind"] not in "tiI" or relation["kind"] == "i" and str(relation["table"]) not in last["locks"]):
            _note_lock(truth, relation, modes)
    _, messages = session.run("COMMIT;")
    if "ERROR:" in messages:
        truth.error = messages[messages.index("ERROR:"):].splitlines()[0]


def _note_lock(truth, relation, modes):
    strongest = max(modes, key=STRENGTH.index)
    if STRENGTH.index(strongest) > 0:
        name = _name(relation)
        known = truth.locks.get(name)
        if known is None or list(SHORT.values()).index(known) < STRENGTH.index(strongest):
            truth.locks[name] = SHORT[strongest]


def _name(relation):
    return relation["name"] if relation["schema"] == "s" else f"{relation['schema']}.{relation['name']}"


def derive(first, last, now, messages):
    """The work that one statement did on relations older than the transaction, and whether writers had to wait for it."""
    old = first["relations"]
    validated = re.findall(r'validating foreign key constraint "(.*)"', messages)
    verified = re.findall(r'verifying table "(.*)"', messages)
    before = {key[0]: key for key in last["keys"]}
    # Keys of partitions have the names of others: only one that is new, or valid only now, can have been validated.
    keys = [(con, ref) for oid, name, con, ref, valid in now["keys"]
            if name in validated and (oid not in before or valid and not before[oid][4])]
    filled = {oid for oid, relation in last["relations"].items() if relation["rows"]}
    scanned_by_keys = {con for con, _ in keys if con in filled}
    only_referenced = {ref for _, ref in keys} - {con for con, _ in keys}
    found = []

    for oid, relation in now["relations"].items():
        before = last["relations"].get(oid)
        if relation["kind"] in "rm" and oid in old and oid in filled:
            scans = now["scans"][oid][0] - last["scans_after"][oid][0]
            tuples = now["scans"][oid][1] - last["scans_after"][oid][1]
            counted = scans > 0 and tuples > 0
            if relation["file"] != before["file"]:
                if relation["bytes"] or counted:
                    moved = relation["tablespace"] != before["tablespace"] and not counted
                    found.append((oid, "copy" if moved else "rewrite"))
            # The index of what is stored beside the table.
            elif relation["beside"] and before["beside"] and relation["beside"] != before["beside"]:
                found.append((oid, "build"))
            elif relation["name"] in verified or oid in scanned_by_keys:
                found.append((oid, "scan"))
            # How the query that validates a key reads the referenced table is the planner's choice of the day: it does
            # when there is something to look up.
            elif any(con in filled for con, ref in keys if ref == oid) or counted and oid not in only_referenced:
                found.append((oid, "scan"))
        if relation["kind"] == "i":
            table = str(relation["table"])
            files = {r["file"] for r in last["relations"].values()}
            same_heap = table in old and now["relations"][table]["file"] == last["relations"][table]["file"]
            if same_heap and table in filled and relation["file"] not in files:
                moved = before and relation["tablespace"] != before["tablespace"] and "building index" not in messages
                found.append((table, "copy" if moved else "build"))

    peers = {}
    for con, ref in keys:
        peers.setdefault(con, set()).add(ref)
    # Whoever writes to a table, or plans to read it, locks its indexes.
    indexes = {}
    for oid, relation in old.items():
        if relation["kind"] == "i":
            indexes.setdefault(str(relation["table"]), []).append(oid)
    blocks = False
    for oid, _ in found:
        for relation in {oid} | (peers.get(oid, set()) if oid in scanned_by_keys else set()):
            modes = {mode for locked in [relation, *indexes.get(relation, [])] for mode in now["locks"].get(locked, [])}
            matview = relation in old and old[relation]["kind"] == "m"
            blocks = blocks or bool(modes & ({"AccessExclusiveLock"} if matview else BLOCK_WRITES))
    words = dict.fromkeys(f"{kind} {_name(now['relations'][oid])}" for oid, kind in found)
    built = {word[6:] for word in words if word.startswith("build ")}
    return [word for word in words if not (word.startswith("scan ") and word[5:] in built)], blocks


def _alone(session, observer, statement, position, truth):
    """A statement that makes its own transactions. Somebody is writing meanwhile: which lock does it wait for?"""
    first = state(session)
    pid = session.must("SELECT pg_backend_pid();")
    observer.must("BEGIN;")
    for relation in first["relations"].values():
        name = '"{}"."{}"'.format(*(relation[key].replace('"', '""') for key in ("schema", "name")))
        if relation["kind"] == "r":
            observer.must(f"LOCK TABLE ONLY {name} IN ROW EXCLUSIVE MODE;")
        elif relation["kind"] == "m" and relation["rows"]:
            observer.must(f"SELECT FROM {name} LIMIT 1;")
    session.send(f"SET client_min_messages = debug1;\n{statement}\n;\n")
    modes, answer, deadline = {}, None, time.time() + 10
    while time.time() < deadline:
        answer = session.receive(0.005)
        waits = observer.must(f"SELECT relation, mode FROM pg_locks WHERE pid = {pid} AND NOT granted AND locktype = 'relation';")
        waits_for_transaction = observer.must(
            f"SELECT count(*) FROM pg_locks WHERE pid = {pid} AND NOT granted AND locktype <> 'relation';")
        if waits:
            oid, mode = waits.split("|")
            modes.setdefault(oid, set()).add(mode)
        if answer or waits or waits_for_transaction != "0":
            break
    observer.must("COMMIT;")
    answer = answer or session.receive()
    session.must("SET client_min_messages = warning;")
    messages = answer[1]
    if "ERROR:" in messages:
        truth.error = messages[messages.index("ERROR:"):].splitlines()[0]
        return
    # Scans are not counted for a session of many transactions: what it built or rewrote shows in the files.
    now = state(session)
    now["scans"] = first["scans_after"]
    now["locks"] = {oid: list(m) for oid, m in modes.items()}
    done, _ = derive(first, first, now, messages)
    truth.work += done
    for oid, mode in modes.items():
        if oid in first["relations"]:
            _note_lock(truth, first["relations"][oid], mode)
    if done and any(mode & BLOCK_WRITES for mode in modes.values()) and truth.at is None:
        truth.blocks, truth.at = True, position
