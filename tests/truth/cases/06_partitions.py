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
