"""Every hint works when typed; restores pass."""

import subprocess
import time

from harness import contains, equal

# Preparation, the refused statement, and what psql must not complain about afterwards.
CASES = [
    ("plain", "CREATE INDEX i ON h (a)"),
    ("unnamed", "CREATE INDEX ON h (a)"),
    ("expression", "CREATE UNIQUE INDEX \"I x\" ON h USING btree (lower(\"Odd\"\"c\") DESC, id) INCLUDE (a) WITH (fillfactor = 80) WHERE a > 0 AND \"Odd\"\"c\" <> 'it''s'"),
    ("hash", "CREATE INDEX i ON h USING hash (\"Odd\"\"c\")"),
    ("partitioned", "CREATE INDEX i ON p (lower(t), id) WHERE id > 5"),
    ("partitioned unnamed", "CREATE UNIQUE INDEX ON p (id, t)"),
    ("column int", "ALTER TABLE h ADD c int NOT NULL"),
    ("column text", "ALTER TABLE h ADD \"New c\" varchar(20) COLLATE \"C\" NOT NULL"),
    ("column many", "ALTER TABLE h ADD c1 timestamptz NOT NULL, ADD c2 jsonb NOT NULL, ADD c3 text[] NOT NULL, ADD c4 uuid NOT NULL"),
    ("column enum", "ALTER TABLE h ADD c color NOT NULL"),
    ("column bool", "ALTER TABLE h ADD c boolean NOT NULL DEFAULT NULL"),
    ("column no key", "ALTER TABLE n ADD c date NOT NULL"),
    ("column partitioned", "ALTER TABLE p ADD c numeric(10,2) NOT NULL"),
]

SETUP = """
SET client_min_messages = error;
DROP SCHEMA IF EXISTS "My schema" CASCADE; CREATE SCHEMA "My schema"; SET search_path = "My schema";
CREATE TYPE color AS ENUM ('red', 'green');
CREATE TABLE h (id int PRIMARY KEY, a int, "Odd""c" text); INSERT INTO h SELECT g, g, 'x' || g FROM generate_series(1, 2000) g;
CREATE TABLE n (a int); INSERT INTO n SELECT generate_series(1, 2000);
CREATE TABLE p (id int PRIMARY KEY, t text) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000);
CREATE TABLE p2 PARTITION OF p DEFAULT PARTITION BY RANGE (id);
CREATE TABLE p2a PARTITION OF p2 DEFAULT;
INSERT INTO p SELECT g, g FROM generate_series(1, 2000) g;
"""
SESSION = 'SET migrator.large_table_rows = 1000; SET search_path = "My schema", public;\n'


def columns_and_indexes(cluster):
    """What the statement made, without the names Postgres or the hint chose."""
    return cluster.sql("""
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = '"My schema"'::regnamespace
AND c.relkind IN ('r', 'p') AND a.attnum > 0 ORDER BY 1, 2;
SELECT t.relname, regexp_replace(pg_get_indexdef(i.indexrelid), 'INDEX .* ON', 'INDEX ON'), i.indisvalid
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid WHERE t.relnamespace = '"My schema"'::regnamespace ORDER BY 1, 2;
SELECT t.relname, regexp_replace(pg_get_constraintdef(k.oid), '', ''), k.convalidated FROM pg_constraint k
JOIN pg_class t ON t.oid = k.conrelid WHERE t.relnamespace = '"My schema"'::regnamespace ORDER BY 1, 2;
""")


def test_every_hint_works_when_typed(cluster):
    for name, statement in CASES:
        # What the refused statement would have made, on the same tables without rows where it needs that.
        cluster.sql(SETUP)
        empty = "" if "INDEX" in statement else "TRUNCATE h, n, p;"
        cluster.sql(f"SET migrator.guard = 'off'; SET search_path = \"My schema\"; {empty} {statement};")
        expected = columns_and_indexes(cluster)
        cluster.sql(SETUP)
        _, err = cluster.run(f"{SESSION}{statement};")
        contains(err, "HINT:  ")
        # The first line of a hint is a sentence, the others are statements.
        hint = err[err.index("HINT:  "):].split("\n")[1:]
        for line in hint:
            if not line.endswith(";"):
                raise AssertionError(f"{name}: not a whole statement: {line}")
        out, err = cluster.run(SESSION + "\n".join(hint))
        if "ERROR" in err or "WARNING" in err:
            raise AssertionError(f"{name}: the hint\n" + "\n".join(hint) + f"\nfailed: {err}")
        equal(columns_and_indexes(cluster), expected, f"{name}: what the hint made")


def test_a_foreign_key_not_valid_on_a_partitioned_table(cluster):
    """Refused by Postgres before 18; the hint makes it, also where a partition has it already."""
    cluster.sql(SETUP)
    session = SESSION.replace("1000", "100")
    statement = "ALTER TABLE p ADD CONSTRAINT \"F k\" FOREIGN KEY (id) REFERENCES h NOT VALID"
    if cluster.major >= 18:
        cluster.sql(f"{session}{statement};")
        return
    for before in ("", "ALTER TABLE p1 ADD CONSTRAINT \"F k\" FOREIGN KEY (id) REFERENCES h;"):
        cluster.sql(f"{SETUP} SET migrator.guard = off; {before}")
        found = cluster.sql(f"{session} SELECT action, rule FROM migrator.lint($${statement}$$) WHERE rule LIKE 'refused%';")
        equal(found, "error|refused-on-partitioned")
        _, err = cluster.run(f"{session}{statement};")
        contains(err, "[refused-on-partitioned]", "HINT:  ")
        hint = err[err.index("HINT:  "):].split("\n")[1:]
        equal(len([line for line in hint if "NOT VALID" in line]), 1 if before else 2, "\n".join(hint))
        _, err = cluster.run(session + "\n".join(hint))
        if "ERROR" in err:
            raise AssertionError("the hint\n" + "\n".join(hint) + f"\nfailed: {err}")
        equal(cluster.sql("SELECT count(*), bool_and(convalidated), count(*) FILTER (WHERE conparentid = 0) "
                          "FROM pg_constraint WHERE conname = 'F k';"), "4|t|1")
    # A small one needs no steps; what is refused for another reason is left to Postgres.
    _, err = cluster.run(f"SET search_path = \"My schema\", public; {statement.replace('F k', 'F 2')};")
    contains(err, "so that it needs no NOT VALID:\nALTER TABLE \"My schema\".p ADD CONSTRAINT \"F 2\"")
    for instead, refusal in (("TABLE ONLY p ADD CONSTRAINT f", "cannot use ONLY"), ("TABLE p ADD CONSTRAINT \"F k\"", "already exists")):
        _, err = cluster.run(session + statement.replace("TABLE p ADD CONSTRAINT \"F k\"", instead) + ";")
        contains(err, refusal)
        equal("refused-on-partitioned" in err, False, err)


def test_many_partitions(cluster):
    """Beyond a dozen partitions the hint generates its statements with psql's \\gexec."""
    cluster.sql("CREATE TABLE m (id int, \"Q c\" text) PARTITION BY HASH (id);" + "".join(
        f"CREATE TABLE m{i} PARTITION OF m FOR VALUES WITH (MODULUS 20, REMAINDER {i});" for i in range(20)) +
        "INSERT INTO m SELECT g, g FROM generate_series(1, 5000) g;")
    session = "SET migrator.large_table_rows = 1000;\n"
    _, err = cluster.run(session + "CREATE INDEX m_i ON m (\"Q c\") WHERE \"Q c\" <> '%s';")
    hint = err[err.index("HINT:  "):].split("\n")[1:]
    contains(hint[0], "\\gexec")
    _, err = cluster.run(session + "\n".join(hint))
    equal(err, "")
    equal(cluster.sql("SELECT count(*), bool_and(indisvalid) FROM pg_index i JOIN pg_class c ON c.oid = indrelid WHERE relname ~ '^m[0-9_]*$';"), "21|t")


def test_a_tree_of_5000_partitions(cluster):
    """Looked at in about a second; no lock is kept on the way, of which the server has room for fewer."""
    cluster.sql("DROP DATABASE IF EXISTS tree WITH (FORCE);", db="postgres")
    cluster.sql("CREATE DATABASE tree;", db="postgres")
    cluster.sql("CREATE TABLE top (id int) PARTITION BY RANGE (id); CREATE INDEX ON top (id); "
                "CREATE TABLE other (id int PRIMARY KEY); CREATE TABLE tree (id int NOT NULL) PARTITION BY RANGE (id);", db="tree")
    for batch in range(0, 5000, 500):
        cluster.sql(f"CREATE TABLE tree_{batch} PARTITION OF tree FOR VALUES FROM ({batch}) TO ({batch + 500}) PARTITION BY RANGE (id); "
                    f"DO $$ BEGIN FOR i IN {batch}..{batch + 499} LOOP EXECUTE format("
                    f"'CREATE TABLE leaf_%s PARTITION OF tree_{batch} FOR VALUES FROM (%s) TO (%s)', i, i, i + 1); END LOOP; END $$;", db="tree")
    cluster.sql("INSERT INTO tree SELECT generate_series(0, 4999); SET client_min_messages = error; CREATE EXTENSION migrator;", db="tree")
    for statement, rule in (("ALTER TABLE top ATTACH PARTITION tree FOR VALUES FROM (0) TO (5000)", "attach-partition"),
                            ("ALTER TABLE tree ADD COLUMN a float8 DEFAULT random()", "add-column-volatile-default"),
                            ("REINDEX TABLE tree", ""), ("CREATE INDEX ON tree (id)", "create-index-blocking"),
                            ("ALTER TABLE tree ADD UNIQUE (id)", "add-unique-builds-index"),
                            ("ALTER TABLE tree ADD FOREIGN KEY (id) REFERENCES other", "add-foreign-key-validating")):
        begun = time.time()
        out, err = cluster.run(f"SET migrator.large_table_rows = 1000; {statement};", "tree")
        taken = time.time() - begun
        contains(err, rule)
        if taken > 3:
            raise AssertionError(f"{statement}: {taken:.1f} s")
        if rule == "attach-partition":
            # One line generates the 5000 indexes.
            contains(err, "\\gexec")
            equal(len(err[err.index("HINT:"):].splitlines()) < 10, True, err[:2000])
    cluster.sql("DROP DATABASE tree WITH (FORCE);", db="postgres")


def test_a_dump_restores(cluster):
    """With the guard on: schema, data, and the ledger with it. In one transaction or not, with psql or pg_restore."""
    cluster.sql(SETUP + "SELECT migrator.register('1', 'CREATE INDEX CONCURRENTLY h_a ON \"My schema\".h (a)', irreversible => 'x');"
                "SELECT migrator.register('2', 'SELECT 1', down => 'SELECT 2');")
    cluster.sql("SET client_min_messages = error; CALL migrator.deploy('1');")
    expected = cluster.sql("SELECT version, state, checksum FROM migrator.status; SELECT count(*) FROM migrator.history;")
    # Postgres knows a setting of ours once the library is loaded.
    cluster.sql("LOAD 'migrator'; ALTER SYSTEM SET migrator.large_table_rows = 100; SELECT pg_reload_conf();", db="postgres")
    try:
        for form, restore in (("p", "psql"), ("c", "pg_restore")):
            cluster.sql("DROP DATABASE IF EXISTS restored WITH (FORCE);", db="postgres")
            cluster.sql("CREATE DATABASE restored;", db="postgres")
            dump = subprocess.check_output(cluster._arguments("pg_dump", "test") + ["-F", form])
            options = ["-Xq", "-v", "ON_ERROR_STOP=1"] if restore == "psql" else ["-e"]
            result = subprocess.run(cluster._arguments(restore, "restored") + options, input=dump, capture_output=True)
            equal(result.returncode, 0, f"{restore}: {result.stderr.decode()}")
            equal(cluster.sql("SELECT version, state, checksum FROM migrator.status; SELECT count(*) FROM migrator.history;",
                              "restored"), expected)
            equal(cluster.sql("SELECT count(*) FROM migrator.verify();", "restored"), "0")
            cluster.sql("SET client_min_messages = error; CALL migrator.deploy();", "restored")
            equal(cluster.sql("SELECT string_agg(outcome, ',' ORDER BY attempt) FROM migrator.history;", "restored"), "applied,applied")
    finally:
        cluster.sql("LOAD 'migrator'; ALTER SYSTEM RESET migrator.large_table_rows; SELECT pg_reload_conf();", db="postgres")
        cluster.sql("DROP DATABASE IF EXISTS restored WITH (FORCE);", db="postgres")


def test_only_utf8(cluster):
    cluster.sql("DROP DATABASE IF EXISTS latin;", db="postgres")
    cluster.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;", db="postgres")
    _, err = cluster.run("CREATE EXTENSION migrator;", "latin")
    contains(err, "migrator needs a database encoded in UTF8", "HINT")


def test_a_squatted_schema_is_refused(cluster):
    cluster.sql("DROP EXTENSION migrator CASCADE; DROP SCHEMA migrator; CREATE ROLE squatter; CREATE SCHEMA migrator AUTHORIZATION squatter;")
    try:
        _, err = cluster.run("CREATE EXTENSION migrator;")
        contains(err, 'schema "migrator" exists and belongs to another role', "HINT")
    finally:
        cluster.sql("DROP SCHEMA migrator; DROP ROLE squatter;")


def test_a_placeholder_set_before_loading_does_not_count(cluster):
    cluster.sql("CREATE ROLE plain LOGIN; CREATE TABLE ph (a int); INSERT INTO ph SELECT generate_series(1, 2000); "
                "ALTER TABLE ph OWNER TO plain; GRANT CREATE ON SCHEMA public TO plain;")
    cluster.user = "plain"
    try:
        _, err = cluster.run("SET migrator.guard = 'off'; SET migrator.large_table_size = '1GB'; CREATE INDEX ON ph (a);",
                             env={"PGOPTIONS": ""})
        contains(err, 'permission denied to set parameter "migrator.guard"')
    finally:
        cluster.user = "postgres"
        cluster.sql("DROP OWNED BY plain; DROP ROLE plain;")
