"""What a role must not get, and must not break, by way of the extension."""

import os

from harness import contains, equal

LARGE = "SET client_min_messages = error; SET migrator.guard = off; "
ROWS = "SELECT g AS id, 'x' || g AS t FROM generate_series(1, 2000) g; ANALYZE"


def deployer(cluster, role):
    """A role that may deploy; other tests share the server and its roles."""
    cluster.sql(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}; "
                f"SELECT migrator.grant_deploy('{role}');")


def guarded(cluster, making):
    """A session setting under which tables made by this count as large."""
    cluster.sql(LARGE + making)
    return "SET migrator.large_table_rows = 1000;\n"


def refused(cluster, session, statement, rule):
    _, err = cluster.run(session + statement)
    contains(err, "ERROR:", f"[{rule}]")


def test_rights_that_are_lent_start_no_worker(cluster):
    deployer(cluster, "riser")
    cluster.sql("""SET ROLE riser;
        CREATE TABLE trap (a int); CREATE TABLE work (id int PRIMARY KEY, x int); INSERT INTO work VALUES (1);
        CREATE FUNCTION evil() RETURNS int LANGUAGE plpgsql AS $$BEGIN
            PERFORM set_config('role', 'none', false); EXECUTE 'ALTER ROLE riser SUPERUSER'; RETURN 1; END$$;
        CREATE FUNCTION lend() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$
            SELECT migrator.start_backfill('public.work', 'x = public.evil()', 'x IS NULL')$$;
        CREATE FUNCTION apply() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT migrator.apply()';
        CREATE FUNCTION expression(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$BEGIN
            IF current_setting('test.fire', true) = 'yes' THEN PERFORM public.lend(); END IF; RETURN 1; END$$;
        CREATE INDEX ON trap (expression(a)); INSERT INTO trap VALUES (-1);
        SELECT migrator.register('1', 'VACUUM work', irreversible => 'nothing to undo');""")
    for statement, what in (("SELECT lend();", "a backfill of public.work"), ("SELECT apply();", "migration \"1\""),
                            ("SET test.fire = yes; ANALYZE trap;", "a backfill of public.work")):
        _, err = cluster.run(statement)
        contains(err, f"{what} cannot be handed to a background worker", "SECURITY DEFINER")
    equal(cluster.sql("SELECT count(*) FROM migrator.backfills; SELECT rolsuper FROM pg_roles WHERE rolname = 'riser';"), "0\nf")
    # One's own function lends nothing.
    equal(cluster.sql("SET ROLE postgres; CREATE FUNCTION own() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS "
                      "$$SELECT migrator.start_backfill('public.work', 'x = 2', 'x IS NULL')$$; SELECT own() > 0;"), "t")
    cluster.until("SELECT x FROM work;", "2")


def test_to_look_runs_nothing(cluster):
    deployer(cluster, "looker")
    written = f"{cluster.socket}/written"
    cluster.sql(f"""SELECT lo_from_bytea(77777, 'x'); GRANT SELECT ON LARGE OBJECT 77777 TO looker; SET ROLE looker;
        CREATE DOMAIN bomb AS int CHECK (VALUE > 0 AND lo_export(77777, '{written}') = 1); CREATE TABLE att (id int, b bomb[]);
        SELECT migrator.register('9', $$ALTER TABLE public.att ADD COLUMN d public.bomb[] DEFAULT '{{1}}'$$, irreversible => 'x');""")
    for text in ("ALTER TABLE att ADD d bomb[] DEFAULT ''{1}''", "UPDATE att SET id = 1 WHERE b = ''{1}''", "ALTER TABLE att ADD CHECK (b <> ''{1}'')",
                 "CREATE INDEX ON att (id) WHERE b = ''{1}''"):
        cluster.run(f"SELECT count(*) FROM migrator.lint('{text}');")
    cluster.run("SELECT * FROM migrator.plan();")
    assert not os.path.exists(written), "a function was run"


def test_what_is_new_does_not_hide_what_is_old(cluster):
    session = guarded(cluster, f"CREATE TABLE b1 AS {ROWS}; CREATE TABLE b2 AS {ROWS}; CREATE TABLE b3 AS {ROWS};")
    attach = "BEGIN; CREATE TABLE np (LIKE b1) PARTITION BY RANGE (id); ALTER TABLE b1 ADD CHECK (id IS NOT NULL AND id < 9999) NOT VALID; " \
             "SET LOCAL migrator.allow = 'attach-partition, attach-builds-index'; ALTER TABLE np ATTACH PARTITION b1 DEFAULT; "
    for statement, rule in (("DROP TABLE np;", "drop-table"), ("CREATE INDEX ON np (t);", "create-index-blocking"),
                            ("ALTER TABLE np DROP COLUMN t;", "drop-column"), ("ALTER TABLE np ALTER t SET NOT NULL;", "set-not-null-scan")):
        refused(cluster, session, attach + statement, rule)
    refused(cluster, session, "BEGIN; CREATE TABLE pa (id int); ALTER TABLE b2 INHERIT pa; DROP TABLE pa CASCADE;", "drop-cascade")
    refused(cluster, session, "BEGIN; CREATE DOMAIN dd AS text; ALTER TABLE b3 ALTER t TYPE dd; DROP DOMAIN dd CASCADE;", "drop-cascade")
    equal(cluster.sql("SELECT count(*) FROM b1, pg_class WHERE relname IN ('b2', 'b3');"), "4000")
    # What really is new is nobody's business.
    _, err = cluster.run(session + f"BEGIN; CREATE TABLE n (id int, t text); CREATE TABLE c () INHERITS (n); INSERT INTO c {ROWS} c; "
                         "CREATE INDEX ON n (t); CREATE DOMAIN d AS text; ALTER TABLE n ALTER t TYPE d; DROP DOMAIN d CASCADE; DROP TABLE n CASCADE;")
    assert "[" not in err, err


def test_every_drop_is_judged(cluster):
    session = guarded(cluster, f"""CREATE COLLATION c2 (locale = 'C'); CREATE TABLE m (id int, t text COLLATE c2); INSERT INTO m {ROWS} m;
        CREATE TEXT SEARCH CONFIGURATION ts (COPY = simple); CREATE TABLE v (id int, t text, w tsvector GENERATED ALWAYS AS (to_tsvector('ts', t)) STORED);
        INSERT INTO v {ROWS} v; CREATE TABLE member AS {ROWS};""")
    refused(cluster, session, "DROP COLLATION c2 CASCADE;", "drop-cascade")
    refused(cluster, session, "DROP TEXT SEARCH CONFIGURATION ts CASCADE;", "drop-cascade")
    cluster.sql("ALTER EXTENSION plpgsql ADD TABLE member;")
    refused(cluster, session, "DROP EXTENSION plpgsql;", "drop-table")
    _, err = cluster.run(session + "DROP COLLATION c2;")
    contains(err, "other objects depend on it")


def test_a_column_goes_with_its_table(cluster):
    """The drop of a table with a column whose type goes, too, is one that Postgres does not refuse."""
    session = guarded(cluster, f"""CREATE ROLE o3; CREATE SCHEMA s AUTHORIZATION o3; SET ROLE o3; CREATE TYPE s.e AS ENUM ('a');
        CREATE TABLE s.t (id int, st s.e); INSERT INTO s.t SELECT g FROM generate_series(1, 2000) g; ANALYZE s.t; RESET ROLE;
        CREATE TABLE a AS {ROWS}; CREATE TABLE b (x a);""")
    refused(cluster, session, "DROP OWNED BY o3;", "drop-table")
    refused(cluster, session, "DROP TABLE a, b;", "drop-table")


def test_depth_is_no_danger(cluster):
    """Domains over domains, and views over views."""
    cluster.sql("CREATE ROLE deep; GRANT CREATE ON SCHEMA public TO deep;")
    _, err = cluster.run("SET ROLE deep;\nCREATE DOMAIN d0 AS int;\n"
                         "DO $$BEGIN FOR i IN 1..16000 LOOP EXECUTE format('CREATE DOMAIN d%s AS d%s', i, i - 1); "
                         "IF i % 100 = 0 THEN COMMIT; END IF; END LOOP; END$$;\nALTER DOMAIN d0 ADD CHECK (VALUE > 0);")
    # What Postgres itself says about it, which locks each.
    assert "stack depth limit exceeded" in err or "out of shared memory" in err, err
    views = "".join(f"CREATE VIEW va{i} AS SELECT a.id FROM va{i - 1} a, vb{i - 1} b; CREATE VIEW vb{i} AS SELECT b.id FROM va{i - 1} a, vb{i - 1} b;"
                    for i in range(1, 17))
    cluster.sql(f"CREATE TABLE t (id int); CREATE VIEW va0 AS SELECT id FROM t; CREATE VIEW vb0 AS SELECT id FROM t; {views}"
                "SELECT migrator.register('1', 'LOCK TABLE va16 IN ACCESS SHARE MODE', irreversible => 'nothing to undo');")
    equal(cluster.sql("SET statement_timeout = '20s'; SELECT version, lock FROM migrator.plan();"), "1|ACCESS SHARE")


def test_a_role_that_looks_like_a_restore_shows(cluster):
    cluster.sql("CREATE ROLE restorer; ALTER ROLE restorer SET row_security = FALSE;")
    equal(cluster.sql("SELECT problem, object, detail, hint FROM migrator.verify() WHERE object = 'role restorer';"),
          "the guard is not enforcing|role restorer|row_security=false|ALTER ROLE restorer RESET row_security;")
    cluster.sql("DROP ROLE restorer;")


def test_what_failed_in_a_worker_is_not_committed(cluster):
    """Half of it would be, and Postgres warns of what is left open: the log is looked through."""
    cluster.sql("CREATE TABLE half (id int PRIMARY KEY, a int); INSERT INTO half SELECT g, g FROM generate_series(1, 100) g;")
    for start in ("start_backfill('half', 'a = a + 1')", "register('1', 'VACUUM half', irreversible => 'x'); SELECT migrator.apply()"):
        cluster.sql(f"BEGIN; SELECT migrator.{start}; DROP EXTENSION migrator; COMMIT;")
        cluster.until("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'migrator%';", "0")
        cluster.sql("CREATE EXTENSION migrator;")
    equal(cluster.sql("SELECT sum(a) FROM half;"), "5050")


def test_no_event_of_others_is_taken_for_one_of_ours(cluster):
    if cluster.major < 17:
        return
    for function in ("guard_ddl_command_start", "guard_table_rewrite", "guard_sql_drop", "guard_ddl_command_end"):
        cluster.sql(f"CREATE EVENT TRIGGER strange ON login EXECUTE FUNCTION migrator.{function}();")
        _, err = cluster.run("SELECT 1;")
        contains(err, "was called for an event without a statement")
        cluster.sql("DROP EVENT TRIGGER strange;", env={"PGOPTIONS": "-c event_triggers=off"})


def test_hundreds_of_commands_take_little_memory(cluster):
    """Each column against each constraint: what is looked at for one is given back before the next."""
    count = 300
    making = (f"SELECT 'CREATE TABLE wide (' || string_agg('c' || g || ' int', ', ') || ')' FROM generate_series(1, {count}) g \\gexec\n"
              f"SELECT 'ALTER TABLE wide ' || string_agg('ADD CONSTRAINT k' || g || ' CHECK (c' || g || ' > 0) NOT VALID', ', ') "
              f"FROM generate_series(1, {count}) g \\gexec\n")
    altering = (f"SELECT 'ALTER TABLE wide ' || string_agg('ALTER c' || g || ' SET NOT NULL', ', ') FROM generate_series(1, {count}) g \\gexec\n")

    def peak(session):
        cluster.sql("SET migrator.guard = off; DROP TABLE IF EXISTS wide;\n" + making)
        shown = cluster.sql(f"{session}SELECT pg_backend_pid() AS pid \\gset\n\\setenv OF :pid\n{altering}\\! grep VmHWM /proc/$OF/status\n")
        return int(shown.split()[-2])

    with_guard, without = peak(""), peak("SET event_triggers = off;\n" if cluster.major >= 17 else "SET session_replication_role = replica;\n")
    assert with_guard < without + 30000, f"{with_guard} kB with the guard, {without} kB without"
