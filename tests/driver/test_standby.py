"""On a standby and in a read-only transaction everything can be read, and what writes says why it cannot."""

import time

import faults
from harness import Standby, contains, equal

READS = [
    "SELECT version, state FROM migrator.status",
    "SELECT version, outcome FROM migrator.history",
    "SELECT version, statement, lock, verdict FROM migrator.plan()",
    "SELECT version, rule FROM migrator.findings",
    "SELECT count(*) FROM migrator.rules WHERE hazard <> ''",
    "SELECT rule, action FROM migrator.policies",
    "SELECT tag, statement FROM migrator.ddl_log",
    "SELECT id, state, waiting_for FROM migrator.backfills",
    "SELECT \"table\", \"row\", message FROM migrator.backfill_errors",
    "SELECT problem, object, detail FROM migrator.verify()",
    "SELECT object FROM migrator.drift()",
    "SELECT statement, rule, action, object, hint FROM migrator.lint('CREATE INDEX ON one (a); ALTER TABLE one ADD b int NOT NULL;"
    " CREATE TABLE t (a int REFERENCES one); DROP TABLE one; ALTER TABLE one ALTER id TYPE int8')",
    "SELECT migrator.checksum('x')",
]
WRITES = [
    ("migrator.register", "SELECT migrator.register('9', 'SELECT 1', irreversible => 'x')"),
    ("migrator.register_dir", "SELECT * FROM migrator.register_dir('/nowhere')"),
    ("migrator.apply", "SELECT migrator.apply()"),
    ("migrator.deploy", "CALL migrator.deploy()"),
    ("migrator.revert", "SELECT migrator.revert('1')"),
    ("migrator.revert_to", "CALL migrator.revert_to('1')"),
    ("migrator.baseline", "SELECT migrator.baseline('1')"),
    ("migrator.resolve", "SELECT migrator.resolve('2', 'applied', 'x')"),
    ("migrator.set_rule", "SELECT migrator.set_rule('drop-table', 'off')"),
    ("migrator.prune_ddl_log", "SELECT migrator.prune_ddl_log()"),
    ("migrator.backfill", "CALL migrator.backfill('one', 'a = 1', 'a IS NULL')"),
    ("migrator.start_backfill", "SELECT migrator.start_backfill('one', 'a = 1', 'a IS NULL')"),
    ("migrator.pause_backfill", "SELECT migrator.pause_backfill(1)"),
    ("migrator.resume_backfill", "SELECT migrator.resume_backfill(1)"),
    ("migrator.cancel_backfill", "SELECT migrator.cancel_backfill(1)"),
    ("migrator.alter_backfill", "SELECT migrator.alter_backfill(1, 50)"),
    ("migrator.grant_read", "SELECT migrator.grant_read('postgres')"),
    ("migrator.grant_deploy", "SELECT migrator.grant_deploy('postgres')"),
    ("migrator.revoke_all", "SELECT migrator.revoke_all('postgres')"),
]
SETUP = """SET client_min_messages = error;
SELECT migrator.set_rule('rename-column', 'off', reason => 'x');
SELECT migrator.register('1', 'CREATE TABLE one (id int PRIMARY KEY, a int)', irreversible => 'x');
SELECT migrator.register('2', 'SELECT 1/0', irreversible => 'x');
SELECT migrator.register('3', 'CREATE INDEX ON one (a)', irreversible => 'x');
SELECT migrator.apply('1'); INSERT INTO one SELECT g, g FROM generate_series(1, 2000) g; ANALYZE one;
SELECT migrator.register('3', 'CREATE INDEX ON one (a); SELECT 1', irreversible => 'x');
CALL migrator.backfill('one', 'a = 1', 'a <> 1');
"""


def refused(cluster, begin, name, sql, why):
    _, err = cluster.run(f"\\set VERBOSITY verbose\n{begin}{sql};")
    contains(err, f"ERROR:  MG023: {name} cannot run: {why}", "DETAIL:  ", "HINT:  ")
    return err


def test_a_standby_reads_and_says_why_it_writes_nothing(cluster):
    cluster.sql(SETUP)
    cluster.run("CALL migrator.deploy();")
    with Standby(cluster) as standby:
        standby.catches_up(cluster)
        equal(standby.sql("SELECT pg_is_in_recovery();"), "t")
        session = "SET migrator.large_table_rows = 1000; "
        for sql in READS:
            equal(standby.sql(f"{session}{sql};"), cluster.sql(f"{session}{sql};"), sql)
        for name, sql in WRITES:
            err = refused(standby, "", name, sql, "this server is a standby")
            contains(err, "SELECT sender_host, sender_port FROM pg_stat_wal_receiver;")
        contains(standby.sql("SELECT sender_host, sender_port FROM pg_stat_wal_receiver;"), cluster.socket)
        # What runs on the primary counts as running: nobody here can know better.
        cluster.sql("SELECT migrator.register('2', 'SELECT 1', irreversible => 'x'); "
                    "SELECT migrator.register('3', 'SELECT pg_sleep(30)', irreversible => 'x');")
        running = cluster.popen("SET application_name = 'runs'; SET client_min_messages = error; CALL migrator.deploy();")
        pid = cluster.backend("runs")
        time.sleep(0.5)
        standby.catches_up(cluster)
        query = ("SELECT state, error FROM migrator.status WHERE version = '3' UNION ALL "
                 "SELECT outcome, message FROM (SELECT * FROM migrator.history ORDER BY attempt DESC LIMIT 1) h;")
        equal(standby.sql(query), "running|\nrunning|")
        equal(standby.sql("SELECT * FROM migrator.verify();"), "")
        cluster.sql(f"SELECT pg_terminate_backend({pid});")
        running.communicate(timeout=60)
        # Promoted, it goes on.
        standby.catches_up(cluster)
        standby.sql("SELECT pg_promote();")
        standby.sql("SELECT migrator.register('3', 'SELECT 1', irreversible => 'x');")
        standby.sql("SET client_min_messages = error; CALL migrator.deploy();")
        equal(standby.sql("SELECT DISTINCT state FROM migrator.status;"), "applied")
        equal(standby.sql("SELECT * FROM migrator.verify();"), "")
        equal(faults.found(standby.log()), [])


def test_a_read_only_transaction_reads_and_says_why_it_writes_nothing(cluster):
    cluster.sql(SETUP)
    for sql in READS:
        expected = cluster.sql(f"{sql};")
        equal(cluster.sql(f"BEGIN READ ONLY; {sql}; COMMIT;"), expected, sql)
        equal(cluster.sql(f"SET default_transaction_read_only = on; {sql};"), expected, sql)
    for name, sql in WRITES:
        if not sql.startswith("CALL"):
            err = refused(cluster, "BEGIN READ ONLY;", name, sql, "the transaction is read-only")
            contains(err, "ROLLBACK;\nBEGIN READ WRITE;")
        err = refused(cluster, "SET default_transaction_read_only = on;\n", name, sql, "the transaction is read-only")
        contains(err, "SET default_transaction_read_only = off;")
    # The hints, typed.
    out, err = cluster.run("SET default_transaction_read_only = on; SET default_transaction_read_only = off; "
                           "SELECT migrator.register('9', 'SELECT 1', irreversible => 'x');")
    equal((out, err), ("registered", ""))
    out, err = cluster.run("BEGIN READ ONLY; SELECT migrator.apply('9');\nROLLBACK;\nBEGIN READ WRITE;"
                           "SELECT migrator.register('10', 'SELECT 1', irreversible => 'x'); COMMIT;")
    contains(out, "registered")
