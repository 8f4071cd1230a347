"""The locks that migrator.plan() names are those that Postgres takes; it waits for none itself, and writes nothing."""

import json
import time

from harness import Standby, contains, equal

SETUP = """
SET client_min_messages = error; SET migrator.guard = 'off';
CREATE TABLE users (id int PRIMARY KEY, email text, n int, CONSTRAINT n_check CHECK (n > 0) NOT VALID);
CREATE TABLE orders (id int PRIMARY KEY, uid int REFERENCES users, x int);
CREATE TABLE items (id int PRIMARY KEY, x int);
CREATE INDEX orders_x ON orders (x); CREATE SEQUENCE sq; CREATE VIEW v AS SELECT id, email FROM users;
ALTER TABLE orders ADD CONSTRAINT late FOREIGN KEY (x) REFERENCES users NOT VALID;
CREATE MATERIALIZED VIEW mv AS SELECT id FROM users; CREATE UNIQUE INDEX mv_id ON mv (id);
CREATE TABLE parted (id int, at date) PARTITION BY RANGE (at); CREATE INDEX parted_id ON parted (id);
CREATE TABLE p1 PARTITION OF parted FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE rest PARTITION OF parted DEFAULT; CREATE TABLE p2 (id int, at date);
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touched();
CREATE POLICY pol ON users; CREATE RULE rul AS ON UPDATE TO items DO ALSO NOTHING;
CREATE TYPE pair AS (a int); CREATE TABLE typed OF pair; CREATE DOMAIN dom AS int; CREATE TABLE domains (a dom);
CREATE STATISTICS st ON email, n FROM users; CREATE TABLE parent (a int); CREATE TABLE child (a int);
CREATE SCHEMA "Other one"; CREATE TABLE "Other one"."My table" (a int);
INSERT INTO users SELECT g, g, g FROM generate_series(1, 50) g; INSERT INTO orders SELECT g, g, g FROM generate_series(1, 50) g;
INSERT INTO domains VALUES (5); ANALYZE;
"""

STATEMENTS = """
ALTER TABLE users ADD COLUMN a int DEFAULT 5
ALTER TABLE users ALTER COLUMN n SET NOT NULL
ALTER TABLE users ALTER COLUMN n TYPE bigint
ALTER TABLE orders ALTER COLUMN uid TYPE bigint
ALTER TABLE orders DROP COLUMN uid
ALTER TABLE orders DROP COLUMN x
ALTER TABLE orders DROP CONSTRAINT orders_uid_fkey
ALTER TABLE orders DROP CONSTRAINT late
ALTER TABLE users VALIDATE CONSTRAINT n_check
ALTER TABLE orders VALIDATE CONSTRAINT late
ALTER TABLE items ADD FOREIGN KEY (x) REFERENCES users
ALTER TABLE items ADD FOREIGN KEY (x) REFERENCES users NOT VALID
ALTER TABLE items ADD COLUMN y int REFERENCES users
ALTER TABLE users ADD CONSTRAINT email_key UNIQUE (email)
ALTER TABLE users ADD CHECK (id > 0) NOT VALID
ALTER TABLE users ALTER n SET DEFAULT 4
ALTER TABLE users ALTER n SET STATISTICS 50
ALTER TABLE users SET (fillfactor = 50)
ALTER TABLE users SET (autovacuum_enabled = off), ALTER n SET DEFAULT 4
ALTER TABLE users DISABLE TRIGGER touch
ALTER TABLE users ENABLE ROW LEVEL SECURITY
ALTER TABLE users REPLICA IDENTITY FULL
ALTER TABLE users CLUSTER ON users_pkey
ALTER TABLE users OWNER TO CURRENT_USER
ALTER TABLE users RENAME TO people
ALTER TABLE users RENAME COLUMN n TO m
ALTER TABLE users RENAME CONSTRAINT n_check TO m_check
ALTER TABLE items SET SCHEMA "Other one"
ALTER TABLE "Other one"."My table" ADD b int
ALTER TABLE parted ADD COLUMN z int
ALTER TABLE parted ATTACH PARTITION p2 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')
ALTER TABLE parted DETACH PARTITION p1
ALTER TABLE child INHERIT parent
ALTER INDEX orders_x RENAME TO orders_y
ALTER TABLE orders_x RENAME TO orders_y
ALTER INDEX orders_x SET (fillfactor = 80)
ALTER VIEW v RENAME TO w
ALTER VIEW v SET (security_barrier = true)
ALTER SEQUENCE sq INCREMENT 2
ALTER SEQUENCE sq OWNED BY users.id
ALTER SEQUENCE sq RENAME TO sr
ALTER DOMAIN dom ADD CHECK (VALUE > 0)
ALTER DOMAIN dom SET NOT NULL
ALTER DOMAIN dom ADD CHECK (VALUE > 0) NOT VALID
ALTER TYPE pair ADD ATTRIBUTE b int CASCADE
ALTER POLICY pol ON users USING (true)
ALTER TRIGGER touch ON users RENAME TO touch_2
CREATE TABLE fresh (a int)
CREATE TABLE fresh (a int REFERENCES users)
CREATE TABLE fresh (LIKE users)
CREATE TABLE fresh () INHERITS (parent)
CREATE TABLE IF NOT EXISTS users (a int)
CREATE TABLE fresh PARTITION OF parted FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')
CREATE TABLE fresh AS SELECT * FROM users
CREATE VIEW fresh AS SELECT * FROM users WHERE EXISTS (SELECT FROM orders)
CREATE OR REPLACE VIEW v AS SELECT id, email FROM users
CREATE SEQUENCE fresh OWNED BY users.id
CREATE INDEX ON orders (x)
CREATE INDEX ON parted (at)
CREATE STATISTICS fresh ON id, n FROM users
CREATE TRIGGER fresh BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION touched()
CREATE TRIGGER fresh AFTER INSERT ON parted FOR EACH ROW EXECUTE FUNCTION touched()
CREATE POLICY fresh ON users
CREATE RULE fresh AS ON DELETE TO users DO ALSO NOTHING
CREATE PUBLICATION fresh FOR TABLE users
COMMENT ON TABLE users IS 'x'
COMMENT ON COLUMN users.n IS 'x'
COMMENT ON CONSTRAINT n_check ON users IS 'x'
COMMENT ON INDEX orders_x IS 'x'
GRANT SELECT ON users TO PUBLIC
DROP TABLE orders
DROP TABLE p1
DROP TABLE parted
DROP TABLE IF EXISTS nothing
DROP INDEX orders_x
DROP VIEW v
DROP MATERIALIZED VIEW mv
DROP SEQUENCE sq
DROP TRIGGER touch ON users
DROP RULE rul ON items
DROP POLICY pol ON users
DROP STATISTICS st
TRUNCATE items
TRUNCATE parted
TRUNCATE users CASCADE
LOCK TABLE users IN SHARE MODE
LOCK TABLE v IN EXCLUSIVE MODE
REINDEX INDEX orders_x
REINDEX TABLE orders
REFRESH MATERIALIZED VIEW mv
REFRESH MATERIALIZED VIEW CONCURRENTLY mv
CLUSTER orders USING orders_x
ANALYZE users
SELECT * FROM v
SELECT * FROM users FOR UPDATE
SELECT * FROM orders o JOIN users u ON u.id = o.uid FOR UPDATE OF o
WITH gone AS (DELETE FROM items RETURNING x) SELECT * FROM users WHERE id IN (SELECT x FROM gone)
UPDATE users SET n = 2 WHERE id IN (SELECT x FROM items)
UPDATE v SET email = 'x'
DELETE FROM items USING users WHERE users.id = items.x
INSERT INTO items SELECT id, n FROM users
INSERT INTO parted VALUES (1, '2020-05-05')
MERGE INTO p2 USING users u ON p2.id = u.id WHEN MATCHED THEN DELETE
COPY users TO '/dev/null'
COPY (SELECT * FROM users) TO '/dev/null'
COPY items FROM '/dev/null'
EXPLAIN ANALYZE UPDATE users SET n = 3
CREATE FUNCTION fresh() RETURNS int LANGUAGE sql AS 'SELECT 1'
""".strip().splitlines()

MODES = ["ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE",
         "EXCLUSIVE", "ACCESS EXCLUSIVE"]
HELD = """SELECT relation, mode FROM pg_locks WHERE locktype = 'relation' AND pid = pg_backend_pid();"""
# The relations there were, with what stands for them in a plan: partitions are the business of their root.
KNOWN = """SELECT c.oid, format('%I.%I', n.nspname, c.relname), c.relkind, coalesce(pg_partition_root(c.oid)::oid, 0)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid >= 16384 AND relkind IN ('r', 'p', 'i', 'I', 'v', 'm', 'S', 'c')
    AND nspname IN ('public', 'Other one');"""


def planned(cluster, statement):
    """The locks that a plan of one statement names: relation to mode."""
    quoted = statement.replace("'", "''")
    row = cluster.sql(f"SET client_min_messages = error; SELECT migrator.register('1', '{quoted}', irreversible => 'x', mixed => true) \\g /dev/null\n"
                      "SELECT json_build_object('lock', lock, 'objects', objects) FROM migrator.plan();")
    row = json.loads(row)
    locks = {}
    for line in (row["objects"] or "").split("\n"):
        if not line or line.endswith(": new") or row["lock"] == "new":
            continue
        name, _, mode = line.rpartition(": ") if ": " in line else (line, "", row["lock"])
        locks[name] = mode
    return row["lock"], locks


def taken(cluster, statement):
    """What the statement really locks, among the relations there were before it: relation to mode."""
    known = {}
    for line in cluster.sql(KNOWN).splitlines():
        oid, name, kind, root = line.split("|")
        known[int(oid)] = (name, kind, int(root))
    out = cluster.sql(f"SET migrator.guard = 'off'; SET client_min_messages = error;\nBEGIN;\n{statement} \\g /dev/null\n{HELD}\nROLLBACK;")
    locks = {}
    for line in out.splitlines():
        oid, _, mode = line.partition("|")
        if not oid.isdigit() or int(oid) not in known or not mode.endswith("Lock"):
            continue
        name = known[int(oid)][0]
        strength = [m.replace(" ", "").lower() for m in MODES].index(mode.removesuffix("Lock").lower())
        locks[name] = max(strength, locks.get(name, -1))
    # Indexes go with their table, partitions with their root, where a statement does not name them.
    kinds = {name: (kind, known.get(root, (name,))[0]) for name, kind, root in known.values()}
    return {name: MODES[strength] for name, strength in locks.items()}, kinds


def test_plan_names_the_locks_that_are_taken(cluster):
    cluster.sql(SETUP)
    wrong = []
    compared = 0
    for statement in STATEMENTS:
        strongest, claimed = planned(cluster, statement)
        real, kinds = taken(cluster, statement)
        for name, mode in claimed.items():
            compared += 1
            if real.get(name) != mode:
                wrong.append(f"{statement}: {name} planned {mode}, taken {real.get(name)}")
        # What is locked besides. Reading is no news; the row locks of foreign keys come with each row.
        for name, mode in real.items():
            kind, root = kinds[name]
            if name not in claimed and kind in "rpmvS" and root not in claimed and MODES.index(mode) > 1:
                wrong.append(f"{statement}: {name} not planned, taken {mode}")
        if claimed and strongest != max(claimed.values(), key=lambda m: MODES.index(m) if m in MODES else -1):
            wrong.append(f"{statement}: {strongest} is not the strongest of {claimed}")
    if wrong:
        raise AssertionError("\n".join(wrong))
    assert compared > 100, compared


# What runs at top level only: seen from beside, while it waits for the one that is in its way.
OLD_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM items;"
READER = "BEGIN; SELECT count(*) FROM orders, parted;"
TOP_LEVEL = [
    (OLD_SNAPSHOT, "CREATE INDEX CONCURRENTLY fresh ON orders (uid)"),
    (OLD_SNAPSHOT, "REINDEX INDEX CONCURRENTLY orders_x"),
    (OLD_SNAPSHOT, "REINDEX TABLE CONCURRENTLY orders"),
    (READER, "DROP INDEX CONCURRENTLY orders_x"),
    # A page that a cursor stands on keeps FREEZE waiting.
    ("BEGIN; DECLARE c CURSOR FOR SELECT * FROM users; FETCH 1 FROM c;", "VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) users"),
]


def test_plan_names_the_locks_of_top_level_statements(cluster):
    cluster.sql(SETUP + "DELETE FROM users WHERE id > 25 AND id NOT IN (SELECT x FROM orders);")
    for blocker, statement in TOP_LEVEL:
        _, claimed = planned(cluster, statement)
        assert claimed, statement
        holder = cluster.popen(f"SET application_name = 'holder'; {blocker} SELECT pg_sleep(60);")
        try:
            pid = cluster.backend("holder")
            waiter = cluster.popen(f"SET migrator.guard = 'off'; SET application_name = 'waiter'; {statement};")
            waiting = cluster.backend("waiter")
            deadline = time.time() + 10
            while time.time() < deadline and not cluster.sql(
                    f"SELECT 1 FROM pg_stat_activity WHERE pid = {waiting} AND wait_event_type IN ('Lock', 'BufferPin');"):
                time.sleep(0.02)
            for name, mode in claimed.items():
                held = cluster.sql(f"SELECT mode FROM pg_locks WHERE pid = {waiting} AND relation = '{name}'::regclass AND granted;")
                held = {line.removesuffix("Lock").lower() for line in held.splitlines()}
                # A build gives its own lock away between its transactions, and holds it for the session meanwhile.
                strongest = max((m for m in MODES if m.replace(" ", "").lower() in held), key=MODES.index, default=None)
                equal(strongest, mode, f"{statement}: {name}")
        finally:
            cluster.sql(f"SELECT pg_terminate_backend({waiting}, 5000), pg_terminate_backend({pid}, 5000);")
            holder.wait()
            waiter.wait()
        cluster.sql("SET migrator.guard = 'off'; SET client_min_messages = error; DROP INDEX IF EXISTS fresh;")


PENDING = """
SELECT migrator.register('1', 'ALTER TABLE users ADD a int; UPDATE users SET n = 1; CREATE TABLE notes (id int REFERENCES users)', irreversible => 'x', mixed => true);
SELECT migrator.register('2', 'CREATE INDEX CONCURRENTLY users_n ON users (n); CREATE INDEX CONCURRENTLY notes_id ON notes (id); VACUUM users', irreversible => 'x', mixed => true);
"""
PLAN = "SELECT version, statement, lock, verdict, replace(waits_for, E'\n', '; ') FROM migrator.plan();"


def test_plan_waits_for_nobody_and_names_who_is_in_the_way(cluster):
    cluster.sql(SETUP + PENDING)
    # A foreign key to users, an index of it, and everything that the statements name, under the strongest lock there is.
    holder = cluster.popen("SET application_name = 'holder'; BEGIN; LOCK TABLE users, orders; SELECT pg_sleep(60);")
    try:
        pid = cluster.backend("holder")
        begun = time.time()
        out = cluster.sql("SET statement_timeout = '10s'; SET lock_timeout = '5s'; " + PLAN)
        assert time.time() - begun < 2, time.time() - begun
        lines = out.splitlines()
        equal(len(lines), 6, out)
        for line in lines[:4] + lines[5:]:
            contains(line, f"process {pid} (role \"postgres\", holder) for 0:00:0", "SELECT pg_sleep(60)")
    finally:
        holder.kill()
        holder.wait()
    cluster.sql(f"SELECT pg_terminate_backend({pid}, 5000);")


def test_plan_names_old_snapshots(cluster):
    cluster.sql(SETUP + PENDING)
    holder = cluster.popen("SET application_name = 'old'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM items; SELECT pg_sleep(60);")
    try:
        pid = cluster.backend("old")
        time.sleep(1.1)
        rows = cluster.sql(PLAN).splitlines()
        equal([bool(row.split("|")[4]) for row in rows], [False, False, False, True, True, False], "\n".join(rows))
        contains(rows[3], f"process {pid} (role \"postgres\", old) for 0:00:0", "SELECT pg_sleep(60)")
        # Long enough for the guard, it is refused.
        rows = cluster.sql("SET migrator.long_transaction = '1s'; " + PLAN).splitlines()
        equal([row.split("|")[3] for row in rows][3], "refused", "\n".join(rows))
        # Who may not see the query of another role does not see it here.
        cluster.sql("CREATE ROLE planner; GRANT EXECUTE ON FUNCTION migrator.plan TO planner;")
        row = cluster.sql("SET ROLE planner; " + PLAN).splitlines()[3]
        contains(row, f"process {pid}")
        assert "pg_sleep" not in row, row
    finally:
        holder.kill()
        holder.wait()
    cluster.sql(f"SELECT pg_terminate_backend({pid}, 5000);")


def test_plan_takes_no_lock_beyond_reading(cluster):
    cluster.sql(SETUP)
    for number, statement in enumerate(STATEMENTS):
        quoted = statement.replace("'", "''")
        cluster.sql(f"SET client_min_messages = error; SELECT migrator.register('{number}', '{quoted}', irreversible => 'x', mixed => true);")
    out = cluster.sql("""SET client_min_messages = error; BEGIN READ ONLY; SELECT count(*) FROM migrator.plan();
        SELECT DISTINCT mode FROM pg_locks WHERE locktype = 'relation' AND pid = pg_backend_pid();
        SELECT pg_current_xact_id_if_assigned(); COMMIT;""")
    equal(out.splitlines(), [str(len(STATEMENTS)), "AccessShareLock"], "in a read-only transaction")


def test_plan_on_a_standby(cluster):
    cluster.sql(SETUP + PENDING)
    here = cluster.sql(PLAN)
    with Standby(cluster) as standby:
        equal(standby.sql("SELECT pg_is_in_recovery();"), "t", "it is a standby")
        equal(standby.sql(PLAN), here, "the standby's plan")
