#!/usr/bin/env python3
"""What no line of a server's log may say: tests/faults.py [--killed] LOG...

Prints the lines that say it and fails. --killed: kill -9 was the test's own doing. Every pattern is tried on its sample
first, so that a pattern that finds nothing is noticed. The wordings are those of PostgreSQL 15 to 18.
"""

import re
import sys

# The severity in front keeps statements that are quoted in the log from matching.
FAULTS = [
    # Crashes.
    (r"^TRAP: ", 'TRAP: failed Assert("CritSectionCount == 0"), File: "mcxt.c", Line: 1395, PID: 4711'),
    (r"PANIC:  ", "2026-01-01 00:00:00.000 UTC [4711] PANIC:  stuck spinlock detected at ReadBuffer, bufmgr.c:1"),
    (r"\(PID \d+\) was terminated by ", "LOG:  client backend (PID 4711) was terminated by signal 11: Segmentation fault"),
    (r"(client backend|server process|parallel worker) \(PID \d+\) exited with exit code",
     "LOG:  server process (PID 4711) exited with exit code 2"),
    (r"^(fatal runtime error|thread '.*' (panicked|\(\d+\) panicked|has overflowed its stack))",
     "thread '<unnamed>' (4711) panicked at src/lib.rs:1:1:"),
    (r"^(free|malloc|realloc|munmap_chunk|malloc_consolidate)\(\): |^double free|^corrupted |\*\*\* stack smashing",
     "free(): invalid pointer"),
    # Faults of ours that became errors.
    (r"ERROR:  internal error in migrator", "ERROR:  internal error in migrator: index out of bounds"),
    # Resources left behind at the end of a transaction: buffers, relations, snapshots, plans, descriptors, files.
    (r"WARNING:  resource was not closed: ", "WARNING:  resource was not closed: relation \"t\""),
    (r"WARNING:  [a-zA-Z ]+ leak: ", "WARNING:  snapshot reference leak: Snapshot 0x55 still referenced"),
    (r"WARNING:  leaking still-referenced relcache entry", 'WARNING:  leaking still-referenced relcache entry for "t"'),
    (r"WARNING:  cannot remove relcache entry", 'WARNING:  cannot remove relcache entry for "t" because it has nonzero refcount'),
    (r"WARNING:  (transaction|subtransaction) left non-empty SPI stack", "WARNING:  subtransaction left non-empty SPI stack"),
    (r"WARNING:  attempt to delete invalid SPITupleTable", "WARNING:  attempt to delete invalid SPITupleTable 0x55"),
    (r"WARNING:  (registered snapshots seem to remain after cleanup|snapshot \S+ still active)",
     "WARNING:  registered snapshots seem to remain after cleanup"),
    (r"WARNING:  \d+ temporary files and directories not closed", "WARNING:  3 temporary files and directories not closed at end-of-transaction"),
    # Given back to the wrong owner, or twice.
    (r"ERROR:  .* is not owned by resource owner", "ERROR:  snapshot reference 0x55 is not owned by resource owner TopTransaction"),
    (r"ERROR:  ResourceOwner(Enlarge|Forget) called ", "ERROR:  ResourceOwnerEnlarge called after release started"),
    (r"WARNING:  you don't own a lock of type ", "WARNING:  you don't own a lock of type AccessShareLock"),
    (r"WARNING:  (locallock table corrupted|tuple lock held at commit|ReleaseLockIfHeld: failed)", "WARNING:  locallock table corrupted"),
    # Memory.
    (r"WARNING:  detected write past chunk end", "WARNING:  detected write past chunk end in ExprContext 0x55"),
    (r"WARNING:  problem in (alloc set|slab|Generation|Bump) ", "WARNING:  problem in alloc set MessageContext: bogus aset link in block 0x55, chunk 0x56"),
    (r"ERROR:  could not find block containing chunk", "ERROR:  could not find block containing chunk 0x55"),
    (r"ERROR:  (pfree|repalloc|realloc|\w+) called with invalid pointer", "ERROR:  pfree called with invalid pointer 0x55 (header 0x0000000000000000)"),
    # The state of the transaction, of its portals and its parallel workers.
    (r"WARNING:  (Start|Commit|Abort|Prepare|Cleanup|Pop)(Sub)?Transaction while in ", "WARNING:  AbortSubTransaction while in DEFAULT state"),
    (r"(FATAL|ERROR):  \w+: unexpected state ", "FATAL:  CommitTransactionCommand: unexpected state DEFAULT"),
    (r"WARNING:  parallelModeLevel is ", "WARNING:  parallelModeLevel is 1 not 0 at end of transaction"),
    (r"WARNING:  (skipping cleanup for portal|trying to delete portal name)", 'WARNING:  skipping cleanup for portal "p"'),
    (r"WARNING:  did not find subXID ", "WARNING:  did not find subXID 815 in MyProc"),
    (r"ERROR:  errstart was not called", "ERROR:  errstart was not called"),
]

# What looks like it and is none.
HARMLESS = [
    "STATEMENT:  SELECT f_leak(b), 'PANIC' FROM rls_view;",
    "ERROR:  function f_leak(integer) does not exist",
    "FATAL:  terminating connection due to administrator command",
    'LOG:  background worker "migrator runner" (PID 4711) exited with exit code 1',
    "WARNING:  there is no transaction in progress",
    "ERROR:  could not open relation with OID 4711",
]


def found(log, killed=False):
    """The lines of a log that are faults."""
    patterns = [re.compile(pattern) for pattern, _ in FAULTS]
    return [line for line in log.splitlines()
            if any(pattern.search(line) for pattern in patterns)
            and not (killed and "was terminated by signal 9" in line)]


def check_patterns():
    """Each pattern finds its sample, and none finds what is harmless."""
    missed = [pattern for pattern, sample in FAULTS if not re.search(pattern, sample)]
    assert not missed, f"patterns that do not find their own sample: {missed}"
    assert not found("\n".join(HARMLESS)), found("\n".join(HARMLESS))
    assert len(found("\n".join(sample for _, sample in FAULTS))) == len(FAULTS)
    nine = "LOG:  server process (PID 1) was terminated by signal 9: Killed"
    assert found(nine) and not found(nine, killed=True)


def main(arguments):
    check_patterns()
    faults = []
    for name in arguments:
        if name != "--killed":
            with open(name, encoding="utf-8", errors="replace") as file:
                faults += found(file.read(), "--killed" in arguments)
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
