"""What a migration's statement raises arrives as psql would have shown it."""

import re

from harness import contains, equal

SETUP = """
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, pid int CONSTRAINT child_fk REFERENCES parent,
    n int CONSTRAINT positive CHECK (n > 0), late int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
CREATE DOMAIN even AS int CONSTRAINT is_even CHECK (VALUE % 2 = 0);
CREATE FUNCTION raises() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'user-defined' USING ERRCODE = 'ZZ123', DETAIL = 'a detail', HINT = 'a hint', SCHEMA = 's',
        TABLE = 't', COLUMN = 'c', DATATYPE = 'd', CONSTRAINT = 'k';
END $$;
CREATE FUNCTION nested() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM raises(); END $$;
CREATE FUNCTION bad_query() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM nope FROM parent; END $$;
CREATE FUNCTION bad_sql() RETURNS int LANGUAGE sql AS 'SELECT 1/0';
-- Its size is shown twice: nobody is to truncate it in between.
CREATE TABLE large WITH (autovacuum_enabled = off) AS SELECT g AS a FROM generate_series(1, 2000) g; ANALYZE large;
"""

STATEMENTS = [
    "INSERT INTO child VALUES (1, 99, 1, NULL)",
    "INSERT INTO child VALUES (1, NULL, 0, NULL)",
    "INSERT INTO child VALUES (NULL, NULL, 1, NULL)",
    "SELECT 1::even",
    "SELECT nope FROM parent",
    "SELECT 1,\n  2 +\n  missing(3)",
    "CREATE TABLE parent (id int)",
    "SELECT raises()",
    "SELECT nested()",
    "SELECT bad_query()",
    "SELECT bad_sql()",
    "DO $$ BEGIN PERFORM 1/0; END $$",
    "SELECT 'x'::int",
    "SELECT * FROM \"it's a \"\"name\"\"\"",
    "CREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql AS $$ BEGN END $$",
    "DROP TABLE parent",
    "CREATE INDEX ON large (a)",
    "ALTER TABLE large ADD b int NOT NULL",
    "SET work_mem = 'x'",
    "SELECT '{\"a\": nope}'::json",
]


def fields(text):
    """The fields that psql's \\errverbose prints, except what is ours to move: position and CONTEXT."""
    found, name = {}, None
    for line in text.splitlines():
        match = re.match(r"(?:psql:.*?: )?(?:error: )?([A-Z][A-Z ]+[A-Z]|LINE \d+|ERROR|DETAIL|HINT|QUERY): +(.*)", line)
        if match and not line.startswith(" "):
            name = match.group(1)
            found[name] = match.group(2)
        elif name:
            found[name] += "\n" + line
    return found


def errverbose(cluster, statement):
    """The fields of the error that a statement raises."""
    _, err = cluster.run(f"SET migrator.large_table_rows = 1000;\n\\set VERBOSITY terse\n{statement}\n\\g\n\\errverbose\n")
    verbose = err[err.rindex("ERROR:  ", 0, len(err)):] if "ERROR:  " in err else err
    return fields(verbose)


def test_every_field_arrives(cluster):
    cluster.sql(SETUP)
    seen = set()
    for statement in STATEMENTS:
        plain = errverbose(cluster, statement)
        seen |= set(plain)
        literal = "'" + statement.replace("'", "''") + "'"
        cluster.sql(f"SELECT migrator.register('1', 'SELECT 1; ' || {literal}, irreversible => 'test');")
        for run in ("SELECT migrator.apply()", "CALL migrator.deploy()"):
            ours = errverbose(cluster, run)
            what = f"{run} of {statement}"
            for field in ("ERROR", "DETAIL", "HINT", "SCHEMA NAME", "TABLE NAME", "COLUMN NAME", "DATATYPE NAME",
                          "CONSTRAINT NAME", "LOCATION"):
                equal(ours.get(field), plain.get(field), f"{field} of {what}")
            frame = 'migration "1", statement 2 of 2 (line 1): '
            context = ours.get("CONTEXT", f"none of {ours}")
            contains(context, frame)
            equal(context[:context.index(frame)].strip(), plain.get("CONTEXT", "").strip(), f"CONTEXT of {what}")
            # psql draws the line and the caret: in the statement, as for the plain one.
            lines = [k for k in plain if k.startswith("LINE")]
            equal([k for k in ours if k.startswith("LINE")], lines, f"position of {what}")
            for line in lines:
                equal(ours[line], plain[line], f"caret of {what}")
        history = cluster.sql(
            "SELECT count(*), count(DISTINCT (sqlstate, message, detail, hint, context, position, internal_query,"
            " internal_position, schema_name, table_name, column_name, datatype_name, constraint_name)),"
            " min(sqlstate || ':  ' || 'x') FROM migrator.history WHERE outcome = 'failed';")
        state = plain["ERROR"].split(":")[0]
        equal(history, f"2|1|{state}:  x", f"history of {statement}")
        row = cluster.sql(
            "SELECT coalesce(context, '') || '~' || coalesce(schema_name, '') || '~' || coalesce(constraint_name, '')"
            " || '~' || coalesce(hint, '') FROM migrator.history WHERE outcome = 'failed' LIMIT 1;")
        equal(row, "~".join(plain.get(k, "").strip() for k in ("CONTEXT", "SCHEMA NAME", "CONSTRAINT NAME", "HINT")),
              f"history fields of {statement}")
        cluster.sql("ALTER TABLE migrator.event DISABLE TRIGGER append_only; TRUNCATE migrator.event, migrator.event_end;")
    # The statements together exercise every field there is.
    missing = {"DETAIL", "HINT", "CONTEXT", "SCHEMA NAME", "TABLE NAME", "COLUMN NAME", "DATATYPE NAME",
               "CONSTRAINT NAME", "QUERY"} - seen
    equal(missing, set(), "fields that no statement of this test sets")


def test_deferred_constraint_fails_at_commit(cluster):
    cluster.sql(SETUP)
    cluster.sql("SELECT migrator.register('1', 'INSERT INTO child VALUES (1, NULL, 1, 99)', irreversible => 'x');")
    _, err = cluster.run("CALL migrator.deploy();")
    contains(err, "violates foreign key constraint", 'CONTEXT:  migration "1"')
    equal(cluster.sql("SELECT state, error LIKE '23503%' FROM migrator.status;"), "failed|t")
    equal(cluster.sql("SELECT count(*) FROM child;"), "0")


def test_no_error_shows_a_backtrace(cluster):
    """tests/run.sh gives the server RUST_BACKTRACE=1, as a careless environment would."""
    with open(f"{cluster.socket}/data/postmaster.pid") as file:
        pid = file.readline().strip()
    with open(f"/proc/{pid}/environ") as file:
        contains(file.read(), "RUST_BACKTRACE=1")
    cluster.sql(SETUP)
    texts = []
    for sql in ("SELECT migrator.register('1', 'SELEC', irreversible => 'x')", "SELECT migrator.register(NULL, NULL)",
                "SELECT migrator.apply('nope')", "CALL migrator.backfill('child', 'x')", "SELECT migrator.register_dir('/nope')",
                "CREATE INDEX ON large (a)", "DO $$ BEGIN CALL migrator.deploy(); END $$"):
        out, err = cluster.run(f"SET migrator.large_table_rows = 1000; {sql};\n\\errverbose\n")
        contains(err, "ERROR")
        texts.append(out + err)
    for text in texts + [cluster.log()]:
        for word in ("backtrace", "panicked", "/rustc/", "::{{closure}}", "PANIC", "Some(", "None)"):
            if word in text:
                raise AssertionError(f"{word!r} in:\n{text[-2000:]}")


def test_a_failure_that_cannot_be_recorded_is_said(cluster):
    cluster.sql("SELECT migrator.register('1', 'SELECT 1/0', irreversible => 'x');")
    _, err = cluster.run("BEGIN; LOCK TABLE migrator.event IN ACCESS EXCLUSIVE MODE; SELECT migrator.apply(); ROLLBACK;")
    contains(err, "division by zero", "WARNING:  the failure could not be written to the history")


def test_the_history_writer_needs_no_login(cluster):
    cluster.sql("CREATE ROLE owner_without_login SUPERUSER NOLOGIN; DROP EXTENSION migrator CASCADE; DROP SCHEMA migrator;")
    cluster.sql("SET ROLE owner_without_login; CREATE EXTENSION migrator; RESET ROLE; "
                "SELECT migrator.register('1', 'SELECT 1/0', irreversible => 'x');")
    _, err = cluster.run("SELECT migrator.apply();")
    contains(err, "division by zero")
    equal(cluster.sql("SELECT outcome, sqlstate FROM migrator.history;"), "failed|22012")
    cluster.sql("DROP EXTENSION migrator CASCADE; DROP SCHEMA migrator; DROP ROLE owner_without_login;")
