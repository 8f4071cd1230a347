"""ADD COLUMN: what its default, its type and its constraints make Postgres do."""

from case import E, P, R, T, benign, blocking, rows

ADD = "ALTER TABLE t ADD COLUMN c "


def function(name, result, properties, body, arguments=""):
    if "sql" in properties:
        return f"CREATE FUNCTION {name}({arguments}) RETURNS {result} {properties} AS $${body}$$; "
    return f"CREATE FUNCTION {name}({arguments}) RETURNS {result} {properties} LANGUAGE plpgsql AS $$BEGIN {body} END$$; "


# Defaults: evaluated once unless they are volatile, after functions are inlined and constants folded.
benign("add.plain", T, ADD + "int")
benign("add.null", T, ADD + "int DEFAULT NULL")
benign("add.constant", T, ADD + "int DEFAULT 0")
benign("add.constant-not-null", T, ADD + "int NOT NULL DEFAULT 0")
benign("add.constant-cast", T, ADD + "regclass DEFAULT 'pg_class'::regclass")
benign("add.array-constant", T, ADD + "int[] NOT NULL DEFAULT ARRAY[1, 2]::int[]")
benign("add.now", T, ADD + "timestamptz NOT NULL DEFAULT now()", "now() is STABLE")
benign("add.now-plus", T, ADD + "timestamptz NOT NULL DEFAULT now() + interval '1 day'")
benign("add.now-as-text", T, ADD + "text DEFAULT to_char(now(), 'YYYY')")
benign("add.current-date", T, ADD + "date DEFAULT current_date", "a STABLE keyword, no function call")
benign("add.current-user", T, ADD + "name DEFAULT current_user")
benign("add.current-setting", T, ADD + "text DEFAULT current_setting('work_mem')")
benign("add.at-time-zone", T, ADD + "timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'utc')")
benign("add.lower", T, ADD + "text DEFAULT lower('ABC')")
blocking("add.random", T, ADD + "float8 DEFAULT random()", values=False)
blocking("add.random-not-null", T, ADD + "float8 NOT NULL DEFAULT random()", values=False)
blocking("add.uuid", T, ADD + "uuid DEFAULT gen_random_uuid()", values=False)
blocking("add.uuid-not-null", T, ADD + "uuid NOT NULL DEFAULT gen_random_uuid()", values=False)
blocking("add.uuidv7", T, ADD + "uuid DEFAULT uuidv7()", since=18, values=False)
blocking("add.clock-timestamp", T, ADD + "timestamptz DEFAULT clock_timestamp()", values=False)
blocking("add.timeofday", T, ADD + "text DEFAULT timeofday()", values=False)
blocking("add.hidden-in-expression", T, ADD + "text DEFAULT md5(random()::text || 'x')", values=False)
blocking("add.times-zero", T, ADD + "float8 DEFAULT 1 + 0 * random()", "nothing folds a multiplication by zero")
benign("add.folded-case", T, ADD + "float8 DEFAULT CASE WHEN false THEN random() ELSE 1 END", "the branch is folded away")
benign("add.folded-coalesce", T, ADD + "float8 DEFAULT coalesce(1, random())", "what follows a constant is folded away")
blocking("add.unfolded-coalesce", T, ADD + "float8 DEFAULT coalesce(NULL, random())", values=False)
blocking("add.nextval", T + "CREATE SEQUENCE q; ", ADD + "bigint DEFAULT nextval('q')", values=False)
benign("add.immutable-function", T + function("f", "int", "IMMUTABLE", "RETURN 1;"), ADD + "int DEFAULT f()")
benign("add.stable-function", T + function("f", "int", "STABLE", "RETURN 1;"), ADD + "int DEFAULT f()")
blocking("add.volatile-function", T + function("f", "int", "VOLATILE", "RETURN 1;"), ADD + "int DEFAULT f()")
benign("add.inlined-function", T + function("f", "int", "LANGUAGE sql", "SELECT 1"), ADD + "int DEFAULT f()",
       "VOLATILE by declaration, inlined to a constant")
blocking("add.inlined-to-volatile", T + function("f", "float8", "LANGUAGE sql", "SELECT random()"), ADD + "float8 DEFAULT f()", values=False)
blocking("add.sql-function-not-inlined", T + function("f", "bigint", "LANGUAGE sql", "SELECT count(*) FROM s.t"), ADD + "bigint DEFAULT f()",
         "a query over a table cannot be inlined", values=False)
benign("add.labelled-immutable", T + function("f", "float8", "IMMUTABLE LANGUAGE sql", "SELECT random()"), ADD + "float8 DEFAULT f()",
       "Postgres believes the label", values=False)
benign("add.labelled-stable", T + function("f", "float8", "STABLE", "RETURN random();"), ADD + "float8 DEFAULT f()",
       "Postgres believes the label", values=False)
benign("add.strict-of-null", T + function("f", "int", "VOLATILE STRICT", "RETURN 1;", "int"), ADD + "int DEFAULT f(NULL)",
       "a STRICT function of NULL is NULL, volatile or not")
blocking("add.volatile-default-argument", T + function("f", "float8", "IMMUTABLE", "RETURN x;", "x float8 DEFAULT random()"),
         ADD + "float8 DEFAULT f()", "the function is IMMUTABLE, its default argument is not", values=False)
benign("add.default-argument-given", T + function("f", "float8", "IMMUTABLE", "RETURN x;", "x float8 DEFAULT random()"),
       ADD + "float8 DEFAULT f(1)")
TWO = T + function("f", "int", "IMMUTABLE", "RETURN 1;", "int") + function("f", "int", "VOLATILE", "RETURN 1;", "text")
benign("add.overload-immutable", TWO, ADD + "int DEFAULT f(1)")
blocking("add.overload-volatile", TWO, ADD + "int DEFAULT f('x'::text)")
blocking("add.overload-by-unknown-literal", TWO, ADD + "int DEFAULT f('1')", "an untyped literal prefers text")
blocking("add.shadowed-now", T + function("s.now", "timestamptz", "VOLATILE", "RETURN clock_timestamp();") + "SET search_path = s, pg_catalog; ",
         ADD + "timestamptz DEFAULT now()", "search_path has another now() first", values=False)
benign("add.shadowed-random", T + function("s.random", "float8", "IMMUTABLE", "RETURN 4;") + "SET search_path = s, pg_catalog; ",
       ADD + "float8 DEFAULT random()", "search_path has another random() first")
blocking("add.not-shadowed", T + function("s.random", "float8", "IMMUTABLE", "RETURN 4;"), ADD + "float8 DEFAULT random()",
         "pg_catalog comes first unless search_path names it", values=False)
blocking("add.volatile-operator", T + function("vf", "int", "VOLATILE", "RETURN $1;", "int, int")
         + "CREATE OPERATOR ||| (leftarg = int, rightarg = int, function = vf); ", ADD + "int DEFAULT 1 ||| 2")
blocking("add.volatile-cast", T + "CREATE TYPE pair AS (x int, y int); " + function("vf", "pair", "VOLATILE", "RETURN row($1, $1)::s.pair;", "int")
         + "CREATE CAST (int AS pair) WITH FUNCTION vf(int) AS ASSIGNMENT; ", ADD + "pair DEFAULT 7", "an assignment cast calls a function")
benign("add.immutable-cast", T + "CREATE TYPE pair AS (x int, y int); " + function("vf", "pair", "IMMUTABLE", "RETURN row($1, $1)::s.pair;", "int")
       + "CREATE CAST (int AS pair) WITH FUNCTION vf(int) AS ASSIGNMENT; ", ADD + "pair DEFAULT 7")
benign("add.exists-already", T, "ALTER TABLE t ADD COLUMN IF NOT EXISTS b uuid DEFAULT gen_random_uuid()", "the column exists: a notice, nothing else")
blocking("add.exists-not-yet", T, "ALTER TABLE t ADD COLUMN IF NOT EXISTS c uuid DEFAULT gen_random_uuid()", values=False)
benign("add.no-such-table", T, "ALTER TABLE IF EXISTS nowhere ADD COLUMN c uuid DEFAULT gen_random_uuid()")
benign("add.random-empty", E, ADD + "float8 DEFAULT random()", "no rows")
benign("add.default-later", T, ADD + "float8, ALTER COLUMN c SET DEFAULT random()", "the column is added before it has the default")
benign("add.drop-and-add", T, "ALTER TABLE t DROP COLUMN a, ADD COLUMN a int NOT NULL DEFAULT 0")
blocking("add.second-of-two", T, ADD + "int DEFAULT 0, ADD COLUMN d uuid DEFAULT gen_random_uuid()", values=False)

# Sequences and generated columns.
blocking("add.serial", T, ADD + "serial", values=False)
blocking("add.bigserial", T, ADD + "bigserial", values=False)
blocking("add.serial-key", rows("a int", "g"), "ALTER TABLE t ADD COLUMN id serial PRIMARY KEY", values=False, online=False)
blocking("add.identity-by-default", T, ADD + "bigint GENERATED BY DEFAULT AS IDENTITY", values=False)
blocking("add.identity-always", T, ADD + "int GENERATED ALWAYS AS IDENTITY", values=False)
benign("add.identity-empty", E, ADD + "int GENERATED ALWAYS AS IDENTITY")
blocking("add.stored", T, ADD + "int GENERATED ALWAYS AS (a + 1) STORED", online=False)
benign("add.stored-empty", E, ADD + "int GENERATED ALWAYS AS (a + 1) STORED")
benign("add.virtual-by-default", T, ADD + "int GENERATED ALWAYS AS (a + 1)", "18: VIRTUAL when nothing is said", since=18)
benign("add.virtual", T, ADD + "int GENERATED ALWAYS AS (a + 1) VIRTUAL", since=18)
blocking("add.virtual-not-null", T, ADD + "int GENERATED ALWAYS AS (a + 1) VIRTUAL NOT NULL", since=18, online=False)
blocking("add.virtual-check", T, ADD + "int GENERATED ALWAYS AS (a + 1) VIRTUAL CHECK (c > 0)", since=18, online=False)

# Constraints written with the column.
blocking("add.not-null", T, ADD + "int NOT NULL", "it can only fail", fails=True)
benign("add.not-null-empty", E, ADD + "int NOT NULL")
blocking("add.check", T, ADD + "int CHECK (c > 0)", "every value is NULL, and yet it reads them all")
blocking("add.check-default", T, ADD + "int DEFAULT 1 CHECK (c > 0)")
blocking("add.check-of-other-column", T, ADD + "int CHECK (a > 0)")
benign("add.check-empty", E, ADD + "int CHECK (c > 0)")
benign("add.check-not-valid", T, ADD + "int, ADD CONSTRAINT k CHECK (c > 0) NOT VALID")
benign("add.check-not-enforced", T, ADD + "int CHECK (c > 0) NOT ENFORCED", since=18)
blocking("add.unique", T, ADD + "int UNIQUE")
blocking("add.unique-default", T, ADD + "int UNIQUE DEFAULT 1", "the index is built before its duplicates are found", fails=True)
blocking("add.default-then-set-not-null", T, ADD + "int DEFAULT 0, ALTER COLUMN c SET NOT NULL", "unlike NOT NULL DEFAULT 0: the proof is not looked for")
benign("add.fk", P, ADD + "int REFERENCES p (id)", "without a default there is nothing to validate")
blocking("add.fk-default-null", P, ADD + "int DEFAULT NULL REFERENCES p (id)", "any DEFAULT makes it validate, NULL too")
blocking("add.fk-default", P, ADD + "int DEFAULT 1 REFERENCES p (id)")
benign("add.fk-default-empty", "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1); CREATE TABLE t (a int); ",
       ADD + "int DEFAULT 1 REFERENCES p (id)")
benign("add.fk-beside-default", P, ADD + "int REFERENCES p (id), ADD COLUMN d int DEFAULT 1", "only its own default counts")
benign("add.fk-beside-plain", P, ADD + "int REFERENCES p (id), ADD COLUMN d int")
blocking("add.fk-beside-fk", P, ADD + "int REFERENCES p (id), ADD FOREIGN KEY (pid) REFERENCES p")
benign("add.fk-beside-fk-not-valid", P, ADD + "int REFERENCES p (id), ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p NOT VALID")
benign("add.fk-domain-default", P + "CREATE DOMAIN d AS int DEFAULT 1; ", ADD + "d REFERENCES p (id)",
       "the default of a domain does not count here")
blocking("add.fk-volatile", P, ADD + "int DEFAULT (random() * 10)::int REFERENCES p (id)", values=False)

# Types: a domain with constraints makes Postgres write every row.
benign("add.domain", T + "CREATE DOMAIN d AS int; ", ADD + "d")
benign("add.domain-constant", T + "CREATE DOMAIN d AS int DEFAULT 7; ", ADD + "d")
blocking("add.domain-volatile", T + "CREATE DOMAIN d AS uuid DEFAULT gen_random_uuid(); ", ADD + "d", values=False, online=False)
benign("add.domain-volatile-overridden", T + "CREATE DOMAIN d AS uuid DEFAULT gen_random_uuid(); ", ADD + "d DEFAULT NULL")
blocking("add.domain-volatile-of-domain", T + "CREATE DOMAIN d0 AS uuid DEFAULT gen_random_uuid(); CREATE DOMAIN d AS d0; ", ADD + "d", values=False, online=False)
blocking("add.domain-check", T + "CREATE DOMAIN d AS int CHECK (value > 0); ", ADD + "d", "rewritten although it has no default", online=False)
blocking("add.domain-check-not-valid", T + "CREATE DOMAIN d AS int; ALTER DOMAIN d ADD CHECK (value > 0) NOT VALID; ", ADD + "d", online=False)
blocking("add.domain-check-of-domain", T + "CREATE DOMAIN d0 AS int CHECK (value > 0); CREATE DOMAIN d AS d0; ", ADD + "d", online=False)
blocking("add.domain-check-default", T + "CREATE DOMAIN d AS int CHECK (value > 0); ", ADD + "d DEFAULT 1", online=False)
blocking("add.domain-not-null", T + "CREATE DOMAIN d AS int NOT NULL; ", ADD + "d", fails=True)
blocking("add.domain-not-null-default", T + "CREATE DOMAIN d AS int NOT NULL; ", ADD + "d DEFAULT 1", online=False)
benign("add.domain-check-empty", E + "CREATE DOMAIN d AS int CHECK (value > 0); ", ADD + "d")
benign("add.domain-array", T + "CREATE DOMAIN d AS int CHECK (value > 0); ", ADD + "d[]", "an array of it is no domain")
benign("add.domain-in-composite", T + "CREATE DOMAIN d AS int CHECK (value > 0); CREATE TYPE ct AS (x d); ", ADD + "ct")
blocking("add.domain-other-schema", T + "CREATE SCHEMA s2; CREATE DOMAIN s2.d AS int CHECK (value > 0); CREATE DOMAIN s.d AS int; SET search_path = s2, s; ",
         ADD + "d", "search_path has another domain first", online=False)
benign("add.collation", T, ADD + "text COLLATE \"C\"")
benign("add.compression", T, ADD + "text COMPRESSION pglz")
benign("add.enum", T + "CREATE TYPE e AS ENUM ('x', 'y'); ", ADD + "e NOT NULL DEFAULT 'x'")

# Trees of tables.
benign("add.partitioned-constant", R, ADD + "int NOT NULL DEFAULT 0")
blocking("add.partitioned-volatile", R, ADD + "uuid DEFAULT gen_random_uuid()", "each partition is rewritten; the parent has no storage", values=False, online=False)
blocking("add.partitioned-check", R, ADD + "int CHECK (c > 0)")
TREE = "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE t1 () INHERITS (t); INSERT INTO t1 SELECT g, g FROM generate_series(1, 1000) g; "
benign("add.inherited-constant", TREE, ADD + "int DEFAULT 0")
blocking("add.inherited-volatile", TREE, ADD + "float8 DEFAULT random()", "only the child has rows", values=False, online=False)
blocking("add.inherited-check", TREE, ADD + "int CHECK (c > 0)")
benign("add.inherited-check-no-inherit", TREE, ADD + "int CHECK (c > 0) NO INHERIT", "the parent has no rows")
ONLY = TREE + "INSERT INTO t SELECT g, g FROM generate_series(1, 1000) g; "
benign("add.only", ONLY, "ALTER TABLE ONLY t ADD COLUMN c float8 DEFAULT random()", "Postgres wants it on the children too", fails=True)
benign("add.only-not-null", ONLY, "ALTER TABLE ONLY t ADD COLUMN c int NOT NULL", fails=True)
blocking("add.only-childless", T, "ALTER TABLE ONLY t ADD COLUMN c float8 DEFAULT random()", values=False)
benign("add.inherited-merge", TREE.replace("()", "(c float8)"), ADD + "float8 DEFAULT random()", "the child has the column already: it is merged")

# A column in place of one of the same name, which goes first with all that is about it.
X = rows("id int PRIMARY KEY, x int NOT NULL CHECK (x IS NOT NULL)", "g, g")
INSTEAD = "ALTER TABLE t DROP COLUMN x, ADD COLUMN x "
benign("add.instead", X, INSTEAD + "int")
benign("add.instead-constant", X, INSTEAD + "text NOT NULL DEFAULT 'y'", online=False)
blocking("add.instead-check", X, INSTEAD + "int CHECK (x > 0)", part=True)
blocking("add.instead-check-other-type", X, INSTEAD + "text CHECK (x <> '')", part=True)
blocking("add.instead-unique", X, INSTEAD + "int UNIQUE", part=True)
blocking("add.instead-fk", X + "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1); ", INSTEAD + "int DEFAULT 1 REFERENCES p", part=True)
blocking("add.instead-set-not-null", X, INSTEAD + "int DEFAULT 1, ALTER x SET NOT NULL", "what proved it of the old column is gone", part=True)
blocking("add.instead-virtual-not-null", X, INSTEAD + "int GENERATED ALWAYS AS (id) VIRTUAL NOT NULL", since=18, online=False)
blocking("add.instead-inherited", "CREATE TABLE t (id int, x int); CREATE TABLE t1 () INHERITS (t); INSERT INTO t1 SELECT g, g FROM generate_series(1, 1000) g; ",
         INSTEAD + "int CHECK (x > 0)", "the child's goes too", part=True)
benign("add.instead-inherited-own", TREE.replace("()", "(x int)").replace("a int", "x int"), INSTEAD + "float8 DEFAULT random()",
       "the child keeps its own, of another type", fails=True)

# A column that a child has already: it is kept, and read for what the parent's brings.
MERGE = TREE.replace("()", "(c int)").replace("g, g", "g, g, g")
blocking("add.merge-check", MERGE, ADD + "int CHECK (c > 0)", "the child's values are looked at", part=True)
blocking("add.merge-check-default", MERGE, ADD + "int DEFAULT 5 CHECK (c > 0)", part=True)
benign("add.merge-check-no-inherit", MERGE, ADD + "int CHECK (c > 0) NO INHERIT")
benign("add.merge-check-merged", MERGE + "ALTER TABLE t1 ADD CONSTRAINT k CHECK (c > 0); ", ADD + "int CONSTRAINT k CHECK (c > 0)", "the child has the CHECK as well")
benign("add.merge-not-null", MERGE, ADD + "int NOT NULL", "the child does not get it", until=17)
blocking("add.merge-not-null", MERGE, ADD + "int NOT NULL", since=18, part=True)
blocking("add.merge-not-null-default", MERGE, ADD + "int DEFAULT 5 NOT NULL", "only the child is read", since=18, part=True)
benign("add.merge-not-null-default", MERGE, ADD + "int DEFAULT 5 NOT NULL", until=17)
blocking("add.merge-not-null-two-deep", MERGE + "CREATE TABLE t2 () INHERITS (t1); INSERT INTO t2 SELECT g, g, g FROM generate_series(1, 1000) g; ", ADD + "int DEFAULT 5 NOT NULL", since=18, part=True)
blocking("add.merge-serial", MERGE, ADD + "serial", "the parent has no rows", since=18, part=True)
benign("add.merge-not-null-there", MERGE + "ALTER TABLE t1 ALTER c SET NOT NULL; ", ADD + "int DEFAULT 5 NOT NULL")
KEYLESS = MERGE.replace(" PRIMARY KEY", "")
benign("add.merge-primary-key", KEYLESS, ADD + "int PRIMARY KEY", until=17)
blocking("add.merge-primary-key", KEYLESS, ADD + "int PRIMARY KEY", since=18, part=True)
benign("add.merge-unique", MERGE, ADD + "int UNIQUE", "the child gets no key")
benign("add.twice-if-not-exists", T, ADD + "int, ADD COLUMN IF NOT EXISTS c int CHECK (c > 0)", "the first one is there by then")
benign("add.twice", T, ADD + "int, ADD COLUMN c int CHECK (c > 0)", fails=True)
