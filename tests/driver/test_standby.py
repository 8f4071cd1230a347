"""Where nothing can be written: a hot standby, and a READ ONLY transaction. Reading works; what writes says why it cannot."""

from harness import contains, equal
from test_plan import Standby

SETUP = """SET client_min_messages = error;
CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1);
SELECT migrator.register('1', 'ALTER TABLE t ADD b int', down => 'ALTER TABLE t DROP b');
CALL migrator.deploy();
SELECT migrator.register('2', 'CREATE INDEX CONCURRENTLY t_a ON t (a)', irreversible => 'x');
SELECT migrator.register('3', 'SELECT 1/0', irreversible => 'x');
"""
READS = ["SELECT version, state, progress, error, checksum FROM migrator.status", "SELECT version, outcome, sqlstate, hash FROM migrator.history",
         "SELECT version, statement, lock FROM migrator.plan()", "SELECT * FROM migrator.verify()", "SELECT * FROM migrator.findings",
         "SELECT rule, message, hint FROM migrator.lint('ALTER TABLE t ADD c int NOT NULL; CREATE INDEX ON t (a)')",
         "SELECT count(*) FROM migrator.rules", "SELECT tag, migration FROM migrator.ddl_log", "SELECT * FROM migrator.backfills",
         "SELECT * FROM migrator.drift()"]
WRITES = {"migrator.apply": "SELECT migrator.apply()", "migrator.deploy": "CALL migrator.deploy()",
          "migrator.register": "SELECT migrator.register('9', 'SELECT 1', irreversible => 'x')",
          "migrator.register_dir": "SELECT * FROM migrator.register_dir('/tmp')",
          "migrator.resolve": "SELECT migrator.resolve('3', 'applied', 'x')", "migrator.baseline": "SELECT migrator.baseline('9')",
          "migrator.revert": "SELECT migrator.revert('1')", "migrator.revert_to": "CALL migrator.revert_to('1')",
          "migrator.set_rule": "SELECT migrator.set_rule('drop-table', 'off')",
          "migrator.backfill": "CALL migrator.backfill('t', 'a = 1')"}


def test_reading_works_and_writing_says_why_not(cluster):
    cluster.sql(SETUP)
    cluster.run("CALL migrator.deploy();")
    here = [cluster.sql(query + ";") for query in READS]
    with Standby(cluster) as standby:
        for query, expected in zip(READS, here):
            equal(standby.sql(query + ";"), expected, query)
        for name, call in WRITES.items():
            _, err = standby.run("\\set VERBOSITY verbose\n" + call + ";")
            contains(err, f"ERROR:  MG023: {name} cannot run: this server is a standby", "HINT:  Connect to the primary")
    for name, call in WRITES.items():
        _, err = cluster.run("SET default_transaction_read_only = on;\n\\set VERBOSITY verbose\n" + call + ";")
        contains(err, f"ERROR:  MG023: {name} cannot run: the transaction is read-only", "SET default_transaction_read_only = off;")
    for query, expected in zip(READS, here):
        equal(cluster.sql("SET default_transaction_read_only = on; " + query + ";"), expected, query)
