"""What the hints of the breaking and lossy rules say, typed, makes what was asked for."""

from harness import contains, equal

SETUP = """
SET client_min_messages = error; SET migrator.guard = 'off';
CREATE SCHEMA "My schema"; SET search_path = "My schema";
CREATE TABLE users (id int PRIMARY KEY, "E mail" text, age int, plan int, UNIQUE (age, plan));
INSERT INTO users SELECT g, g || '@x', g, g FROM generate_series(1, 2000) g;
CREATE INDEX users_plan ON users (plan, age DESC); CREATE INDEX users_age ON users (age);
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, CHECK (id > 0));
INSERT INTO orders SELECT g, g FROM generate_series(1, 2000) g;
CREATE TABLE events (id int NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE INDEX events_id ON events (id);
INSERT INTO events SELECT g, '2025-05-05' FROM generate_series(1, 2000) g;
CREATE VIEW emails AS SELECT "E mail", plan FROM users WHERE plan > 1;
CREATE VIEW plans AS SELECT plan FROM emails;
CREATE MATERIALIZED VIEW ages AS SELECT age FROM users;
CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE moods AS SELECT 'sad'::mood AS m FROM generate_series(1, 2000);
CREATE TABLE felt (m mood DEFAULT 'ok', n int, CHECK (m >= 'sad')); CREATE VIEW sad AS SELECT n FROM felt WHERE m = 'sad';
CREATE DOMAIN positive AS int; CREATE TABLE domains AS SELECT g::positive AS d FROM generate_series(1, 2000) g;
CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1'; CREATE INDEX moods_f ON domains (f(d));
ALTER TABLE domains ADD e int DEFAULT 1, ADD g int GENERATED ALWAYS AS (f(e)) STORED, ADD h int DEFAULT f(1);
CREATE TABLE heap AS SELECT g AS a FROM generate_series(1, 2000) g;
CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO kept VALUES (1); CREATE TABLE was (t "My schema".kept);
CREATE ROLE hint_reader; GRANT SELECT ON users TO hint_reader; GRANT USAGE ON SCHEMA "My schema" TO hint_reader;
CREATE SCHEMA other; CREATE TABLE other.t AS SELECT g AS a FROM generate_series(1, 2000) g;
CREATE VIEW other.v AS SELECT a FROM other.t; ANALYZE;
"""
SESSION = 'SET client_min_messages = warning; SET migrator.large_table_rows = 1000; SET search_path = "My schema", public;\n'

# Refused, and the hint makes exactly what the statement would have made.
EQUAL = [
    "ALTER TABLE users RENAME TO \"New users\"",
    "ALTER TABLE users RENAME COLUMN \"E mail\" TO mail",
    "ALTER TABLE users RENAME COLUMN plan TO \"Plan\"",
    "ALTER TABLE events RENAME COLUMN id TO ident",
    "ALTER MATERIALIZED VIEW ages RENAME TO ages_2",
    "ALTER TABLE users SET SCHEMA other",
    "ALTER SCHEMA other RENAME TO \"Other one\"",
    "ALTER SCHEMA \"My schema\" RENAME TO mine",
    "ALTER TYPE mood RENAME VALUE 'sad' TO 'it''s sad'",
    "DROP TABLE orders",
    "DROP TABLE orders, moods",
    "DROP TABLE users CASCADE",
    "DROP TABLE events",
    "DROP TABLE events_1",
    "DROP VIEW emails CASCADE",
    "DROP MATERIALIZED VIEW IF EXISTS ages CASCADE",
    "DROP SCHEMA other CASCADE",
    "DROP SCHEMA \"My schema\" CASCADE",
    "DROP DOMAIN positive CASCADE",
    "DROP FUNCTION f CASCADE",
    "DROP TYPE mood CASCADE",
    "ALTER TABLE users DROP COLUMN \"E mail\" CASCADE",
    "ALTER TABLE users DROP COLUMN age CASCADE",
    "ALTER TABLE orders DROP COLUMN user_id",
    "ALTER TABLE orders DROP COLUMN user_id, DROP COLUMN id",
    "ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey",
    "ALTER TABLE orders DROP CONSTRAINT orders_pkey",
    "ALTER TABLE users DROP CONSTRAINT users_pkey CASCADE",
    "DROP INDEX users_plan, users_age",
    "DROP INDEX events_id",
    "ALTER TABLE domains ALTER COLUMN d TYPE int",
    "CREATE OR REPLACE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1'",
]
# The hint makes something better, or more.
OTHER = [
    "ALTER TABLE users ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE users DISABLE TRIGGER ALL",
    "CREATE PUBLICATION p FOR TABLE heap, users",
    "CREATE PUBLICATION p FOR ALL TABLES",
    "ALTER TABLE users DROP COLUMN plan CASCADE",
    "ALTER TABLE kept ADD COLUMN n int NOT NULL DEFAULT 7",
]


def hint_of(cluster, statement):
    """The statements of the hint."""
    _, err = cluster.run(f"{SESSION}{statement};", "hints")
    contains(err, "[", "HINT:  ", "ERROR:  ")
    err = err[err.index("ERROR:  "):]
    return err[err.index("HINT:  "):].split("\n")[1:]


def typed(cluster, statement):
    cluster.sql("DROP DATABASE IF EXISTS hints WITH (FORCE);", db="postgres")
    cluster.sql("CREATE DATABASE hints TEMPLATE hints_template;", db="postgres")
    hint = hint_of(cluster, statement)
    for line in hint:
        if not line.endswith(";") and "\\gexec" not in line:
            raise AssertionError(f"{statement}: not a whole statement: {line}")
    _, err = cluster.run(SESSION + "\n".join(hint), "hints")
    if "ERROR" in err:
        raise AssertionError(f"{statement}: the hint\n" + "\n".join(hint) + f"\nfailed: {err}")


def test_hints_make_what_was_asked_for(cluster):
    cluster.sql("DROP DATABASE IF EXISTS hints_template WITH (FORCE);", db="postgres")
    cluster.fresh("hints_template")
    cluster.sql(SETUP, db="hints_template")
    try:
        for statement in EQUAL:
            cluster.sql("DROP DATABASE IF EXISTS hints WITH (FORCE);", db="postgres")
            cluster.sql("CREATE DATABASE hints TEMPLATE hints_template;", db="postgres")
            cluster.sql(f"SET client_min_messages = error; SET migrator.guard = 'off'; "
                        f"SET search_path = \"My schema\", public; {statement};", db="hints")
            expected = cluster.dump_schema("hints")
            typed(cluster, statement)
            equal(cluster.dump_schema("hints"), expected, f"{statement}: what the hint made")
        for statement in OTHER:
            typed(cluster, statement)
    finally:
        for db in ("hints", "hints_template"):
            cluster.sql(f"DROP DATABASE IF EXISTS {db} WITH (FORCE);", db="postgres")
        cluster.sql("DROP ROLE hint_reader;", db="postgres")


# Everything is hint_deploy's, and hint_app works with it; a superuser types.
OWNED = """
SET client_min_messages = error; SET migrator.guard = 'off';
CREATE ROLE hint_deploy; CREATE ROLE hint_app;
CREATE SCHEMA owned AUTHORIZATION hint_deploy; CREATE SCHEMA later AUTHORIZATION hint_deploy;
SET ROLE hint_deploy;
CREATE TABLE later.t_1 (a int); CREATE TABLE later.t_2 (a int); CREATE TABLE later.t_3 (a int);
CREATE TABLE later.t_4 (a int); CREATE TABLE later.t_5 (a int); CREATE TABLE later.t_6 (a int);
CREATE TABLE later.t_7 (a int); CREATE TABLE later.t_8 (a int); CREATE TABLE later.t_9 (a int);
CREATE TABLE later."T%'10" (a int); CREATE TABLE later.t_11 (a int); CREATE TABLE later.t_12 (a int);
CREATE TABLE later.t_13 AS SELECT g AS a FROM generate_series(1, 2000) g;
CREATE TABLE owned.items (a int, code varchar(10)); INSERT INTO owned.items SELECT g, g FROM generate_series(1, 2000) g;
CREATE VIEW owned.codes AS SELECT code FROM owned.items;
GRANT USAGE ON SCHEMA owned, later TO hint_app; GRANT SELECT ON owned.codes TO hint_app;
GRANT INSERT (a), SELECT ON owned.items TO hint_app;
RESET ROLE; ANALYZE;
"""
ADD_ID = "ALTER TABLE owned.items ADD COLUMN id bigint "
OPTIONS = "(START 1000 INCREMENT BY -10 MINVALUE -99999999999 MAXVALUE 5000 CACHE 50 NO CYCLE)"
# What is refused, and what both have to be able to do after the first transaction of the hint.
TYPED_BY_ANOTHER = [
    ("ALTER TABLE owned.items RENAME TO things", "SELECT a FROM owned.items"),
    ("ALTER TABLE owned.items RENAME COLUMN a TO b", "SELECT a FROM owned.items"),
    ("ALTER TABLE owned.items SET SCHEMA later", "SELECT a FROM owned.items"),
    ("ALTER SCHEMA owned RENAME TO \"Owned\"", "SELECT a FROM owned.items"),
    ("ALTER SCHEMA later RENAME TO sooner", "SELECT 1"),
    ("ALTER TABLE owned.items ALTER COLUMN code TYPE varchar(20)", "SELECT code FROM owned.codes"),
    ("ALTER TABLE owned.items ADD COLUMN id bigserial", "SELECT a FROM owned.items"),
    (ADD_ID + "GENERATED BY DEFAULT AS IDENTITY", "INSERT INTO owned.items (a) VALUES (0)"),
    (ADD_ID + "GENERATED ALWAYS AS IDENTITY " + OPTIONS, "INSERT INTO owned.items (a) VALUES (0)"),
]
STRANGERS = """
SELECT relname FROM pg_class WHERE relowner <> 'hint_deploy'::regrole
AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('owned', 'Owned', 'later', 'sooner'))
UNION ALL SELECT nspname FROM pg_namespace WHERE nspname IN ('owned', 'Owned', 'later', 'sooner') AND nspowner <> 'hint_deploy'::regrole;
"""


def typed_by_another(cluster, statement, use):
    hint = hint_of(cluster, statement)
    identity = "IDENTITY" in statement
    first = 1 + next(i for i, line in enumerate(hint) if line == "COMMIT;" or ("CALL" in line and "COMMIT;" not in hint))
    if identity:
        # While the rows are filled.
        first = next(i for i, line in enumerate(hint) if line.startswith("CALL"))
    for number, part in enumerate((hint[:first], hint[first:])):
        _, err = cluster.run(SESSION + "\n".join(part), "hints")
        if "ERROR" in err:
            raise AssertionError(f"{statement}: the hint\n" + "\n".join(hint) + f"\nfailed: {err}")
        equal(cluster.sql(STRANGERS, db="hints"), "", f"{statement}: not the owner's")
        if number == 0 or identity:
            for role in ("hint_deploy", "hint_app"):
                cluster.sql(f"SET ROLE {role}; {use};", db="hints")
    if identity:
        equal(cluster.sql("SELECT count(*) - count(DISTINCT id) FROM owned.items;", db="hints"), "0", statement)
    if OPTIONS in statement:
        equal(cluster.sql("SELECT seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle FROM pg_sequence "
                          "WHERE seqrelid = pg_get_serial_sequence('owned.items', 'id')::regclass;", db="hints"),
              "1000|-10|-99999999999|5000|50|f", "options")


def test_hints_typed_by_another_role_keep_the_owner(cluster):
    cluster.sql("DROP DATABASE IF EXISTS hints_template WITH (FORCE);", db="postgres")
    cluster.fresh("hints_template")
    cluster.sql(OWNED, db="hints_template")
    try:
        for statement, use in TYPED_BY_ANOTHER:
            cluster.sql("DROP DATABASE IF EXISTS hints WITH (FORCE);", db="postgres")
            cluster.sql("CREATE DATABASE hints TEMPLATE hints_template;", db="postgres")
            typed_by_another(cluster, statement, use)
    finally:
        for db in ("hints", "hints_template"):
            cluster.sql(f"DROP DATABASE IF EXISTS {db} WITH (FORCE);", db="postgres")
        cluster.sql("DROP ROLE hint_app, hint_deploy;", db="postgres")
