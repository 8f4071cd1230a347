"""Logical replication between two databases that both have the guard and a ledger."""

from harness import Cluster, contains, equal
from test_life import LARGE, healthy
from test_upgrade import QUIET

MIGRATION = f"""{QUIET}
SELECT migrator.register('1', 'CREATE TABLE big (id int PRIMARY KEY, a int, hits int NOT NULL DEFAULT 0)', irreversible => 'x');
SELECT migrator.apply();
"""


def subscribe(cluster, publication, db="subscriber"):
    """Both databases are in one cluster, where CREATE SUBSCRIPTION cannot make the slot itself."""
    cluster.sql(f"SELECT pg_create_logical_replication_slot('{publication}', 'pgoutput');")
    _, err = cluster.run(f"CREATE SUBSCRIPTION {publication} CONNECTION 'host={cluster.socket} port=54329 user=postgres dbname=test' "
                         f"PUBLICATION {publication} WITH (create_slot = false, slot_name = '{publication}');", db)
    equal("ERROR" in err, False, err)


def unsubscribe(cluster, publication, db="subscriber"):
    cluster.sql(f"{QUIET}ALTER SUBSCRIPTION {publication} DISABLE; ALTER SUBSCRIPTION {publication} SET (slot_name = NONE); "
                f"DROP SUBSCRIPTION {publication};", db)
    cluster.until(f"SELECT active FROM pg_replication_slots WHERE slot_name = '{publication}';", "f")
    cluster.sql(f"SELECT pg_drop_replication_slot('{publication}');")


def test_two_guarded_databases_replicate(server):
    """Of some schemas, and of all tables with the ledger among them: each database keeps its own."""
    with Cluster(f"{server.name}-logical", server.pg_config, "wal_level = logical", "max_worker_processes = 20") as cluster:
        for publication, what in (("chosen", "TABLES IN SCHEMA public"), ("everything", "ALL TABLES")):
            cluster.fresh()
            cluster.fresh("subscriber")
            # Rows, also of the ledger, that both have under the same numbers.
            cluster.sql(f"{MIGRATION} SELECT migrator.set_rule('drop-table', 'off', reason => 'publisher');")
            cluster.sql(f"{MIGRATION} SELECT migrator.set_rule('drop-table', 'warning', reason => 'subscriber');", "subscriber")
            cluster.sql("INSERT INTO big SELECT g, g FROM generate_series(1, 8000) g;")
            cluster.sql(f"{QUIET}CREATE PUBLICATION {publication} FOR {what};")
            ledger = "SELECT * FROM migrator.policies; SELECT * FROM migrator.event ORDER BY id; SELECT version, state FROM migrator.status;"
            own = cluster.sql(ledger, "subscriber")
            subscribe(cluster, publication)
            cluster.until("SELECT count(*) FROM big;", "8000", db="subscriber")
            cluster.until("SELECT bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel;", "t", db="subscriber")
            # The publisher's ledger is written to as ever, with a backfill that is paused on its way.
            running = cluster.popen("CALL migrator.backfill('big', 'hits = hits + 1', NULL, 100, 5);")
            cluster.until("SELECT rows_done > 0 FROM migrator.backfills;", "t")
            cluster.sql("SELECT migrator.pause_backfill(1);")
            cluster.until("SELECT state FROM migrator.backfills;", "paused")
            position = cluster.sql("SELECT pg_current_wal_lsn();")
            cluster.until(f"SELECT confirmed_flush_lsn >= '{position}' FROM pg_replication_slots;", "t")
            equal(cluster.sql("SELECT sum(hits) FROM big;", "subscriber"), cluster.sql("SELECT sum(hits) FROM big;"))
            cluster.sql("SELECT migrator.alter_backfill(1, target_ms => 1000, batch_rows => 5000), migrator.resume_backfill(1);")
            contains(running.communicate(timeout=300)[1], "done: 8000 rows")
            cluster.until("SELECT hits, count(*) FROM big GROUP BY 1;", "1|8000", db="subscriber")
            # DDL is not replicated: the same migration on both, the subscriber first where it adds a column.
            add = f"{QUIET}SELECT migrator.register('2', 'ALTER TABLE big ADD c int', irreversible => 'x'); SELECT migrator.apply();"
            cluster.sql(add, "subscriber")
            cluster.sql(f"{add} UPDATE big SET c = id WHERE id <= 10;")
            cluster.until("SELECT sum(c) FROM big;", "55", db="subscriber")
            equal(cluster.sql("SELECT count(*) FROM migrator.backfills;", "subscriber"), "0")
            for db in ("test", "subscriber"):
                _, err = cluster.run(f"{LARGE}\n\\set VERBOSITY verbose\nCREATE INDEX ON big (a);", db)
                contains(err, "MG001", "[create-index-blocking]")
            now = cluster.sql(ledger, "subscriber")
            equal(now.splitlines()[0], own.splitlines()[0], "the subscriber's rules")
            equal(cluster.sql("SELECT string_agg(version || ' ' || outcome, ',' ORDER BY attempt) FROM migrator.history;", "subscriber"),
                  "1 applied,2 applied")
            # CREATE PUBLICATION and CREATE SUBSCRIPTION are DDL outside of migrations, which verify() reports.
            for db in ("test", "subscriber"):
                equal(cluster.sql("SELECT problem, object FROM migrator.verify() WHERE problem NOT LIKE 'ad-hoc%';", db), "")
            # A backfill of the subscriber's own.
            cluster.sql(f"{QUIET}CALL migrator.backfill('big', 'a = 0', 'a <> 0');", "subscriber")
            unsubscribe(cluster, publication)
            cluster.sql(f"{QUIET}DROP PUBLICATION {publication};")
        if "ERROR" in (found := "\n".join(l for l in cluster.log().splitlines() if "ERROR" in l and "logical replication" in l)):
            raise AssertionError(found)
        healthy(cluster)
