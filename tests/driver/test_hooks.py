"""Where the library is preloaded, the guard sees what reaches no event trigger."""

import re
import time

from harness import Cluster, Standby, contains, equal

PRELOAD = "ALTER DATABASE test SET session_preload_libraries = 'migrator';"
TABLES = """
SET client_min_messages = error; SET migrator.guard = off;
CREATE TABLE big (id int PRIMARY KEY, a int); INSERT INTO big SELECT g, g FROM generate_series(1, 2000) g;
CREATE TABLE small (id int PRIMARY KEY, big_id int REFERENCES big); INSERT INTO small VALUES (1, 1);
CREATE TABLE empty (id int);
CLUSTER big USING big_pkey; ANALYZE;
"""
LARGE = "SET migrator.large_table_rows = 1000;\n"


def preloaded(cluster, *more):
    cluster.sql(TABLES)
    cluster.sql(PRELOAD + "".join(more))


def log(cluster, columns="tag, outcome, rules, allowed_by, objects"):
    return cluster.sql(f"SELECT {columns} FROM migrator.ddl_log WHERE tag !~ '^(CREATE|ALTER|DROP)' ORDER BY id;")


def refused(cluster, statement, rule, session=LARGE):
    out, err = cluster.run(session + "\\set VERBOSITY verbose\n" + statement)
    contains(err, "ERROR:  MG001:", f"[{rule}]", "DETAIL:", "HINT:")
    return out, err


def passes(cluster, statement, session=LARGE):
    out, err = cluster.run(session + statement)
    if "ERROR" in err:
        raise AssertionError(f"{statement}\n{err}")
    return out, err


def test_hook_refuses_what_fires_no_event(cluster):
    preloaded(cluster)
    statements = [("TRUNCATE big CASCADE;", "truncate"), ("TRUNCATE ONLY big, small;", "truncate"),
                  ("VACUUM FULL big;", "vacuum-full"), ("VACUUM (FULL, ANALYZE) empty, big;", "vacuum-full"),
                  ("VACUUM FULL;", "vacuum-full"), ("CLUSTER big;", "vacuum-full"), ("CLUSTER;", "vacuum-full"),
                  ("CLUSTER big USING big_pkey;", "vacuum-full"), ("REINDEX TABLE big;", "reindex-blocking"),
                  ("REINDEX INDEX big_pkey;", "reindex-blocking")]
    for statement, rule in statements:
        _, err = refused(cluster, statement, rule)
        if not statement.endswith((" FULL;", "CLUSTER;")):
            contains(err, "SCHEMA NAME:  public", "TABLE NAME:  big")
        else:
            contains(err, f"{statement[:-1]} without a table would write public.big anew", "DETAIL:  public.big has about 2000 rows")
    # Not less inside of functions, blocks and dynamic SQL.
    cluster.sql("CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS 'BEGIN TRUNCATE big, small; END';"
                "CREATE FUNCTION g() RETURNS void LANGUAGE sql AS 'TRUNCATE big, small';"
                "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; TRUNCATE big, small; COMMIT; END';")
    for statement in ("SELECT f();", "SELECT g();", "CALL p();", "DO 'BEGIN TRUNCATE big, small; END';",
                      "DO $$BEGIN EXECUTE 'TRUNCATE big, small'; END$$;", "BEGIN; SELECT 1; TRUNCATE big, small;",
                      "SELECT 1\\; TRUNCATE big, small;"):
        refused(cluster, statement, "truncate")
    _, err = passes(cluster, "BEGIN; LOCK TABLE big; COMMIT;")
    contains(err, "WARNING:", "[lock-table]")
    _, err = passes(cluster, "BEGIN; SAVEPOINT s; DO 'BEGIN TRUNCATE big, small; EXCEPTION WHEN OTHERS THEN END'; "
                             "SELECT count(*) FROM big; TRUNCATE empty; COMMIT;")
    for statement in ("TRUNCATE empty;", "VACUUM big;", "VACUUM (FULL false) big;", "VACUUM FULL small;", "ANALYZE big;",
                      "REINDEX TABLE CONCURRENTLY big;", "REINDEX TABLE small;", "BEGIN; LOCK TABLE big IN SHARE ROW EXCLUSIVE MODE; COMMIT;",
                      "CREATE TEMP TABLE t AS SELECT * FROM big; TRUNCATE t; VACUUM FULL t;",
                      "BEGIN; CREATE TABLE n AS SELECT * FROM big; TRUNCATE n; COMMIT;",
                      "BEGIN READ ONLY; LOCK TABLE big IN ACCESS SHARE MODE; LOCK TABLE big IN SHARE MODE; COMMIT;"):
        passes(cluster, statement)
    # What Postgres refuses itself: a table that another one references, unless that is named too.
    cluster.sql("CREATE TABLE itself (id int PRIMARY KEY, up int REFERENCES itself);"
                "INSERT INTO itself SELECT g, g FROM generate_series(1, 2000) g; ANALYZE itself;")
    _, err = cluster.run(LARGE + "TRUNCATE big;")
    contains(err, 'ERROR:  cannot truncate a table referenced in a foreign key constraint')
    for statement in ("TRUNCATE big CASCADE;", "TRUNCATE itself;"):
        refused(cluster, statement, "truncate")
    equal(cluster.sql("SELECT count(*) FROM big;"), "2000")
    # The same in a script that is only judged.
    lint = "SELECT statement, rule, message ~ 'public.big anew' FROM migrator.lint('VACUUM FULL; CLUSTER');"
    equal(cluster.sql(LARGE + lint), "1|vacuum-full|t\n2|vacuum-full|t")
    equal(cluster.sql(lint), "")
    # Where no table is large nothing is in the way, and CLUSTER leaves alone what never was clustered.
    passes(cluster, "VACUUM FULL; CLUSTER;", session="")
    passes(cluster, "CLUSTER;", session="ALTER TABLE big SET WITHOUT CLUSTER; " + LARGE)
    # A foreign key within the tree that is emptied is no reason to refuse it, on whatever level it is.
    cluster.sql("CREATE TABLE tree (id int PRIMARY KEY, up int) PARTITION BY RANGE (id); "
                "CREATE TABLE tree_1 PARTITION OF tree DEFAULT PARTITION BY RANGE (id); CREATE TABLE tree_2 PARTITION OF tree_1 DEFAULT; "
                "ALTER TABLE tree ADD FOREIGN KEY (up) REFERENCES tree; INSERT INTO tree SELECT g, g FROM generate_series(1, 2000) g; ANALYZE;")
    refused(cluster, "TRUNCATE tree;", "truncate")
    cluster.sql("DROP TABLE tree;")
    # What the role may not touch is skipped; by the owner of the database VACUUM skips nothing.
    cluster.sql("CREATE ROLE guest;")
    for statement in ("VACUUM FULL;", "VACUUM FULL big;"):
        contains(passes(cluster, statement, session=LARGE + "SET ROLE guest;\n")[1], '"big"', "skipping")
    passes(cluster, "CLUSTER;", session=LARGE + "SET ROLE guest;\n")
    cluster.sql("ALTER DATABASE test OWNER TO guest;")
    for statement in ("VACUUM FULL;", "VACUUM FULL big;"):
        refused(cluster, statement, "vacuum-full", session=LARGE + "SET ROLE guest;\n")
    passes(cluster, "CLUSTER;", session=LARGE + "SET ROLE guest;\n")
    cluster.sql("ALTER DATABASE test OWNER TO postgres; DROP ROLE guest;")
    # Settings of a restore.
    passes(cluster, "SET row_security = off; SET check_function_bodies = off; SELECT set_config('search_path', '', false); "
                    "TRUNCATE public.big, public.small;")
    equal(cluster.sql("SELECT count(*) FROM big;"), "0")


def test_hook_waits_for_no_lock(cluster):
    preloaded(cluster)
    for mode in ("ACCESS SHARE", "ACCESS EXCLUSIVE"):
        holder = cluster.popen(f"SET migrator.guard = off; BEGIN; LOCK TABLE big, small IN {mode} MODE; SELECT pg_sleep(20);",
                               options=("-XAtq",), env={"PGAPPNAME": "holder"})
        pid = cluster.backend("holder")
        cluster.until(f"SELECT count(*) FROM pg_locks WHERE pid = {pid} AND granted AND relation = 'big'::regclass;", "1")
        begun = time.time()
        statements = [("TRUNCATE big, small;", "truncate"), ("VACUUM FULL big;", "vacuum-full"), ("CLUSTER big;", "vacuum-full")]
        if mode == "ACCESS SHARE":
            statements.append(("REINDEX TABLE big;", "reindex-blocking"))
        for statement, rule in statements:
            refused(cluster, statement, rule)
        assert time.time() - begun < 10, "a refusal waited"
        cluster.sql(f"SELECT pg_terminate_backend({pid});")
        holder.communicate()


def test_hook_has_the_switches_of_the_event_trigger(cluster):
    preloaded(cluster)
    gone = "BEGIN; TRUNCATE big, small; ROLLBACK;"
    refused(cluster, gone, "truncate")
    passes(cluster, "SET session_replication_role = replica; " + gone)
    if cluster.major >= 17:
        passes(cluster, "SET event_triggers = off; " + gone)
    cluster.sql("ALTER EVENT TRIGGER migrator_guard DISABLE;")
    passes(cluster, gone)
    cluster.sql("ALTER EVENT TRIGGER migrator_guard ENABLE ALWAYS;")
    refused(cluster, "SET session_replication_role = replica; " + gone, "truncate")
    cluster.sql("ALTER EVENT TRIGGER migrator_guard ENABLE;")
    _, err = passes(cluster, "SET migrator.guard = warn; TRUNCATE big, small;")
    contains(err, "WARNING:", "[truncate]")
    cluster.sql("INSERT INTO big SELECT g, g FROM generate_series(1, 2000) g; ANALYZE big;")
    equal(passes(cluster, "SET migrator.guard = off; VACUUM FULL big;")[1], "")
    equal(passes(cluster, "BEGIN; SET LOCAL migrator.allow = 'truncate'; TRUNCATE big, small; COMMIT;")[1], "")
    cluster.sql("INSERT INTO big SELECT g, g FROM generate_series(1, 2000) g; ANALYZE big;"
                "SELECT migrator.set_rule('truncate', 'off', 'big');")
    passes(cluster, "TRUNCATE big, small;")
    cluster.until("SELECT count(*) FROM migrator.ddl_log WHERE outcome = 'refused';", "2")
    equal(log(cluster, "tag, statement, outcome, allowed_by, objects"), "\n".join((
        "TRUNCATE TABLE|TRUNCATE big, small|refused||{public.big}",
        "TRUNCATE TABLE|TRUNCATE big, small|refused||{public.big}",
        "TRUNCATE TABLE|TRUNCATE big, small|bypassed|migrator.guard = warn|{public.big,public.small}",
        "VACUUM|VACUUM FULL big|bypassed|migrator.guard = off|{public.big}",
        "TRUNCATE TABLE|TRUNCATE big, small|bypassed|migrator.allow|{public.big,public.small}",
        "TRUNCATE TABLE|TRUNCATE big, small|ran|policy 1|{public.big,public.small}")))
    equal(cluster.sql("SELECT count(*) FROM migrator.drift();"), "0")
    # A session that began before, or whose library came with a statement, is as it was.
    passes(cluster, "LOAD 'migrator'; CREATE TABLE later (id int); " + gone, session="")
    cluster.sql("ALTER DATABASE test RESET session_preload_libraries; INSERT INTO big VALUES (1); "
                "SELECT migrator.set_rule('truncate', 'error');")
    passes(cluster, "LOAD 'migrator'; CREATE TABLE later_2 (id int); BEGIN; TRUNCATE small; ROLLBACK;", session="")


def test_hook_judges_migrations_once(cluster):
    preloaded(cluster, "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'TRUNCATE small';")
    cluster.sql("SELECT migrator.register('1', 'TRUNCATE small', irreversible => 'gone');")
    _, err = passes(cluster, "SELECT migrator.apply();")
    equal(err.count("[truncate]"), 1, err)
    # What a function does within a migration was not judged before.
    cluster.sql("INSERT INTO small VALUES (1, 1); SELECT migrator.register('2', 'SELECT f()', irreversible => 'gone');")
    _, err = passes(cluster, "SELECT migrator.apply();")
    equal(err.count("[truncate]"), 1, err)
    equal(log(cluster, "migration, outcome, statement"), "2|warned|TRUNCATE small")
    # A statement that runs by itself has been judged as well.
    cluster.sql("INSERT INTO small VALUES (1, 1); SELECT migrator.register('3', 'VACUUM FULL small', irreversible => 'gone');")
    equal(passes(cluster, "CALL migrator.deploy();")[1].count("WARNING"), 0)
    cluster.sql(BY_HAND + "SELECT migrator.set_rule('modify-many-rows', 'error', threshold_rows => 10);")
    cluster.sql("CALL migrator.backfill('big', 'a = 0', 'a > 0'); CALL migrator.backfill('big', 'a = 1', 'a = 0', workers => 2);")
    equal(cluster.sql("SELECT count(*) FROM big WHERE a = 1;"), "2000")
    cluster.sql("SELECT migrator.register('4', 'UPDATE small SET big_id = 2', irreversible => 'gone');")
    passes(cluster, "SELECT migrator.apply();")
    # The chain of the history is locked by us, not by hand.
    cluster.sql("SELECT migrator.set_rule('lock-table', 'error', threshold_rows => 0);")
    cluster.sql("SELECT migrator.register('5', 'CREATE TABLE five (a int)', irreversible => 'new'); SELECT migrator.apply();")


BY_HAND = """SELECT migrator.set_rule('update-without-where', 'error'), migrator.set_rule('delete-without-where', 'error');"""


def test_hook_wants_a_where(cluster):
    preloaded(cluster)
    passes(cluster, "BEGIN; UPDATE small SET big_id = 1; DELETE FROM small; ROLLBACK;")
    # Sessions that run learn of it, and of its end.
    session = cluster.popen("UPDATE small SET big_id = 1;\n\\! sleep 2\nUPDATE small SET big_id = 2;\n", options=("-XAtq",))
    time.sleep(0.7)
    cluster.sql(BY_HAND)
    _, err = session.communicate(timeout=30)
    contains(err, "[update-without-where]", "If every row is meant, say so:\nUPDATE small SET big_id = 2 WHERE true;")
    equal(err.count("ERROR"), 1, err)
    for statement in ("UPDATE small SET big_id = 1;", "UPDATE ONLY small s SET big_id = 1 RETURNING *;",
                      "UPDATE small SET big_id = a FROM big;", "WITH x AS (UPDATE small SET big_id = 1 RETURNING *) SELECT * FROM x;",
                      "PREPARE q AS UPDATE small SET big_id = 1; EXECUTE q;", "EXPLAIN ANALYZE UPDATE small SET big_id = 1;",
                      "PREPARE q(int) AS UPDATE small SET big_id = $1;" + "EXECUTE q(1);" * 7):
        refused(cluster, statement, "update-without-where")
    for statement in ("DELETE FROM small;", "DELETE FROM small USING big;", "BEGIN; DELETE FROM small;",
                      "WITH x AS (DELETE FROM small RETURNING *) INSERT INTO empty SELECT id FROM x;"):
        refused(cluster, statement, "delete-without-where")
    for statement in ("UPDATE small SET big_id = 1 WHERE true;", "DELETE FROM small WHERE id = 99;", "EXPLAIN UPDATE small SET big_id = 1;",
                      "CREATE TEMP TABLE t (a int); UPDATE t SET a = 1; DELETE FROM t;",
                      "BEGIN; CREATE TABLE n (a int); UPDATE n SET a = 1; ROLLBACK;", "UPDATE pg_class SET relname = relname WHERE false;",
                      "SET session_replication_role = replica; UPDATE small SET big_id = 1;",
                      "INSERT INTO small VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET big_id = 1;"):
        passes(cluster, statement)
    # What functions, blocks, triggers and foreign keys do is not by hand.
    passes(cluster, "DO 'BEGIN UPDATE small SET big_id = 1; END';")
    cluster.sql("CREATE FUNCTION f() RETURNS SETOF int LANGUAGE plpgsql AS $$DECLARE r record; BEGIN "
                "FOR r IN UPDATE small SET big_id = 1 RETURNING * LOOP RETURN NEXT r.id; END LOOP; UPDATE small SET big_id = 1; END$$;"
                "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE small SET big_id = 1; RETURN NULL; END';"
                "CREATE TRIGGER t AFTER UPDATE ON big EXECUTE FUNCTION g();"
                "ALTER TABLE small DROP CONSTRAINT small_big_id_fkey, ADD FOREIGN KEY (big_id) REFERENCES big ON DELETE CASCADE;")
    passes(cluster, "SELECT f(); UPDATE big SET a = 1 WHERE id = 1; DELETE FROM big WHERE id = 1;")
    equal(cluster.sql("SELECT count(*) FROM small;"), "0")
    # Views and policies; what is let through is recorded.
    cluster.sql("INSERT INTO small VALUES (1, 2); CREATE VIEW v AS SELECT * FROM small;")
    refused(cluster, "DELETE FROM v;", "delete-without-where")
    cluster.sql("SELECT migrator.set_rule('update-without-where', 'off', 'small');")
    passes(cluster, "UPDATE small SET big_id = 3;")
    passes(cluster, "BEGIN; SET LOCAL migrator.allow = 'delete-without-where'; DELETE FROM small; COMMIT;")
    _, err = passes(cluster, "SET migrator.guard = warn; DELETE FROM small;")
    contains(err, "WARNING", "[delete-without-where]")
    # Where no policy asks, nothing is recorded.
    equal(cluster.sql("SELECT string_agg(concat_ws('|', tag, outcome, allowed_by), ',' ORDER BY id) FROM migrator.ddl_log "
                      "WHERE tag IN ('UPDATE', 'DELETE') AND outcome <> 'refused';"),
          "DELETE|bypassed|migrator.allow,DELETE|bypassed|migrator.guard = warn")
    equal(cluster.sql("SELECT count(*) FROM migrator.drift() WHERE tag IN ('UPDATE', 'DELETE');"), "0")
    cluster.sql("SELECT migrator.set_rule('delete-without-where', NULL), migrator.set_rule('update-without-where', NULL), "
                "migrator.set_rule('update-without-where', NULL, 'small');")
    passes(cluster, "UPDATE small SET big_id = 1;")


def test_hook_sees_the_extended_protocol(cluster):
    preloaded(cluster, BY_HAND)
    for mode in ("simple", "extended", "prepared"):
        for statement, outcome in (("UPDATE small SET big_id = :client_id + 1;", "[update-without-where]"),
                                   ("UPDATE small SET big_id = :client_id + 1 WHERE id > 0;", "")):
            process = cluster.popen(statement, program="pgbench", options=("-n", "-t", "8", "-M", mode, "-f", "/dev/stdin"))
            _, err = process.communicate(timeout=60)
            contains(err, outcome)
            equal(process.returncode == 0, not outcome, f"{mode}: {statement}\n{err}")


def test_hook_counts_rows(cluster):
    preloaded(cluster, "SELECT migrator.set_rule('modify-many-rows', 'error', threshold_rows => 500);"
                       "CREATE TABLE parts (id int, a int) PARTITION BY RANGE (id);"
                       "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (400);"
                       "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (400) TO (800);"
                       "INSERT INTO parts SELECT g, g FROM generate_series(1, 700) g; ANALYZE parts;")
    for statement in ("UPDATE big SET a = 0 WHERE id > 10;", "UPDATE big SET a = 0;", "DELETE FROM big WHERE id > 1000;",
                      "UPDATE parts SET a = 0;", "DELETE FROM parts WHERE id > 50;",
                      "WITH x AS (DELETE FROM big WHERE id > 10 RETURNING *) SELECT count(*) FROM x;",
                      "PREPARE q AS DELETE FROM big WHERE id > 10; EXECUTE q;",
                      "EXPLAIN ANALYZE DELETE FROM big WHERE id > 10;",
                      "MERGE INTO big USING small ON true WHEN MATCHED THEN UPDATE SET a = 1;"):
        refused(cluster, statement, "modify-many-rows", session="")
    for statement in ("UPDATE big SET a = 0 WHERE id < 10;", "UPDATE parts SET a = 0 WHERE id < 300;",
                      "MERGE INTO big USING small ON big.id = small.id WHEN MATCHED THEN UPDATE SET a = 1;"):
        passes(cluster, statement, session="")
    # The hint works.
    _, err = refused(cluster, "UPDATE big SET a = 0 WHERE id > 10", "modify-many-rows", session="")
    hint = err.split("Where it has to be at once:\n", 1)[1].split("\nSCHEMA", 1)[0]
    cluster.sql(BY_HAND)
    passes(cluster, hint, session="")
    # Where two rules refuse what cannot be typed again, both are to be allowed.
    explain = "EXPLAIN ANALYZE UPDATE big SET a = 0;"
    _, err = refused(cluster, explain, "modify-many-rows", session="")
    allow = re.search(r"SET LOCAL migrator.allow = '[^']*';", err).group()
    equal(allow, "SET LOCAL migrator.allow = 'modify-many-rows, update-without-where';")
    passes(cluster, f"BEGIN; {allow} {explain} ROLLBACK;", session="")
    _, err = refused(cluster, "DELETE FROM small; DELETE FROM parts;", "modify-many-rows", session="")
    contains(err, "DELETE FROM parts WHERE true;")
    passes(cluster, err.rsplit("Where it has to be at once:\n", 1)[1].split("\nSCHEMA", 1)[0], session="")
    equal(cluster.sql("SELECT (SELECT count(*) FROM parts), (SELECT count(*) FROM big WHERE a = 0);"), "0|1998")


def test_shared_preload(cluster):
    settings = ("shared_preload_libraries = 'migrator'", "migrator.large_table_rows = 1000", "fsync = off",
                "migrator.allow = 'drop-table'")
    with Cluster("hooks-shared", cluster.pg_config, *settings) as shared:
        # Without the extension nothing happens.
        for db in ("postgres", "template1"):
            shared.sql("CREATE TABLE big AS SELECT g AS a FROM generate_series(1, 3000) g; ANALYZE big; VACUUM FULL big; "
                       "UPDATE big SET a = 0; TRUNCATE big; BEGIN; LOCK big; COMMIT; REINDEX TABLE big; DROP TABLE big;", db=db)
        shared.fresh()
        shared.sql(TABLES)
        # The extension came while this session was there, and its policies after it.
        refused(shared, "TRUNCATE big, small;", "truncate", session="")
        shared.sql(BY_HAND)
        refused(shared, "DELETE FROM small;", "delete-without-where", session="")
        _, err = shared.run("UPDATE small SET big_id = 1 WHERE true; DROP EXTENSION migrator; UPDATE small SET big_id = 1; "
                            "TRUNCATE big, small; SET client_min_messages = error; CREATE EXTENSION migrator;\n"
                            + BY_HAND + "\nDELETE FROM small;")
        equal(err.count("ERROR"), 1, err)
        contains(err, "[delete-without-where]")
        equal(shared.sql("SELECT migrator.preloaded_by();"), "shared")
        # Other processes of the server have the hooks too, and take no notice.
        shared.sql("INSERT INTO big SELECT g, g FROM generate_series(1, 2000) g; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; "
                   "SET min_parallel_table_scan_size = 0; SELECT count(*) FROM big;")
        with Standby(shared) as standby:
            standby.catches_up(shared)
            equal(standby.sql("BEGIN; LOCK TABLE big IN ROW SHARE MODE; SELECT count(*) FROM big; COMMIT;"), "2000")
            _, err = standby.run("TRUNCATE big;\nUPDATE small SET big_id = 1;")
            equal(err.count("in a read-only transaction") + err.count("during recovery"), 2, err)
            contains(standby.sql("SELECT count(*) > 10 FROM migrator.guard_status();"), "t")
        for line in shared.log().splitlines():
            assert not any(bad in line for bad in ("TRAP:", "PANIC", "leak", "terminated by signal")), line


def status(cluster, what, session=""):
    return cluster.sql(f"{session} SELECT covered, by, hint FROM migrator.guard_status() WHERE what = '{what}';")


def test_guard_status_and_its_hints(cluster):
    cluster.sql(TABLES)
    everything = cluster.run("SELECT * FROM migrator.guard_status();", options=("-X",))[0]
    assert max(map(len, everything.splitlines())) <= 80, everything
    equal(status(cluster, "DDL"), "t|migrator_guard|")
    equal(status(cluster, "TRUNCATE"), "f|nothing|ALTER DATABASE test SET\nsession_preload_libraries\n= 'migrator';")
    hints = ("SELECT hint FROM migrator.guard_status() WHERE hint IS NOT NULL AND hint NOT LIKE '\\\\connect' "
             "AND what NOT LIKE 'log of ref%'")
    # What is there is kept.
    cluster.sql("ALTER DATABASE test SET session_preload_libraries = '$libdir/plpgsql';")
    cluster.sql(status(cluster, "TRUNCATE").split("|", 2)[2])
    equal(cluster.sql("SHOW session_preload_libraries;"), '"$libdir/plpgsql", migrator')
    equal(status(cluster, "TRUNCATE"), "t|hook|")
    equal(status(cluster, "REINDEX"), "t|hook|" if cluster.major < 17 else "t|migrator_guard|")
    equal(status(cluster, "many rows").split("|")[:2], ["f", "nothing"])
    # Everything typed, round by round: then all is covered.
    cluster.sql("ALTER EVENT TRIGGER migrator_log_drop DISABLE; ALTER EVENT TRIGGER migrator_guard ENABLE REPLICA;"
                "ALTER ROLE postgres IN DATABASE test SET migrator.guard = warn; CREATE ROLE hooks_other;"
                "ALTER ROLE hooks_other SET session_preload_libraries = 'plpgsql';")
    equal(status(cluster, "TRUNCATE").split("|")[:2], ["f", "for replicas only"])
    equal(cluster.sql("SELECT by FROM migrator.guard_status() WHERE what = 'role hooks_other';"), "a list of its own")
    for _ in range(3):
        text = cluster.sql(f"SELECT string_agg(DISTINCT hint, E'\\n') FROM ({hints}) h;")
        cluster.sql(text)
    equal(cluster.sql("SELECT string_agg(what || ' ' || by, ', ') FROM migrator.guard_status() WHERE NOT covered;"), "")
    # What only this session has.
    equal(status(cluster, "DDL", "SET migrator.guard = off;"), "f|guard = off|SET migrator.guard\n= enforce;")
    equal(status(cluster, "CLUSTER", "SET session_replication_role = replica;"),
          "f|replication role|SET\nsession_replication_role\n= origin;")
    if cluster.major >= 17:
        equal(status(cluster, "DDL", "SET event_triggers = off;"), "f|event_triggers = off|SET event_triggers = on;")
    cluster.sql("ALTER EXTENSION migrator DROP EVENT TRIGGER migrator_guard; DROP EVENT TRIGGER migrator_guard;")
    equal(status(cluster, "DDL").split("|")[:2], ["f", "dropped"])
    cluster.sql(status(cluster, "DDL").split("|", 2)[2])
    equal(status(cluster, "DDL"), "t|migrator_guard|")
    # Otherwise a dump would make it twice.
    equal(cluster.sql("SELECT count(*) FROM pg_depend WHERE classid = 'pg_event_trigger'::regclass AND deptype = 'e';"), "4")
    # Reading it is a right of its own.
    cluster.sql("CREATE ROLE hooks_reader; SELECT migrator.grant_read('hooks_reader');")
    equal(status(cluster, "DDL", "SET ROLE hooks_reader;"), "t|migrator_guard|")
    contains(cluster.run("SET ROLE hooks_other; SELECT * FROM migrator.guard_status();")[1], "permission denied")
    # A session that was there before.
    cluster.sql("ALTER DATABASE test RESET session_preload_libraries;")
    session = cluster.popen("SELECT 1;\n\\! sleep 1.5\nSELECT covered, hint FROM migrator.guard_status() WHERE what = 'CLUSTER';",
                            options=("-XAtq",))
    time.sleep(0.5)
    cluster.sql(PRELOAD)
    equal(session.communicate(timeout=30)[0].strip(), "1\nf|\\connect")
    cluster.sql("DROP OWNED BY hooks_reader; DROP ROLE hooks_reader, hooks_other; ALTER ROLE postgres IN DATABASE test RESET ALL;")


test_guard_status_and_its_hints.without_hooks = True
