"""ALTER COLUMN TYPE: which changes rewrite, and what else they drag along."""

from case import E, P, R, T, benign, blocking, rows

# Another moment for each row, the same ones in every run.
MOMENT = "timestamp '2024-02-03 10:20:30.456789' + g * interval '1 hour'"
B = "ALTER TABLE t ALTER COLUMN b TYPE "
C = "ALTER TABLE t ALTER COLUMN c TYPE "


def retype(id, old, value, new, note="", blocks=False, extra="", **more):
    """A table of one column of the old type, which gets the new one."""
    make = blocking if blocks else benign
    if blocks:
        more.setdefault("online", False)
    make(f"type.{id}", extra + rows(f"c {old}", value), C + new, note, **more)


def rewriting(id, old, value, new, note="", **more):
    retype(id, old, value, new, note, True, **more)


# Lengths and precisions.
benign("type.same", T, "ALTER TABLE t ALTER COLUMN a TYPE int")
benign("type.varchar-wider", T, B + "varchar(20)")
benign("type.varchar-same", T, B + "varchar(10)")
benign("type.varchar-unlimited", T, B + "varchar")
benign("type.varchar-text", T, B + "text")
blocking("type.varchar-narrower", T, B + "varchar(9)", online=False)
retype("text-varchar-unlimited", "text", "'x'", "varchar")
rewriting("text-varchar", "text", "'x'", "varchar(20)", "checks the length of each value, so it writes them all")
rewriting("char-wider", "char(5)", "'x'", "char(10)", "padded with spaces")
rewriting("char-text", "char(10)", "'x'", "text", "the cast strips spaces")
rewriting("char-varchar", "char(10)", "'x'", "varchar(10)")
rewriting("varchar-char", "varchar(10)", "'x'", "char(10)")
rewriting("name-text", "name", "'x'", "text")
retype("numeric-wider", "numeric(10,2)", "g", "numeric(12,2)")
retype("numeric-unlimited", "numeric(10,2)", "g", "numeric")
rewriting("numeric-scale", "numeric(10,2)", "g", "numeric(12,4)")
rewriting("numeric-narrower", "numeric(10,2)", "g", "numeric(8,2)")
rewriting("numeric-limited", "numeric", "g", "numeric(20,2)")
retype("bit-varying-wider", "varbit(8)", "B'101'", "varbit(16)")
retype("bit-varying-unlimited", "varbit(8)", "B'101'", "varbit")
rewriting("bit-varying-narrower", "varbit(8)", "B'101'", "varbit(4)")
retype("bit-bit-varying", "bit(3)", "B'101'", "varbit")

# Dates and times; the session is in Europe/Berlin unless the case says otherwise.
UTC, GMT, ETC = "SET timezone = 'UTC'; ", "SET timezone = 'GMT'; ", "SET timezone = 'Etc/UTC'; "
retype("timestamp-precision-up", "timestamp(3)", MOMENT, "timestamp(6)")
retype("timestamp-precision-off", "timestamp(3)", MOMENT, "timestamp")
rewriting("timestamp-precision-down", "timestamp(6)", MOMENT, "timestamp(3)")
rewriting("timestamp-limited", "timestamp", MOMENT, "timestamp(3)")
retype("timestamp-limited-six", "timestamp", MOMENT, "timestamp(6)", "six digits are all there are")
retype("time-precision-up", "time(0)", f"({MOMENT})::time", "time(3)")
rewriting("time-precision-down", "time(3)", f"({MOMENT})::time", "time(0)")
rewriting("timestamptz-berlin", "timestamp", MOMENT, "timestamptz")
retype("timestamptz-utc", "timestamp", MOMENT, "timestamptz", extra=UTC)
retype("timestamptz-gmt", "timestamp", MOMENT, "timestamptz", extra=GMT)
retype("timestamptz-etc-utc", "timestamp", MOMENT, "timestamptz", extra=ETC)
rewriting("timestamptz-utc-plus-0", "timestamp", MOMENT, "timestamptz", "zero offset today, but not a zone of fixed offset by name", extra="SET timezone = 'Europe/London'; ")
rewriting("timestamptz-using", "timestamp", MOMENT, "timestamptz USING c AT TIME ZONE 'UTC'", "the explicit form writes what the plain one would not", extra=UTC)
rewriting("timestamptz-equal-precision", "timestamp(3)", MOMENT, "timestamptz(3)", extra=UTC)
retype("timestamptz-more-precision", "timestamp(3)", MOMENT, "timestamptz(6)", extra=UTC)
blocking("type.timestamptz-indexed", UTC + rows("c timestamp", MOMENT) + "CREATE INDEX i ON t (c); ", C + "timestamptz",
         "not rewritten, but the index has another operator class", online=False)
retype("timestamptz-back-utc", "timestamptz", MOMENT, "timestamp", extra=UTC)
rewriting("timestamptz-back-berlin", "timestamptz", MOMENT, "timestamp")
rewriting("date-timestamp", "date", MOMENT, "timestamp")
retype("interval-precision-up", "interval(3)", "'1 s'", "interval(6)")
retype("interval-precision-off", "interval(3)", "'1 s'", "interval")
rewriting("interval-precision-down", "interval(6)", "'1 s'", "interval(3)")
retype("interval-fields-fewer", "interval day to second", "'1 s'", "interval")

# Other types.
blocking("type.int-bigint", T, "ALTER TABLE t ALTER COLUMN a TYPE bigint", online=False)
benign("type.int-bigint-empty", E, "ALTER TABLE t ALTER COLUMN a TYPE bigint")
rewriting("smallint-int", "smallint", "g", "int")
rewriting("bigint-int", "bigint", "g", "int")
rewriting("int-numeric", "int", "g", "numeric")
rewriting("int-text", "int", "g", "text")
retype("int-oid", "int", "g", "oid")
retype("oid-regclass", "oid", "1259", "regclass")
retype("cidr-inet", "cidr", "'10.0.0.0/8'", "inet")
rewriting("inet-cidr", "inet", "'10.0.0.0/8'", "cidr")
rewriting("json-jsonb", "json", "'{}'", "jsonb")
rewriting("json-text", "json", "'{}'", "text")
rewriting("jsonb-text", "jsonb", "'{}'", "text")
rewriting("text-jsonb", "text", "'{}'", "jsonb USING c::jsonb")
rewriting("bool-int", "bool", "true", "int USING c::int")
rewriting("enum-text", "e", "'x'", "text", extra="CREATE TYPE e AS ENUM ('x'); ")
rewriting("text-enum", "text", "'x'", "e USING c::e", extra="CREATE TYPE e AS ENUM ('x'); ")
rewriting("enum-enum", "e", "'x'", "e2 USING c::text::e2", extra="CREATE TYPE e AS ENUM ('x'); CREATE TYPE e2 AS ENUM ('x', 'y'); ")
benign("type.no-cast", T, B + "int", fails=True)
rewriting("array-length", "varchar(10)[]", "ARRAY['x']", "varchar(20)[]", "a length inside of an array is always applied")
retype("array-unlimited", "varchar(10)[]", "ARRAY['x']", "varchar[]")
rewriting("array-text", "varchar[]", "ARRAY['x']", "text[]", "the elements would be free, the array is not")
rewriting("array-int-bigint", "int[]", "ARRAY[g]", "bigint[]")
blocking("type.without-function", T + "CREATE TYPE ct AS (x int); ALTER TABLE t ADD c ct; ", C + "text USING c::text", online=False)
retype("cast-without-function", "text", "'x'", "mine", "a cast WITHOUT FUNCTION is free",
       extra="CREATE TYPE mine; CREATE FUNCTION mine_in(cstring) RETURNS mine IMMUTABLE STRICT LANGUAGE internal AS 'textin'; "
       "CREATE FUNCTION mine_out(mine) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'textout'; "
       "CREATE TYPE mine (INPUT = mine_in, OUTPUT = mine_out, LIKE = text); CREATE CAST (text AS mine) WITHOUT FUNCTION AS ASSIGNMENT; ")

# Domains.
rewriting("domain-check", "text", "'x'", "d", "each value must be checked", extra="CREATE DOMAIN d AS text CHECK (value <> 'zz'); ")
retype("domain", "text", "'x'", "d", extra="CREATE DOMAIN d AS text; ")
retype("domain-not-null-only-in-outer", "text", "'x'", "d", extra="CREATE DOMAIN d0 AS text; CREATE DOMAIN d AS d0; ")
rewriting("domain-check-in-inner", "text", "'x'", "d", extra="CREATE DOMAIN d0 AS text CHECK (value <> 'zz'); CREATE DOMAIN d AS d0; ")
rewriting("domain-not-null", "text", "'x'", "d", extra="CREATE DOMAIN d AS text NOT NULL; ")
retype("domain-off", "d", "'x'", "text", extra="CREATE DOMAIN d AS text CHECK (value <> 'zz'); ")
retype("domain-off-inner", "d", "'x'", "d0", "its inner domain has no more constraints than it has",
       extra="CREATE DOMAIN d0 AS text; CREATE DOMAIN d AS d0 CHECK (value <> 'zz'); ")
rewriting("domain-of-varchar", "text", "'x'", "d", "the domain has a length", extra="CREATE DOMAIN d AS varchar(5); ")
retype("domain-of-longer-varchar", "varchar(5)", "'x'", "d", extra="CREATE DOMAIN d AS varchar(9); ")
retype("domain-check-not-enforced-yet", "int", "g", "d", "NOT VALID on a domain is still a constraint",
       blocks=True, extra="CREATE DOMAIN d AS int; ALTER DOMAIN d ADD CHECK (value > 0) NOT VALID; ")

# USING.
benign("type.using-itself", T, B + "varchar(10) USING b")
benign("type.using-cast", T, B + "text USING b::text")
benign("type.using-cast-wider", T, B + "varchar(20) USING b::varchar(20)")
benign("type.using-folded", T, B + "text USING CASE WHEN true THEN b END", "after folding it is the column")
blocking("type.using-case", T, B + "text USING CASE WHEN a > 0 THEN b END", online=False)
blocking("type.using-function", T, B + "text USING lower(b)", online=False)
blocking("type.using-other-column", T, "ALTER TABLE t ALTER COLUMN a TYPE int USING id", online=False)
blocking("type.using-concatenation", T, B + "text USING b || ''", online=False)
benign("type.using-inlined", T + "CREATE FUNCTION f(varchar) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1::text'; ", B + "text USING f(b)",
       "inlined, it is the column")

# Indexes on the column: kept when they are compatible, built again when not.
benign("type.index", T + "CREATE INDEX i ON t (b); ", B + "varchar(20)")
benign("type.index-text", T + "CREATE INDEX i ON t (b); ", B + "text")
benign("type.index-unique", T + "CREATE UNIQUE INDEX i ON t (b); ", B + "text")
benign("type.index-of-constraint", T + "ALTER TABLE t ADD UNIQUE (b, a); ", B + "text")
benign("type.index-of-key", rows("c varchar(10) PRIMARY KEY", "g"), C + "varchar(20)")
benign("type.index-included", T + "CREATE INDEX i ON t (a) INCLUDE (b); ", B + "text")
benign("type.index-descending", T + "CREATE INDEX i ON t (b DESC NULLS LAST, a); ", B + "text")
benign("type.index-pattern", T + "CREATE INDEX i ON t (b varchar_pattern_ops); ", B + "text")
benign("type.index-hash", T + "CREATE INDEX i ON t USING hash (b); ", B + "text")
benign("type.index-brin", T + "CREATE INDEX i ON t USING brin (b); ", B + "text")
blocking("type.index-gin", rows("c varchar(10)[]", "ARRAY['x']") + "CREATE INDEX i ON t USING gin (c); ", C + "varchar[]",
         "a GIN index holds elements, and so never has the type of the column", online=False)
blocking("type.index-polymorphic", rows("c int[]", "ARRAY[g]") + "CREATE DOMAIN d AS int[]; CREATE INDEX i ON t USING gin (c); ", C + "d",
         "an operator class for any array must see the very same type", online=False)
blocking("type.index-polymorphic-enum", "CREATE TYPE e AS ENUM ('x'); CREATE DOMAIN d AS e; " + rows("c e", "'x'") + "CREATE INDEX i ON t (c); ", C + "d", online=False)
blocking("type.index-polymorphic-range", "CREATE DOMAIN d AS int4range; " + rows("c int4range", "int4range(g, g + 1)") + "CREATE INDEX i ON t USING gist (c); ", C + "d", online=False)
blocking("type.index-invalid", T + "CREATE INDEX i ON t (b); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass; ", B + "text",
         "an invalid index is built again too", online=False)
benign("type.index-dropped-beside", T + "ALTER TABLE t ADD CONSTRAINT u UNIQUE (b, a); ", B + "varchar(10) COLLATE \"POSIX\", DROP CONSTRAINT u", "the drop runs first")
blocking("type.index-added-beside", T, B + "text, ADD CONSTRAINT u UNIQUE (b)")
benign("type.index-options", T + "CREATE INDEX i ON t (b) WITH (fillfactor = 70); ", B + "text")
benign("type.index-numeric", rows("c numeric(10,2)", "g") + "CREATE INDEX i ON t (c); ", C + "numeric(12,2)")
benign("type.index-timestamp", rows("c timestamp(3)", MOMENT) + "CREATE INDEX i ON t (c); ", C + "timestamp")
benign("type.index-inet", rows("c cidr", "'10.0.0.0/8'") + "CREATE INDEX i ON t (c); ", C + "inet")
blocking("type.index-oid", rows("c int", "g") + "CREATE INDEX i ON t (c); ", C + "oid", "another operator class", online=False)
blocking("type.index-expression", T + "CREATE INDEX i ON t (lower(b)); ", B + "varchar(20)", "an index on an expression is always built again", online=False)
blocking("type.index-partial", T + "CREATE INDEX i ON t (id) WHERE b IS NOT NULL; ", B + "text", "a partial one too", online=False)
blocking("type.index-partial-on-it", T + "CREATE INDEX i ON t (b) WHERE id > 0; ", B + "text", online=False)
benign("type.index-elsewhere", T + "CREATE INDEX i ON t (lower(a::text)) WHERE a > 0; ", B + "text", "that index does not use the column")
benign("type.index-domain", rows("c int", "g", "t") + "CREATE DOMAIN d AS int; CREATE INDEX i ON t (c); ", C + "d")
benign("type.exclusion", T + "ALTER TABLE t ADD EXCLUDE USING btree (b WITH =); ", B + "text")
blocking("type.exclusion-collation", T + "ALTER TABLE t ADD EXCLUDE USING btree (b WITH =); ", B + "varchar(10) COLLATE \"POSIX\"", online=False)
benign("type.exclusion-wider", T + "ALTER TABLE t ADD EXCLUDE USING btree (b WITH =); ", B + "varchar(20)")
benign("type.index-replica-identity", T + "ALTER TABLE t ALTER b SET NOT NULL; CREATE UNIQUE INDEX i ON t (b); ALTER TABLE t REPLICA IDENTITY USING INDEX i, CLUSTER ON i; ", B + "text")
blocking("type.rewrite-with-indexes", T + "CREATE INDEX i ON t (b); CREATE INDEX i2 ON t (lower(b)); ", "ALTER TABLE t ALTER COLUMN a TYPE bigint", online=False)

# Collations.
CT = rows("c text", "g::text")
benign("type.collation", CT, C + "text COLLATE \"C\"")
blocking("type.collation-indexed", CT + "CREATE INDEX i ON t (c); ", C + "text COLLATE \"POSIX\"", online=False)
blocking("type.collation-hash-indexed", CT + "CREATE INDEX i ON t USING hash (c); ", C + "text COLLATE \"POSIX\"", online=False)
benign("type.collation-index-has-its-own", CT + "CREATE INDEX i ON t (c COLLATE \"C\"); ", C + "text COLLATE \"POSIX\"", "the index keeps its own collation")
benign("type.collation-default-again", CT + "CREATE INDEX i ON t (c); ", C + "text COLLATE pg_catalog.\"default\"")
blocking("type.collation-lost", rows("c text COLLATE \"POSIX\"", "g::text") + "CREATE INDEX i ON t (c); ", C + "text", "TYPE without COLLATE goes back to the default", online=False)
benign("type.collation-included", CT + "ALTER TABLE t ADD a int; CREATE INDEX i ON t (a) INCLUDE (c); ", C + "varchar COLLATE \"POSIX\"", "only key columns have a collation")

# Constraints on the column.
blocking("type.check", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (b <> 'zz'); ", B + "text", "a valid CHECK is checked again", online=False)
benign("type.check-not-valid", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (b <> 'zz') NOT VALID; ", B + "text")
benign("type.check-not-enforced", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (b <> 'zz') NOT ENFORCED; ", B + "text", since=18)
benign("type.check-elsewhere", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0); ", B + "text")
benign("type.check-whole-row", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (t IS NOT NULL); ", B + "text", "it does not depend on the column by name")
benign("type.check-dropped", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (b <> 'zz'); ", B + "text, DROP CONSTRAINT k", "the drop runs first")
benign("type.check-replaced", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (b <> 'zz'); ",
       B + "text, DROP CONSTRAINT k, ADD CONSTRAINT k CHECK (b <> 'zz') NOT VALID")
benign("type.not-null", T + "ALTER TABLE t ALTER b SET NOT NULL; ", B + "text")
KEYS = ("CREATE TABLE p (c varchar(10) PRIMARY KEY); INSERT INTO p SELECT generate_series(1, 1000); "
        "CREATE TABLE t (id int, c varchar(10) CONSTRAINT k REFERENCES p); INSERT INTO t SELECT g, g FROM generate_series(1, 1000) g; ")
benign("type.fk-referenced", KEYS, "ALTER TABLE p ALTER COLUMN c TYPE varchar(20)", "locks both tables, validates nothing")
benign("type.fk-referencing", KEYS, C + "varchar(20)")
benign("type.fk-referencing-text", KEYS, C + "text")
benign("type.fk-not-valid", KEYS + "ALTER TABLE t DROP CONSTRAINT k, ADD CONSTRAINT k FOREIGN KEY (c) REFERENCES p NOT VALID; ", C + "text")
INT_KEYS = P + "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p; "
blocking("type.fk-referencing-bigint", INT_KEYS, "ALTER TABLE t ALTER COLUMN pid TYPE bigint", online=False)
blocking("type.fk-referenced-bigint", INT_KEYS, "ALTER TABLE p ALTER COLUMN id TYPE bigint", online=False)
blocking("type.fk-referenced-small-bigint", INT_KEYS + "TRUNCATE t, p; INSERT INTO p VALUES (1); INSERT INTO t VALUES (1, 1); ",
         "ALTER TABLE p ALTER COLUMN id TYPE bigint", online=False)
benign("type.fk-referencing-oid", INT_KEYS, "ALTER TABLE t ALTER COLUMN pid TYPE oid", fails=True)
benign("type.fk-referencing-domain", INT_KEYS + "CREATE DOMAIN d AS int; ", "ALTER TABLE t ALTER COLUMN pid TYPE d")
benign("type.fk-referenced-domain", INT_KEYS + "CREATE DOMAIN d AS int; ", "ALTER TABLE p ALTER COLUMN id TYPE d")
benign("type.statistics", T + "CREATE STATISTICS st ON a, b FROM t; ", B + "text")
benign("type.default", T + "ALTER TABLE t ALTER b SET DEFAULT 'x'; ", B + "text")
blocking("type.identity", rows("id int GENERATED ALWAYS AS IDENTITY, c int", "g").replace("INTO t", "INTO t (c)"), "ALTER TABLE t ALTER COLUMN id TYPE bigint")
blocking("type.serial", "CREATE TABLE t (id serial PRIMARY KEY, a int); INSERT INTO t (a) SELECT generate_series(1, 1000); ", "ALTER TABLE t ALTER COLUMN id TYPE bigint",
         "the hint gives its sequence the type as well", part=True)
BIG = "ALTER COLUMN id TYPE bigint"
blocking("swap.two-columns", T, "ALTER TABLE t " + BIG + ", ALTER COLUMN a TYPE bigint", "both at once")
blocking("swap.three-commands", T, "ALTER TABLE t ALTER COLUMN a TYPE bigint, " + BIG + ", ALTER COLUMN a SET DEFAULT 7, ADD COLUMN c int")
blocking("swap.identity-key", rows("id int GENERATED BY DEFAULT AS IDENTITY (START 5 MAXVALUE 9000) PRIMARY KEY, a int", "g, g"), "ALTER TABLE t " + BIG)
blocking("swap.identity-falling", "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY (INCREMENT -1), a int); INSERT INTO t (a) SELECT generate_series(1, 1000); ",
         "ALTER TABLE t " + BIG)
blocking("swap.referenced-key", P + "ALTER TABLE t ADD FOREIGN KEY (pid) REFERENCES p ON DELETE SET NULL; ", "ALTER TABLE p " + BIG)
blocking("swap.referenced-unchecked", P + "ALTER TABLE t ADD FOREIGN KEY (pid) REFERENCES p NOT VALID; ", "ALTER TABLE p " + BIG)
blocking("swap.referencing", P + "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p; ", "ALTER TABLE t ALTER COLUMN pid TYPE bigint")
blocking("swap.self-referencing", T + "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES t; ", "ALTER TABLE t " + BIG + ", ALTER COLUMN a TYPE bigint")
blocking("swap.many-indexes", T + "CREATE INDEX ON t (a DESC NULLS LAST, id); CREATE UNIQUE INDEX u ON t (a) INCLUDE (b) NULLS NOT DISTINCT; CREATE INDEX h ON t USING hash (a); "
         "CREATE INDEX x ON t (b varchar_pattern_ops, a) WITH (fillfactor = 50); ALTER TABLE t ADD UNIQUE (b, a) DEFERRABLE INITIALLY DEFERRED; ",
         "ALTER TABLE t ALTER COLUMN a TYPE bigint")
blocking("swap.checked", T + "ALTER TABLE t ADD CHECK (a > 0), ADD CONSTRAINT k CHECK (a < id + 5) NOT VALID; COMMENT ON CONSTRAINT k ON t IS 'k'; COMMENT ON COLUMN t.a IS 'a'; "
         "ALTER TABLE t ALTER a SET DEFAULT 3, ALTER a SET NOT NULL; ", "ALTER TABLE t ALTER COLUMN a TYPE bigint")
blocking("swap.strange-names", "CREATE TABLE \"T's\" (\"Id %\" int PRIMARY KEY, \"Id %_new\" int); INSERT INTO \"T's\" SELECT g, g FROM generate_series(1, 1000) g; ",
         "ALTER TABLE \"T's\" ALTER COLUMN \"Id %\" TYPE bigint", part=True)

# What Postgres refuses because something uses the column.
benign("type.used-by-view", T + "CREATE VIEW v AS SELECT b FROM t; ", B + "text", fails=True)
blocking("type.used-by-dropped", T + "ALTER TABLE t ADD c int GENERATED ALWAYS AS (a * 2) STORED; ", "ALTER TABLE t ALTER COLUMN a TYPE bigint, DROP COLUMN c", "drops come first", online=False)
blocking("type.used-by-plain-now", T + "ALTER TABLE t ADD c int GENERATED ALWAYS AS (a * 2) STORED; ", "ALTER TABLE t ALTER COLUMN a TYPE bigint, ALTER COLUMN c DROP EXPRESSION", online=False)
benign("type.default-without-cast", T + "ALTER TABLE t ADD c text DEFAULT '{}'; ", C + "jsonb USING c::jsonb", fails=True)
blocking("type.default-dropped", T + "ALTER TABLE t ADD c text DEFAULT '{}'; ", C + "jsonb USING c::jsonb, ALTER c DROP DEFAULT", online=False)
blocking("type.default-with-cast", T + "ALTER TABLE t ALTER a SET DEFAULT 7; ", "ALTER TABLE t ALTER COLUMN a TYPE bigint", online=False)
benign("type.used-by-generated", T + "ALTER TABLE t ADD c text GENERATED ALWAYS AS (b || 'x') STORED; ", B + "text", fails=True)
benign("type.used-by-trigger", T + "CREATE TRIGGER tr BEFORE UPDATE OF b ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger(); ", B + "text", fails=True)
benign("type.used-by-policy", T + "CREATE POLICY po ON t USING (b <> ''); ", B + "text", fails=True)
benign("type.row-type-used", T + "CREATE TABLE u (x t); ", "ALTER TABLE t ALTER COLUMN a TYPE bigint", fails=True)
benign("type.partition-key", R, "ALTER TABLE t ALTER COLUMN id TYPE bigint", fails=True)
benign("type.generated-column-itself", T + "ALTER TABLE t ADD c varchar(10) GENERATED ALWAYS AS (b) STORED; ", C + "text")
blocking("type.generated-column-rewritten", T + "ALTER TABLE t ADD c int GENERATED ALWAYS AS (a) STORED; ", C + "bigint", online=False)
benign("type.virtual-column", T + "ALTER TABLE t ADD c int GENERATED ALWAYS AS (a) VIRTUAL; ", C + "bigint", since=18)

# Several commands, trees.
blocking("type.two-columns", T, B + "text, ALTER COLUMN a TYPE bigint", online=False)
benign("type.two-columns-free", T + "ALTER TABLE t ADD c numeric(5,1); ", B + "text, " + C[14:] + "numeric(6,1)")
benign("type.dropped-beside", T, B + "text, DROP COLUMN a")
benign("type.and-default", T, B + "text, ALTER COLUMN b SET DEFAULT 'x', ALTER COLUMN b SET STATISTICS 100")
blocking("type.partitioned", R, "ALTER TABLE t ALTER COLUMN pid TYPE bigint", online=False)
benign("type.partitioned-free", R.replace("pid int", "pid varchar(10)"), "ALTER TABLE t ALTER COLUMN pid TYPE text")
blocking("type.partitioned-free-indexed", R.replace("pid int", "pid varchar(10)") + "CREATE INDEX i ON t (pid); ", "ALTER TABLE t ALTER COLUMN pid TYPE text",
         "an index of a partitioned table is never kept: each partition builds it again", online=False)
blocking("type.partitioned-free-unique", R.replace("pid int", "pid varchar(10)") + "ALTER TABLE t ADD UNIQUE (id, pid); ", "ALTER TABLE t ALTER COLUMN pid TYPE text", online=False)
benign("type.partitioned-free-only-empty", R.replace("pid int", "pid varchar(10)") + "CREATE INDEX i ON t (pid); TRUNCATE t; ", "ALTER TABLE t ALTER COLUMN pid TYPE text")
blocking("type.partitioned-expression-index", R.replace("pid int", "pid varchar(10)") + "CREATE INDEX i ON t (lower(pid)); ",
         "ALTER TABLE t ALTER COLUMN pid TYPE text", online=False)
benign("type.partition-index-only-on-leaf", R.replace("pid int", "pid varchar(10)") + "CREATE INDEX i ON t1 (pid); ", "ALTER TABLE t ALTER COLUMN pid TYPE text")
blocking("type.expression-index-on-leaf", R.replace("pid int", "pid varchar(10)") + "CREATE INDEX i ON t1 (lower(pid)); ",
         "ALTER TABLE t ALTER COLUMN pid TYPE text", online=False)
TREE = "CREATE TABLE t (a int, b varchar(10)); CREATE TABLE c () INHERITS (t); INSERT INTO c SELECT g, g FROM generate_series(1, 1000) g; "
blocking("type.inherited", TREE, "ALTER TABLE t ALTER COLUMN a TYPE bigint", online=False)
benign("type.inherited-free", TREE, B + "text")
blocking("type.inherited-check-on-child", TREE + "ALTER TABLE c ADD CHECK (b <> ''); ", B + "text", online=False)
benign("type.inherited-only-rows", TREE + "INSERT INTO t SELECT g, g FROM generate_series(1, 1000) g; ", "ALTER TABLE ONLY t ALTER COLUMN a TYPE bigint", fails=True)
blocking("type.only-childless", T, "ALTER TABLE ONLY t ALTER COLUMN a TYPE bigint", online=False)
benign("type.inherited-only", TREE, "ALTER TABLE ONLY t ALTER COLUMN a TYPE bigint", fails=True)

# What goes with a dropped column is not made again.
DROP_A = "ALTER TABLE t DROP COLUMN a, ALTER COLUMN b TYPE text"
benign("type.beside-dropped-key", T + "CREATE INDEX i ON t (a) WHERE b <> ''; ", DROP_A, "the index goes")
benign("type.beside-dropped-condition", T + "CREATE INDEX i ON t (b) WHERE a > 0; ", DROP_A)
benign("type.beside-dropped-check", T + "ALTER TABLE t ADD CHECK (a > 0 OR b <> ''); ", DROP_A, "so does the CHECK")
blocking("type.beside-kept-check", T + "ALTER TABLE t ADD CHECK (id > 0 OR b <> ''); ", DROP_A, online=False, part=True)
blocking("type.beside-check-of-child", "CREATE TABLE t (b varchar(10)); CREATE TABLE t1 () INHERITS (t); INSERT INTO t1 SELECT 'x' FROM generate_series(1, 1000); "
         "ALTER TABLE t1 ADD CONSTRAINT k CHECK (b <> ''); ALTER TABLE t ADD CONSTRAINT k CHECK (b <> ''); ",
         "ALTER TABLE t DROP CONSTRAINT k, ALTER COLUMN b TYPE text", "the child keeps its own", online=False, part=True)
