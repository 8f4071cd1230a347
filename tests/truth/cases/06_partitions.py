"""Attaching, detaching and creating partitions."""

from case import R, benign, blocking, rows

ATTACH = "ALTER TABLE t ATTACH PARTITION n FOR VALUES FROM (5000) TO (6000)"
PROOF = "ALTER TABLE n ALTER id SET NOT NULL; ALTER TABLE n ADD CONSTRAINT bound CHECK (id >= 5000 AND id < 6000); "
FULL_DEFAULT = "CREATE TABLE td PARTITION OF t DEFAULT; INSERT INTO t SELECT g, g FROM generate_series(3000, 4000) g; "

# What is scanned for the bounds.
blocking("attach.plain", R, ATTACH)
benign("attach.empty", R + "TRUNCATE n; ", ATTACH)
benign("attach.proven", R + PROOF, ATTACH)
blocking("attach.proof-without-not-null", R + "ALTER TABLE n ADD CHECK (id >= 5000 AND id < 6000); ", ATTACH, "NULL passes the CHECK, not the bound")
benign("attach.proof-with-is-not-null", R + "ALTER TABLE n ADD CHECK (id IS NOT NULL AND id >= 5000 AND id < 6000); ", ATTACH)
benign("attach.proof-narrower", R + "ALTER TABLE n ALTER id SET NOT NULL; ALTER TABLE n ADD CHECK (id BETWEEN 5000 AND 5950); ", ATTACH)
blocking("attach.proof-wider", R + "ALTER TABLE n ALTER id SET NOT NULL; ALTER TABLE n ADD CHECK (id >= 4000 AND id < 6000); ", ATTACH)
blocking("attach.proof-not-valid", R + "ALTER TABLE n ALTER id SET NOT NULL; ALTER TABLE n ADD CHECK (id >= 5000 AND id < 6000) NOT VALID; ", ATTACH)
blocking("attach.proof-not-enforced", R + "ALTER TABLE n ALTER id SET NOT NULL; ALTER TABLE n ADD CHECK (id >= 5000 AND id < 6000) NOT ENFORCED; ", ATTACH, since=18)
blocking("attach.not-null-not-valid", R + "ALTER TABLE n ADD CONSTRAINT nn NOT NULL id NOT VALID; ALTER TABLE n ADD CHECK (id >= 5000 AND id < 6000); ", ATTACH, since=18)
benign("attach.proof-two-checks", R + "ALTER TABLE n ALTER id SET NOT NULL; ALTER TABLE n ADD CHECK (id >= 5000), ADD CHECK (id < 6000); ", ATTACH)
blocking("attach.violated", R + "INSERT INTO n VALUES (1, 1); ", ATTACH, fails=True)
benign("attach.no-such-column", R + "ALTER TABLE n DROP COLUMN pid; ", ATTACH, fails=True)
benign("attach.overlap", R, "ALTER TABLE t ATTACH PARTITION n FOR VALUES FROM (0) TO (10)", fails=True)
blocking("attach.unbounded", R, "ALTER TABLE t ATTACH PARTITION n FOR VALUES FROM (5000) TO (MAXVALUE)")
benign("attach.unbounded-proven", R + "ALTER TABLE n ALTER id SET NOT NULL; ALTER TABLE n ADD CHECK (id >= 5000); ", "ALTER TABLE t ATTACH PARTITION n FOR VALUES FROM (5000) TO (MAXVALUE)")

# The default partition.
blocking("attach.as-default", R, "ALTER TABLE t ATTACH PARTITION n DEFAULT")
benign("attach.as-default-proven", R + PROOF, "ALTER TABLE t ATTACH PARTITION n DEFAULT", "what it holds is in no other partition")
blocking("attach.default-scanned", R + PROOF + FULL_DEFAULT, ATTACH, "the rows of the default partition are read")
benign("attach.default-empty", R + PROOF + "CREATE TABLE td PARTITION OF t DEFAULT; ", ATTACH)
benign("attach.default-proven", R + PROOF + FULL_DEFAULT + "ALTER TABLE td ADD CHECK (id IS NOT NULL AND id < 5000); ", ATTACH)
benign("attach.default-proven-by-or", R + PROOF + FULL_DEFAULT + "ALTER TABLE td ADD CHECK (id IS NOT NULL AND NOT (id >= 5000 AND id < 6000)); ", ATTACH)
benign("attach.default-proof-without-not-null", R + PROOF + FULL_DEFAULT + "ALTER TABLE td ADD CHECK (id < 5000); ", ATTACH,
       "NULL belongs into the default partition")
benign("create.partition", R, "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (5000) TO (6000)")
blocking("create.partition-default-scanned", R + FULL_DEFAULT, "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (5000) TO (6000)",
         "locks the parent, and reads the default partition", online=False)
benign("create.partition-default-empty", R + "CREATE TABLE td PARTITION OF t DEFAULT; ", "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (5000) TO (6000)")
benign("create.partition-default-proven", R + FULL_DEFAULT + "ALTER TABLE td ADD CHECK (id IS NOT NULL AND id < 5000); ",
       "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (5000) TO (6000)")
blocking("create.partition-default-tree", R + "CREATE TABLE td PARTITION OF t DEFAULT PARTITION BY RANGE (id); CREATE TABLE td1 PARTITION OF td FOR VALUES FROM (2500) TO (4500); "
         "INSERT INTO t SELECT g, g FROM generate_series(3000, 4000) g; ", "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (4200) TO (4400)", online=False)
blocking("create.partition-default-tree-bounds", R + "CREATE TABLE td PARTITION OF t DEFAULT PARTITION BY RANGE (id); CREATE TABLE td1 PARTITION OF td FOR VALUES FROM (2500) TO (4500); "
       "INSERT INTO t SELECT g, g FROM generate_series(3000, 4000) g; ", "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (5000) TO (6000)",
         "the bounds of its own partitions are no proof, only CHECKs are", online=False)
benign("create.partition-default-tree-proven", R + "CREATE TABLE td PARTITION OF t DEFAULT PARTITION BY RANGE (id); CREATE TABLE td1 PARTITION OF td FOR VALUES FROM (2500) TO (4500); "
       "INSERT INTO t SELECT g, g FROM generate_series(3000, 4000) g; ALTER TABLE td1 ADD CHECK (id IS NOT NULL AND id < 4500); ",
       "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (5000) TO (6000)")
benign("create.default-partition", R, "CREATE TABLE td PARTITION OF t DEFAULT")
benign("create.partition-with-foreign-key", R + "ALTER TABLE t ADD FOREIGN KEY (pid) REFERENCES p; ", "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (5000) TO (6000)")

# LIST and HASH.
LIST = ("CREATE TABLE t (id int, k text) PARTITION BY LIST (k); CREATE TABLE t1 PARTITION OF t FOR VALUES IN ('a'); INSERT INTO t SELECT g, 'a' FROM generate_series(1, 100) g; "
        + rows("id int, k text", "g, 'b'", "n"))
blocking("attach.list", LIST, "ALTER TABLE t ATTACH PARTITION n FOR VALUES IN ('b', 'c')")
benign("attach.list-proven", LIST + "ALTER TABLE n ALTER k SET NOT NULL; ALTER TABLE n ADD CHECK (k IN ('b', 'c')); ", "ALTER TABLE t ATTACH PARTITION n FOR VALUES IN ('b', 'c')")
benign("attach.list-proven-by-one", LIST + "ALTER TABLE n ALTER k SET NOT NULL; ALTER TABLE n ADD CHECK (k = 'b'); ", "ALTER TABLE t ATTACH PARTITION n FOR VALUES IN ('b', 'c')")
benign("attach.list-null", LIST + "ALTER TABLE n ADD CHECK (k IN ('b', 'c') OR k IS NULL); ", "ALTER TABLE t ATTACH PARTITION n FOR VALUES IN ('b', 'c', NULL)")
HASH = ("CREATE TABLE t (id int) PARTITION BY HASH (id); CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0); "
        "CREATE TABLE u (id int) PARTITION BY HASH (id); CREATE TABLE u1 PARTITION OF u FOR VALUES WITH (MODULUS 2, REMAINDER 0); "
        "CREATE TABLE n PARTITION OF u FOR VALUES WITH (MODULUS 2, REMAINDER 1); INSERT INTO u SELECT generate_series(1, 1000); ALTER TABLE u DETACH PARTITION n; ")
blocking("attach.hash", HASH, "ALTER TABLE t ATTACH PARTITION n FOR VALUES WITH (MODULUS 2, REMAINDER 1)", online=False)
benign("attach.hash-empty", HASH + "TRUNCATE n; ", "ALTER TABLE t ATTACH PARTITION n FOR VALUES WITH (MODULUS 2, REMAINDER 1)")
EXPR = ("CREATE TABLE t (k text) PARTITION BY RANGE (lower(k)); " + rows("k text", "'B' || g", "n"))
blocking("attach.expression-key", EXPR, "ALTER TABLE t ATTACH PARTITION n FOR VALUES FROM ('b') TO ('c')")
benign("attach.expression-key-proven", EXPR + "ALTER TABLE n ADD CHECK (lower(k) IS NOT NULL AND lower(k) >= 'b' AND lower(k) < 'c'); ",
       "ALTER TABLE t ATTACH PARTITION n FOR VALUES FROM ('b') TO ('c')")

# A tree is attached.
SUB = ("CREATE TABLE t (id int) PARTITION BY RANGE (id); CREATE TABLE n (id int) PARTITION BY RANGE (id); CREATE TABLE n1 PARTITION OF n FOR VALUES FROM (5000) TO (5500); "
       "CREATE TABLE n2 PARTITION OF n FOR VALUES FROM (5500) TO (7000); INSERT INTO n SELECT generate_series(5000, 5900); ")
blocking("attach.tree", SUB, ATTACH, "n2 could hold more than the new bound allows")
blocking("attach.tree-bounds", SUB.replace("7000", "6000"), ATTACH, "the bounds of its partitions are no proof, only CHECKs are")
blocking("attach.tree-one-proven", SUB + "ALTER TABLE n2 ADD CHECK (id IS NOT NULL AND id >= 5000 AND id < 6000); ", ATTACH)
benign("attach.tree-each-proven", SUB + "ALTER TABLE n1 ADD CHECK (id IS NOT NULL AND id >= 5000 AND id < 6000); ALTER TABLE n2 ADD CHECK (id IS NOT NULL AND id >= 5000 AND id < 6000); ", ATTACH)
benign("attach.tree-proven-at-root", SUB + "ALTER TABLE n ADD CHECK (id IS NOT NULL AND id >= 5000 AND id < 6000); ", ATTACH)

# Indexes and keys that the partition must have too.
blocking("attach.builds-index", R + PROOF + "CREATE INDEX pi ON t (pid); ", ATTACH)
benign("attach.has-index", R + PROOF + "CREATE INDEX pi ON t (pid); CREATE INDEX ni ON n (pid); ", ATTACH)
benign("attach.index-only-on-parent-empty", R + PROOF + "CREATE INDEX pi ON t (pid); TRUNCATE n; ", ATTACH)
blocking("attach.has-partial-index", R + PROOF + "CREATE INDEX pi ON t (pid); CREATE INDEX ni ON n (pid) WHERE pid > 0; ", ATTACH)
benign("attach.has-descending-index", R + PROOF + "CREATE INDEX pi ON t (pid); CREATE INDEX ni ON n (pid DESC); ", ATTACH, "the direction does not matter")
blocking("attach.has-other-class", R.replace("pid int", "pid text") + PROOF + "CREATE INDEX pi ON t (pid); CREATE INDEX ni ON n (pid text_pattern_ops); ", ATTACH)
blocking("attach.has-invalid-index", R + PROOF + "CREATE INDEX pi ON t (pid); CREATE INDEX ni ON n (pid); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ni'::regclass; ",
         ATTACH, "an invalid one does not do")
benign("attach.has-expression-index", R + PROOF + "CREATE INDEX pi ON t (abs(pid)); CREATE INDEX ni ON n (abs(pid)); ", ATTACH)
blocking("attach.has-other-expression", R + PROOF + "CREATE INDEX pi ON t (abs(pid)); CREATE INDEX ni ON n ((pid + 0)); ", ATTACH)
benign("attach.columns-in-other-order", R.replace("CREATE TABLE n (id int, pid int); INSERT INTO n SELECT g, g", "CREATE TABLE n (pid int, id int); INSERT INTO n SELECT g, g")
       + PROOF + "CREATE INDEX pi ON t (pid); CREATE INDEX ni ON n (pid); ", ATTACH)
blocking("attach.unique-has-plain-index", R + PROOF + "ALTER TABLE t ADD UNIQUE (id); CREATE UNIQUE INDEX ni ON n (id); ", ATTACH, "a constraint needs a constraint")
benign("attach.has-unique", R + PROOF + "ALTER TABLE t ADD UNIQUE (id); ALTER TABLE n ADD UNIQUE (id); ", ATTACH)
blocking("attach.key", R + PROOF + "ALTER TABLE t ADD PRIMARY KEY (id); ", ATTACH)
benign("attach.has-key", R + PROOF + "ALTER TABLE t ADD PRIMARY KEY (id); ALTER TABLE n ADD PRIMARY KEY (id); ", ATTACH)
benign("attach.key-nullable", R + "ALTER TABLE t ADD PRIMARY KEY (id); TRUNCATE t; ALTER TABLE n ADD CHECK (id IS NOT NULL AND id >= 5000 AND id < 6000); CREATE UNIQUE INDEX ni ON n (id); ",
       ATTACH, fails=True)
FK = "ALTER TABLE t ADD FOREIGN KEY (pid) REFERENCES p; "
blocking("attach.validates-foreign-key", R + PROOF + FK, ATTACH)
benign("attach.has-foreign-key", R + PROOF + FK + "ALTER TABLE n ADD FOREIGN KEY (pid) REFERENCES p; ", ATTACH)
blocking("attach.foreign-key-not-valid", R + PROOF + FK + "ALTER TABLE n ADD FOREIGN KEY (pid) REFERENCES p NOT VALID; ", ATTACH,
         "the hint validates the key there is; the statement adds a second one up to 17", part=True)
benign("attach.foreign-key-empty", R + PROOF + FK + "TRUNCATE n; ", ATTACH)
benign("attach.has-check", R + PROOF + "ALTER TABLE t ADD CONSTRAINT k CHECK (pid > 0); ALTER TABLE n ADD CONSTRAINT k CHECK (pid > 0); ", ATTACH)
benign("attach.check-missing", R + PROOF + "ALTER TABLE t ADD CONSTRAINT k CHECK (pid > 0); ", ATTACH, fails=True)
benign("attach.not-null-missing", R + PROOF + "ALTER TABLE t ALTER pid SET NOT NULL; ", ATTACH, fails=True)

# Detaching.
benign("detach.plain", R, "ALTER TABLE t DETACH PARTITION t1", "locks the parent, works through nothing")
benign("detach.concurrently", R, "ALTER TABLE t DETACH PARTITION t1 CONCURRENTLY")
benign("detach.concurrently-with-default", R + "CREATE TABLE td PARTITION OF t DEFAULT; ", "ALTER TABLE t DETACH PARTITION t1 CONCURRENTLY", fails=True)
benign("detach.with-foreign-key", R + FK, "ALTER TABLE t DETACH PARTITION t1")
REFERENCED = (R.replace("INSERT INTO t SELECT g, g FROM generate_series(1, 1000) g; ", "") + "ALTER TABLE t ADD PRIMARY KEY (id); INSERT INTO t SELECT g, g FROM generate_series(1, 1000) g; "
              "CREATE TABLE r (tid int REFERENCES t); INSERT INTO r SELECT generate_series(600, 900); ")
blocking("detach.referenced", REFERENCED, "ALTER TABLE t DETACH PARTITION t1", "what references it is looked through", online=False)
benign("detach.referenced-by-empty", REFERENCED + "TRUNCATE r; ", "ALTER TABLE t DETACH PARTITION t1")
benign("detach.drop-partition", R, "DROP TABLE t1")

# Parents that are partitions themselves, names that need quotes, columns in other places.
MIDDLE = ("CREATE TABLE top (a int, id int) PARTITION BY RANGE (a); CREATE TABLE t PARTITION OF top FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id); "
          "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (500); " + rows("id int, a int", "g, 1", "n", 900))
MATTACH = "ALTER TABLE t ATTACH PARTITION n FOR VALUES FROM (500) TO (6000)"
MDEFAULT = "TRUNCATE n; CREATE TABLE td (id int, gone int, a int); ALTER TABLE td DROP COLUMN gone; ALTER TABLE t ATTACH PARTITION td DEFAULT; INSERT INTO td SELECT g, 1 FROM generate_series(7000, 8000) g; "
blocking("attach.middle", MIDDLE.replace("g, 1", "g + 500, 1"), MATTACH, "its rows must be within the bounds of all parents")
blocking("attach.middle-half-proven", MIDDLE.replace("g, 1", "g + 500, 1") + "ALTER TABLE n ADD CHECK (id IS NOT NULL AND id >= 500 AND id < 6000); ", MATTACH)
benign("attach.middle-proven", MIDDLE.replace("g, 1", "g + 500, 1") + "ALTER TABLE n ADD CHECK (id IS NOT NULL AND id >= 500 AND id < 6000 AND a IS NOT NULL AND a >= 0 AND a < 100); ", MATTACH)
blocking("attach.middle-default", MIDDLE + MDEFAULT, MATTACH)
benign("attach.middle-default-proven", MIDDLE + MDEFAULT + "ALTER TABLE td ADD CHECK (id IS NOT NULL AND id >= 7000); ", MATTACH)
blocking("partition.middle-default", MIDDLE + MDEFAULT, "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (500) TO (600)")
QUOTED = ('CREATE SCHEMA "O\'S"; CREATE TABLE "O\'S"."T t" ("I d" int, "x""y" text) PARTITION BY RANGE ("I d", lower("x""y")); CREATE TABLE "O\'S"."t 1" PARTITION OF "O\'S"."T t" DEFAULT; '
          'INSERT INTO "O\'S"."T t" SELECT 7, \'q\' FROM generate_series(1, 100); CREATE INDEX "i i" ON "O\'S"."T t" (lower("x""y") DESC, "I d"); '
          'CREATE TABLE "N n" ("x""y" text, "I d" int); INSERT INTO "N n" SELECT \'it\'\'s\', 1 FROM generate_series(1, 100); ')
blocking("attach.quoted", QUOTED, 'ALTER TABLE "O\'S"."T t" ATTACH PARTITION "N n" FOR VALUES FROM (1, \'it\'\'\') TO (1, \'k)\')')
blocking("attach.multi-column", QUOTED, 'ALTER TABLE "O\'S"."T t" ATTACH PARTITION "N n" FOR VALUES FROM (MINVALUE, MINVALUE) TO (1, MAXVALUE)')
blocking("partition.quoted", QUOTED, 'CREATE TABLE "O\'S"."T 2" PARTITION OF "O\'S"."T t" FOR VALUES FROM (1, \'a\') TO (2, \'b\')')
blocking("attach.default-tree", R + PROOF + "CREATE TABLE td PARTITION OF t DEFAULT PARTITION BY RANGE (id); CREATE TABLE td1 PARTITION OF td FOR VALUES FROM (2500) TO (4500); CREATE TABLE td2 PARTITION OF td DEFAULT; INSERT INTO t SELECT g, g FROM generate_series(3000, 4000) g; INSERT INTO td2 VALUES (9000, 1); ", ATTACH)
blocking("attach.default-tree-one-proven", R + PROOF + "CREATE TABLE td PARTITION OF t DEFAULT PARTITION BY RANGE (id); CREATE TABLE td1 PARTITION OF td FOR VALUES FROM (2500) TO (4500); CREATE TABLE td2 PARTITION OF td DEFAULT; INSERT INTO t SELECT g, g FROM generate_series(3000, 4000) g; INSERT INTO td2 VALUES (9000, 1); ALTER TABLE td1 ADD CHECK (id IS NOT NULL AND id < 5000); ", ATTACH)
benign("attach.default-tree-proven", R + PROOF + "CREATE TABLE td PARTITION OF t DEFAULT PARTITION BY RANGE (id); CREATE TABLE td1 PARTITION OF td FOR VALUES FROM (2500) TO (4500); INSERT INTO t SELECT g, g FROM generate_series(3000, 4000) g; ALTER TABLE td1 ADD CHECK (id IS NOT NULL AND id < 5000); ", ATTACH)
blocking("attach.all-at-once", R + FULL_DEFAULT + "CREATE INDEX pi ON t (pid); ALTER TABLE t ADD UNIQUE (id); ", ATTACH)
blocking("attach.new-parent", rows("id int", "g", "n", 900), "BEGIN; CREATE TABLE t (id int) PARTITION BY RANGE (id); ALTER TABLE t ATTACH PARTITION n FOR VALUES FROM (0) TO (1000); COMMIT", "an old table below a new one")
benign("attach.new-partition", R, "BEGIN; CREATE TABLE m AS SELECT * FROM n; ALTER TABLE t ATTACH PARTITION m FOR VALUES FROM (5000) TO (6000); COMMIT")
blocking("attach.in-do", R, "DO $$ BEGIN EXECUTE 'ALTER TABLE t ATTACH PARTITION n FOR VALUES FROM (5000) TO (6000)'; END $$")
benign("attach.twice", R, "ALTER TABLE t ATTACH PARTITION t1 FOR VALUES FROM (5000) TO (6000)", fails=True)
benign("attach.itself", R, "ALTER TABLE t ATTACH PARTITION t FOR VALUES FROM (5000) TO (6000)", fails=True)
benign("attach.inherited", R + "CREATE TABLE n2 () INHERITS (n); ", ATTACH, fails=True)
benign("attach.child", R + "CREATE TABLE par (id int); ALTER TABLE n INHERIT par; ", ATTACH, fails=True)
benign("attach.temporary", R + "CREATE TEMP TABLE tn AS SELECT * FROM n; ", "ALTER TABLE t ATTACH PARTITION tn FOR VALUES FROM (5000) TO (6000)", fails=True)
benign("attach.identity", R + PROOF + "ALTER TABLE n ALTER id ADD GENERATED ALWAYS AS IDENTITY; ALTER TABLE n DROP CONSTRAINT bound; ", ATTACH, since=17, fails=True)
benign("attach.other-type", R.replace("CREATE TABLE n (id int", "CREATE TABLE n (id bigint"), ATTACH, fails=True)
benign("attach.other-check", R + "ALTER TABLE t ADD CONSTRAINT k CHECK (pid > 0); ALTER TABLE n ADD CONSTRAINT k CHECK (pid > -1); ", ATTACH, fails=True)
benign("attach.check-not-valid", R + "ALTER TABLE t ADD CONSTRAINT k CHECK (pid > 0); ALTER TABLE n ADD CONSTRAINT k CHECK (pid > 0) NOT VALID; ", ATTACH, fails=True)
benign("attach.check-no-inherit", R + "ALTER TABLE t ADD CONSTRAINT k CHECK (pid > 0); ALTER TABLE n ADD CONSTRAINT k CHECK (pid > 0) NO INHERIT; ", ATTACH, fails=True)
benign("attach.references-partition", R + PROOF + "ALTER TABLE n ADD PRIMARY KEY (id); TRUNCATE t; ALTER TABLE t ADD FOREIGN KEY (pid) REFERENCES n; ", ATTACH, fails=True)
benign("attach.statement-trigger", R + "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$; CREATE TRIGGER x AFTER INSERT ON n REFERENCING NEW TABLE AS new FOR EACH ROW EXECUTE FUNCTION f(); ", ATTACH, fails=True)

# Types of keys: the hint's CHECK must be what the prover knows again.
def keyed(type_name, value, bound, default=None, collation="", strategy="RANGE"):
    return (f"CREATE TABLE t (k {type_name}{collation}) PARTITION BY {strategy} (k); " + rows(f"k {type_name}{collation}", value, "n", 100)
            + (f"CREATE TABLE td PARTITION OF t DEFAULT; INSERT INTO td SELECT {default} FROM generate_series(1, 100); " if default else ""),
            f"ALTER TABLE t ATTACH PARTITION n FOR VALUES {bound}")


KEYS = [
    ("text", ("text", "'b' || g", "FROM ('b') TO ('c')", "'z'")),
    ("varchar", ("varchar(10)", "'b' || g", "FROM ('b') TO ('c')", "'z'")),
    ("char", ("char(5)", "'b'", "FROM ('a') TO ('c')", "'z'")),
    ("collated", ("text", "'b' || g", "FROM ('b') TO ('c')", "'z'", ' COLLATE "C"')),
    ("date", ("date", "date '2027-01-01' + g", "FROM ('2027-01-01') TO ('2028-01-01')", "date '2030-01-01'")),
    ("timestamptz", ("timestamptz", "timestamptz '2027-01-01 12:00' + g * interval '1 hour'", "FROM ('2027-01-01') TO ('2028-01-01')", "'2030-01-01'::timestamptz")),
    ("timestamp", ("timestamp(3)", "timestamp '2027-01-01 12:00' + g * interval '1 hour'", "FROM ('2027-01-01') TO ('2028-01-01')", "'2030-01-01'::timestamp")),
    ("bigint", ("bigint", "g", "FROM (1) TO (200)", "5000")),
    ("smallint", ("smallint", "g", "FROM (1) TO (200)", "5000")),
    ("numeric", ("numeric(10,2)", "g", "FROM (0.5) TO (200)", "5000")),
    ("float", ("float8", "g", "FROM (0.5) TO (200)", "5000")),
    ("negative", ("int", "-g", "FROM (-100) TO (0)", "5000")),
    ("uuid", ("uuid", "'00000000-0000-0000-0000-000000000001'", "FROM ('00000000-0000-0000-0000-000000000000') TO ('00000000-0000-0000-0000-0000000000ff')", "'ffffffff-0000-0000-0000-000000000001'")),
    ("bytea", ("bytea", r"'\x01'", r"FROM ('\x00') TO ('\x02')", r"'\xff'")),
    ("inet", ("inet", "'10.0.0.1'", "FROM ('10.0.0.0') TO ('10.0.1.0')", "'11.0.0.0'")),
    ("interval", ("interval", "'1 hour'", "FROM ('1 minute') TO ('1 day')", "'2 days'")),
    ("list-bool", ("boolean", "true", "IN (true)", "false", "", "LIST")),
    ("list-bool-false", ("boolean", "false", "IN (false)", "true", "", "LIST")),
    ("list-null", ("int", "NULL::int", "IN (NULL)", "1", "", "LIST")),
    ("list-null-and-value", ("int", "nullif(g % 2, 0)", "IN (NULL, 1)", "2", "", "LIST")),
    ("list-varchar", ("varchar", "'b'", "IN ('b', 'c')", "'z'", "", "LIST")),
    ("list-one", ("int", "1", "IN (1)", "2", "", "LIST")),
    ("list-array", ("int[]", "ARRAY[1]", "IN ('{1}', '{2}')", "ARRAY[3]", "", "LIST")),
    ("list-date", ("date", "date '2027-01-01'", "IN ('2027-01-01')", "date '2030-01-01'", "", "LIST")),
    ("hash", ("int", "g", "WITH (MODULUS 1, REMAINDER 0)", None, "", "HASH")),
    ("hash-text", ("text", "'a' || g", "WITH (MODULUS 1, REMAINDER 0)", None, "", "HASH")),
]
for name, arguments in KEYS:
    blocking(f"attach.key-{name}", *keyed(*arguments), online=name != "hash-text")
blocking("attach.key-enum", "CREATE TYPE e AS ENUM ('a', 'b', 'c'); " + keyed("e", "'b'::e", "IN ('b')", "'c'::e", "", "LIST")[0], keyed("e", "'b'", "IN ('b')", strategy="LIST")[1])
blocking("attach.key-domain", "CREATE DOMAIN d AS int; " + keyed("d", "g", "FROM (0) TO (500)", "1000")[0], keyed("d", "g", "FROM (0) TO (500)")[1])
blocking("attach.key-expression-bound", *keyed("date", "current_date", "FROM (current_date) TO (current_date + 1)", "date '2030-01-01'"))
benign("attach.key-collated-proven", *[text + 'ALTER TABLE n ADD CHECK (k IS NOT NULL AND k >= \'b\' AND k < \'c\'); ' if i == 0 else text for i, text in enumerate(keyed("text", "'b' || g", "FROM ('b') TO ('c')", None, ' COLLATE "C"'))])
USER = "CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'; "
benign("attach.check-with-function-beside", USER + R + PROOF + "ALTER TABLE n ADD CHECK (f(pid) < f(1000000)); ", ATTACH, "a CHECK that folds a user's function is beside the point")

# Indexes and keys, deeper.
blocking("attach.tree-builds-index", SUB + "ALTER TABLE n ADD CHECK (id IS NOT NULL AND id >= 5000 AND id < 6000); CREATE INDEX pi ON t (id); CREATE INDEX n1i ON n1 (id); ", ATTACH, "n2 lacks it")
benign("attach.tree-has-index", SUB + "ALTER TABLE n ADD CHECK (id IS NOT NULL AND id >= 5000 AND id < 6000); CREATE INDEX pi ON t (id); CREATE INDEX n1i ON n1 (id); CREATE INDEX n2i ON n2 (id); ", ATTACH)
benign("attach.tree-has-index-at-root", SUB + "ALTER TABLE n ADD CHECK (id IS NOT NULL AND id >= 5000 AND id < 6000); CREATE INDEX pi ON t (id); CREATE INDEX ni ON n (id); ", ATTACH)
blocking("attach.tree-key", SUB + "ALTER TABLE n ADD CHECK (id IS NOT NULL AND id >= 5000 AND id < 6000), ALTER id SET NOT NULL; ALTER TABLE t ADD PRIMARY KEY (id); ", ATTACH, "18 notes that the NOT NULL of a leaf with a key is its own", part=True)
blocking("attach.tree-foreign-key", "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(5000, 6000); " + SUB + "ALTER TABLE n ADD CHECK (id IS NOT NULL AND id >= 5000 AND id < 6000); ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES p; ", ATTACH)
blocking("attach.tree-foreign-key-one", "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(5000, 6000); " + SUB + "ALTER TABLE n ADD CHECK (id IS NOT NULL AND id >= 5000 AND id < 6000); ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES p; ALTER TABLE n1 ADD FOREIGN KEY (id) REFERENCES p; ", ATTACH)
blocking("attach.two-same-indexes", R + PROOF + "CREATE INDEX pi ON t (pid); CREATE INDEX pi2 ON t (pid); CREATE INDEX ni ON n (pid); ", ATTACH, "one index serves one index")
blocking("attach.two-same-indexes-none", R + PROOF + "CREATE INDEX pi ON t (pid); CREATE INDEX pi2 ON t (pid); ", ATTACH)
blocking("attach.unique-deferrable", R + PROOF + "ALTER TABLE t ADD CONSTRAINT u UNIQUE (id) DEFERRABLE INITIALLY DEFERRED; ", ATTACH)
blocking("attach.unique-index", R + PROOF + "CREATE UNIQUE INDEX u ON t (id, pid DESC) INCLUDE (pid) WITH (fillfactor = 70); ", ATTACH)
blocking("attach.partial-index", R + PROOF + "CREATE INDEX pi ON t USING hash (pid) WHERE pid > 5 AND 'it''s' <> 'x'; ", ATTACH)
blocking("attach.exclusion", R + PROOF + "ALTER TABLE t ADD EXCLUDE USING btree (id WITH =); ", ATTACH, since=17, online=False)
blocking("attach.only-index", R + PROOF + "CREATE INDEX pi ON ONLY t (pid); ", ATTACH, "an index that is not valid is built all the same")
blocking("attach.foreign-key-of-two", "CREATE TABLE q (a int, b int, PRIMARY KEY (a, b)); INSERT INTO q SELECT g, g FROM generate_series(0, 6000) g; " + R + PROOF
         + "ALTER TABLE t ADD CONSTRAINT \"F k\" FOREIGN KEY (pid, id) REFERENCES q (b, a) MATCH FULL ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE; ", ATTACH)
blocking("attach.foreign-key-other-action", R + PROOF + FK + "ALTER TABLE n ADD FOREIGN KEY (pid) REFERENCES p ON DELETE CASCADE; ", ATTACH)
blocking("attach.foreign-key-to-partitioned", R + PROOF + "CREATE TABLE q (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE q1 PARTITION OF q DEFAULT; INSERT INTO q SELECT generate_series(0, 6000); ALTER TABLE t ADD FOREIGN KEY (pid) REFERENCES q; ", ATTACH)
blocking("attach.foreign-key-name-taken", R + PROOF + FK + "ALTER TABLE n ADD CONSTRAINT t_pid_fkey CHECK (pid > 0); ", ATTACH)
benign("attach.foreign-key-not-enforced", R + PROOF + "ALTER TABLE t ADD FOREIGN KEY (pid) REFERENCES p NOT ENFORCED; ", ATTACH, since=18)
blocking("attach.foreign-key-parent-not-valid", R + PROOF + "ALTER TABLE t ADD FOREIGN KEY (pid) REFERENCES p NOT VALID; ", ATTACH, since=18, part=True)
benign("attach.foreign-key-both-not-valid", R + PROOF + "ALTER TABLE t ADD FOREIGN KEY (pid) REFERENCES p NOT VALID; ALTER TABLE n ADD FOREIGN KEY (pid) REFERENCES p NOT VALID; ", ATTACH, since=18)
benign("attach.triggers", R + PROOF + "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$; CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); ", ATTACH)
benign("attach.foreign-table", R + "CREATE FOREIGN TABLE fn (id int, pid int) SERVER nowhere; ", "ALTER TABLE t ATTACH PARTITION fn FOR VALUES FROM (5000) TO (6000)")

# Creating a partition: the table the hint makes has all that PARTITION OF gives.
RICH = ("CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(0, 6000); CREATE TABLE t (id int NOT NULL, pid int DEFAULT 5 REFERENCES p, c text COLLATE \"C\" CONSTRAINT cc CHECK (c <> 'zz'), "
        "g int GENERATED ALWAYS AS (pid + 1) STORED, s text STORAGE EXTERNAL, PRIMARY KEY (id)) PARTITION BY RANGE (id); ALTER TABLE t ALTER s SET STATISTICS 500; COMMENT ON COLUMN t.c IS 'x'; "
        "CREATE INDEX ti ON t (lower(c)) WHERE pid > 0; CREATE STATISTICS st ON id, pid FROM t; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$; "
        "CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); GRANT SELECT ON t TO other; "
        "CREATE TABLE td PARTITION OF t DEFAULT; INSERT INTO t (id) SELECT g FROM generate_series(3000, 4000) g; ").replace(" STORAGE EXTERNAL, PRIMARY", ", PRIMARY")
THREE = "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (5000) TO (6000)"
blocking("partition.rich", RICH + "ALTER TABLE t ALTER s SET STORAGE EXTERNAL; ", THREE)
blocking("partition.identity", "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, pid int) PARTITION BY RANGE (pid); CREATE TABLE td PARTITION OF t DEFAULT; INSERT INTO t (pid) SELECT g FROM generate_series(3000, 4000) g; ", THREE)
blocking("partition.partitioned", R + FULL_DEFAULT, THREE + " PARTITION BY LIST (pid)")
blocking("partition.unlogged", R + FULL_DEFAULT, THREE.replace("TABLE", "UNLOGGED TABLE", 1) + " WITH (fillfactor = 70) TABLESPACE elsewhere")
blocking("partition.method", R + FULL_DEFAULT, THREE + " USING heap2")
blocking("partition.parent-tablespace", R + "ALTER TABLE t SET TABLESPACE elsewhere; " + FULL_DEFAULT, THREE)
blocking("partition.parent-method", R + "ALTER TABLE t SET ACCESS METHOD heap2; " + FULL_DEFAULT, THREE, since=17)
blocking("partition.columns", R + FULL_DEFAULT, "CREATE TABLE t3 PARTITION OF t (pid DEFAULT 7, CONSTRAINT k CHECK (pid > 1)) FOR VALUES FROM (5000) TO (6000)", part=True)
blocking("partition.if-not-exists", R + FULL_DEFAULT, THREE.replace("TABLE", "TABLE IF NOT EXISTS"))
benign("partition.if-not-exists-there", R + FULL_DEFAULT, "CREATE TABLE IF NOT EXISTS t1 PARTITION OF t FOR VALUES FROM (5000) TO (6000)")
benign("partition.exists", R + FULL_DEFAULT, "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (5000) TO (6000)", fails=True)
benign("partition.overlap", R + FULL_DEFAULT, "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (100) TO (6000)", fails=True)
blocking("partition.foreign", R + FULL_DEFAULT, "CREATE FOREIGN TABLE t3 PARTITION OF t FOR VALUES FROM (5000) TO (6000) SERVER nowhere", part=True)
blocking("partition.list", "CREATE TABLE t (id int, k text) PARTITION BY LIST (k); CREATE TABLE td PARTITION OF t DEFAULT; INSERT INTO t SELECT g, 'z' FROM generate_series(1, 100) g; ", "CREATE TABLE t3 PARTITION OF t FOR VALUES IN ('a', NULL)")
benign("partition.new-default", R, "BEGIN; CREATE TABLE td PARTITION OF t DEFAULT; INSERT INTO t SELECT g, g FROM generate_series(3000, 4000) g; " + THREE + "; COMMIT")
blocking("partition.default-tree-other-order", R + "CREATE TABLE td PARTITION OF t DEFAULT PARTITION BY RANGE (id); CREATE TABLE td1 (pid int, id int); ALTER TABLE td1 ADD CONSTRAINT k CHECK (id IS NOT NULL AND id < 4500 AND id >= 2500); "
         "ALTER TABLE td ATTACH PARTITION td1 FOR VALUES FROM (2500) TO (4500); INSERT INTO t SELECT g, g FROM generate_series(3000, 4000) g; ", THREE, "Postgres does not look for the columns there")

# Detaching, on.
benign("detach.middle", R + "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (2000) TO (3000) PARTITION BY RANGE (id); CREATE TABLE t31 PARTITION OF t3 FOR VALUES FROM (2000) TO (2500); ", "ALTER TABLE t DETACH PARTITION t3")
benign("detach.other", R, "ALTER TABLE t DETACH PARTITION n", fails=True)
benign("attach.index", R + "CREATE INDEX pi ON ONLY t (pid); CREATE INDEX i1 ON t1 (pid); ", "ALTER INDEX pi ATTACH PARTITION i1")
MANY = ("CREATE TABLE t (id int) PARTITION BY RANGE (id); CREATE TABLE n (id int) PARTITION BY RANGE (id); "
        "DO $$ BEGIN FOR i IN 0..19 LOOP EXECUTE format('CREATE TABLE \"n %s\" PARTITION OF n FOR VALUES FROM (%s) TO (%s)', i, i * 10, i * 10 + 10); END LOOP; END $$; "
        "INSERT INTO n SELECT generate_series(0, 199); ALTER TABLE n ADD CHECK (id IS NOT NULL AND id >= 0 AND id < 200); ")
blocking("attach.many-indexes", MANY + "CREATE INDEX pi ON t (id) WHERE id % 2 = 0; ", "ALTER TABLE t ATTACH PARTITION n FOR VALUES FROM (0) TO (200)", part=True)
blocking("attach.many-keys", MANY + "ALTER TABLE n ALTER id SET NOT NULL; ALTER TABLE t ADD UNIQUE (id) DEFERRABLE; ", "ALTER TABLE t ATTACH PARTITION n FOR VALUES FROM (0) TO (200)", part=True)
