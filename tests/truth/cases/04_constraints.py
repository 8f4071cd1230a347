"""CHECK, FOREIGN KEY, UNIQUE, PRIMARY KEY, EXCLUDE: adding, validating, changing, dropping."""

from case import E, P, R, T, benign, blocking, rows

CHECK = "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0)"
FK = "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p (id)"
VALIDATE = "ALTER TABLE t VALIDATE CONSTRAINT k"

blocking("check.add", T, CHECK)
blocking("check.unnamed", T, "ALTER TABLE t ADD CHECK (a > 0)")
blocking("check.two-columns", T, "ALTER TABLE t ADD CHECK (a > 0 AND b <> '')")
blocking("check.whole-row", T, "ALTER TABLE t ADD CHECK (t IS NOT NULL)")
blocking("check.true", T, "ALTER TABLE t ADD CONSTRAINT k CHECK (true)", "read for nothing")
blocking("check.same-again", T + CHECK + "; ", "ALTER TABLE t ADD CONSTRAINT k2 CHECK (a > 0)", "that an equal one is valid does not help")
benign("check.empty", E, CHECK)
benign("check.not-valid", T, CHECK + " NOT VALID")
benign("check.not-enforced", T, CHECK + " NOT ENFORCED", since=18)
benign("check.validate", T + CHECK + " NOT VALID; ", VALIDATE)
benign("check.validate-valid", T + CHECK + "; ", VALIDATE)
benign("check.drop", T + CHECK + "; ", "ALTER TABLE t DROP CONSTRAINT k")
benign("check.drop-if-exists", T, "ALTER TABLE t DROP CONSTRAINT IF EXISTS k")
benign("check.rename", T + CHECK + "; ", "ALTER TABLE t RENAME CONSTRAINT k TO k2")
blocking("check.beside-not-valid", T, CHECK + " NOT VALID, ADD CONSTRAINT k2 CHECK (a < 5000)")
blocking("check.replaced", T + CHECK + "; ", "ALTER TABLE t DROP CONSTRAINT k, ADD CONSTRAINT k CHECK (a > -1)")
blocking("check.violated", T, "ALTER TABLE t ADD CHECK (a > 500)", fails=True)
benign("check.name-taken", T + CHECK + "; ", CHECK, fails=True)
benign("check.no-such-column", T, "ALTER TABLE t ADD CHECK (nope > 0)", fails=True)
blocking("check.partitioned", R, "ALTER TABLE t ADD CONSTRAINT k CHECK (pid > 0)")
benign("check.partitioned-not-valid", R, "ALTER TABLE t ADD CONSTRAINT k CHECK (pid > 0) NOT VALID")
benign("check.partitioned-validate", R + "ALTER TABLE t ADD CONSTRAINT k CHECK (pid > 0) NOT VALID; ", VALIDATE)
blocking("check.partition", R, "ALTER TABLE t1 ADD CONSTRAINT k CHECK (pid > 0)")
blocking("check.implied-by-bound", R, "ALTER TABLE t1 ADD CONSTRAINT k CHECK (id >= 0)")
TREE = "CREATE TABLE t (a int); CREATE TABLE c () INHERITS (t); INSERT INTO c SELECT g FROM generate_series(1, 1000) g; "
blocking("check.inherited", TREE, CHECK, "only the child has rows")
benign("check.inherited-no-inherit", TREE, CHECK + " NO INHERIT")
benign("check.inherited-merged", TREE + "ALTER TABLE c ADD CONSTRAINT k CHECK (a > 0); ", CHECK, "the child has it already")
benign("check.inherited-merged-not-valid", TREE + "ALTER TABLE c ADD CONSTRAINT k CHECK (a > 0) NOT VALID; ", CHECK, fails=True)
benign("check.only-parent", TREE, "ALTER TABLE ONLY t ADD CONSTRAINT k CHECK (a > 0)", fails=True)
FAMILY = "CREATE TABLE t (a int, b int); INSERT INTO t SELECT g, g FROM generate_series(1, 1000) g; CREATE TABLE c () INHERITS (t); INSERT INTO c VALUES (-1, -1); "
benign("check.only", FAMILY, "ALTER TABLE ONLY t ADD CONSTRAINT k CHECK (a > 0)", "Postgres wants it on the children too", fails=True)
blocking("check.only-no-inherit", FAMILY, "ALTER TABLE ONLY t ADD CONSTRAINT k CHECK (a > 0) NO INHERIT")
blocking("check.only-childless", T, "ALTER TABLE ONLY t ADD CONSTRAINT k CHECK (a > 0)")
KR = R + "ALTER TABLE t ADD CONSTRAINT k CHECK (pid > 0); "
AGAIN = "ALTER TABLE t DROP CONSTRAINT k, ADD CONSTRAINT k CHECK "
blocking("check.replaced-partitioned", KR, AGAIN + "(pid > -1)", "the partitions lose theirs by the same DROP")
blocking("check.replaced-inherited", TREE + CHECK + "; ", AGAIN + "(a > -1)")
blocking("check.replaced-inherited-deep", TREE + CHECK + "; CREATE TABLE d () INHERITS (c); INSERT INTO d VALUES (5); TRUNCATE ONLY c; ", AGAIN + "(a > -1)")
benign("check.replaced-own-of-child", TREE + "ALTER TABLE c ADD CONSTRAINT k CHECK (a > 0); " + CHECK + "; ", AGAIN + "(a > 0)",
       "the child keeps its own")
benign("check.replaced-own-of-child-deep",
       TREE + "ALTER TABLE c ADD CONSTRAINT k CHECK (a > 0); " + CHECK + "; CREATE TABLE d () INHERITS (c); INSERT INTO d VALUES (5); ",
       AGAIN + "(a > 0)", "and what inherits from the child too")
benign("check.replaced-not-valid", KR, AGAIN + "(pid > -1) NOT VALID")
benign("check.name-of-dropped-column", "CREATE TABLE t (a int, b int CONSTRAINT k CHECK (b > 0)); ", "ALTER TABLE t DROP COLUMN b, ADD CONSTRAINT k CHECK (a > 0)")
blocking("check.name-of-dropped-column-filled", rows("a int, b int CONSTRAINT k CHECK (b > 0)", "g, g"),
         "ALTER TABLE t DROP COLUMN b, ADD CONSTRAINT k CHECK (a > 0)", "the old one went with its column")

# What is done beside VALIDATE decides its lock.
benign("validate.beside-statistics", T + CHECK + " NOT VALID; ", VALIDATE + ", ALTER COLUMN a SET STATISTICS 10")
blocking("validate.beside-add-column", T + CHECK + " NOT VALID; ", VALIDATE + ", ADD COLUMN c int", "one ALTER has one lock, the strongest")
blocking("validate.beside-set-default", T + CHECK + " NOT VALID; ", "ALTER TABLE t ALTER COLUMN a SET DEFAULT 1, VALIDATE CONSTRAINT k")
blocking("validate.with-its-add", T, CHECK + " NOT VALID, VALIDATE CONSTRAINT k")
blocking("validate.with-its-replacement", T + CHECK + "; ", AGAIN + "(a > 0) NOT VALID, VALIDATE CONSTRAINT k",
         "the valid one of that name is dropped first")
blocking("validate.with-its-replacement-partitioned", KR, AGAIN + "(pid > 0) NOT VALID, VALIDATE CONSTRAINT k")
blocking("validate.foreign-key-with-its-replacement", P + FK + "; ", FK.replace("ADD", "DROP CONSTRAINT k, ADD") + " NOT VALID, VALIDATE CONSTRAINT k")
benign("validate.valid-beside-add-column", T + CHECK + "; ", VALIDATE + ", ADD COLUMN c int")

# Foreign keys.
blocking("fk.add", P, FK)
blocking("fk.unnamed", P, "ALTER TABLE t ADD FOREIGN KEY (pid) REFERENCES p")
benign("fk.not-valid", P, FK + " NOT VALID")
benign("fk.not-enforced", P, FK + " NOT ENFORCED", since=18)
benign("fk.validate", P + FK + " NOT VALID; ", VALIDATE)
benign("fk.validate-valid", P + FK + "; ", VALIDATE)
blocking("fk.validate-beside-set-default", P + FK + " NOT VALID; ", VALIDATE + ", ALTER COLUMN pid SET DEFAULT 1")
blocking("fk.validate-with-its-add", P, FK + " NOT VALID, VALIDATE CONSTRAINT k")
blocking("fk.half-done", P + FK + " NOT VALID; ", "ALTER TABLE t ADD FOREIGN KEY (pid) REFERENCES p (id)", "the hint validates what is there", part=True)
blocking("fk.half-done-other", P + FK + " NOT VALID; ", "ALTER TABLE t ADD FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE", "another foreign key")
blocking("fk.partition-half-done", R + "ALTER TABLE t1 ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p (id) NOT VALID; ", FK,
         "the hint validates what a partition has already", until=17, part=True)
benign("fk.referencing-empty", P + "TRUNCATE t; ", FK, "there is nothing to look up")
blocking("fk.referenced-empty", P + "TRUNCATE p; UPDATE t SET pid = NULL; ", FK)
blocking("fk.all-null", P + "UPDATE t SET pid = NULL; ", FK)
blocking("fk.violated", P + "DELETE FROM p WHERE id = 5; ", FK, fails=True)
blocking("fk.self", P + "ALTER TABLE t ADD parent int; ", "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (parent) REFERENCES t (id)")
blocking("fk.match-full", P, FK + " MATCH FULL ON DELETE CASCADE")
blocking("fk.deferrable", P, FK + " DEFERRABLE INITIALLY DEFERRED")
blocking("fk.same-again", P + FK + "; ", FK.replace("CONSTRAINT k ", "CONSTRAINT k2 "), "validated again")
blocking("fk.indexed", P + "CREATE INDEX ON t (pid); ", FK, "an index makes it quicker, not free")
blocking("fk.two-columns", "CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); INSERT INTO p SELECT g, g FROM generate_series(1, 1000) g; "
         + rows("a int, b int", "g, g"), "ALTER TABLE t ADD FOREIGN KEY (a, b) REFERENCES p")
blocking("fk.cross-type", "CREATE TABLE p (id bigint PRIMARY KEY); INSERT INTO p SELECT generate_series(0, 1000); " + rows("pid int", "g"), FK)
blocking("fk.partitioned", R, FK)
benign("fk.partitioned-not-valid", R, FK + " NOT VALID", "refused by Postgres up to 17", until=17, fails=True)
benign("fk.partitioned-not-valid", R, FK + " NOT VALID", since=18)
benign("fk.partitioned-validate", R + FK + " NOT VALID; ", VALIDATE, since=18)
blocking("fk.partition", R, FK.replace("TABLE t", "TABLE t1"))
benign("fk.partition-not-valid", R, FK.replace("TABLE t", "TABLE t1") + " NOT VALID")
benign("fk.partitions-have-it", R + "ALTER TABLE t1 ADD FOREIGN KEY (pid) REFERENCES p; ALTER TABLE t2 ADD FOREIGN KEY (pid) REFERENCES p; ",
       FK, "the keys of the partitions are attached")
blocking("fk.one-partition-has-it", R + "ALTER TABLE t1 ADD FOREIGN KEY (pid) REFERENCES p; ", FK)
HAVE = R + "ALTER TABLE t1 ADD FOREIGN KEY (pid) REFERENCES p; ALTER TABLE t2 ADD FOREIGN KEY (pid) REFERENCES p; "
for name, clause in (("on-delete", "ON DELETE CASCADE"), ("on-update", "ON UPDATE SET NULL"), ("match", "MATCH FULL"),
                     ("deferrable", "DEFERRABLE"), ("deferred", "DEFERRABLE INITIALLY DEFERRED")):
    blocking(f"fk.partitions-have-another-{name}", HAVE, FK + " " + clause, "those of the partitions are others, and are not attached")
benign("fk.partitions-have-it-with-actions", HAVE.replace("REFERENCES p;", "REFERENCES p MATCH FULL ON DELETE CASCADE DEFERRABLE;"),
       FK + " MATCH FULL ON DELETE CASCADE DEFERRABLE")
blocking("fk.partitions-not-valid", R + "ALTER TABLE t1 ADD FOREIGN KEY (pid) REFERENCES p NOT VALID; ALTER TABLE t2 ADD FOREIGN KEY (pid) REFERENCES p NOT VALID; ",
         FK, "a key that is not valid is not attached; the hint validates it", part=True)
PK_TREE = ("CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (5000); "
           "INSERT INTO p SELECT generate_series(0, 1000); " + rows("id int, pid int", "g, g"))
blocking("fk.referenced-partitioned", PK_TREE, FK)
benign("fk.referenced-partitioned-not-valid", PK_TREE, FK + " NOT VALID")
benign("fk.referenced-partitioned-validate", PK_TREE + FK + " NOT VALID; ", VALIDATE)
benign("fk.drop", P + FK + "; ", "ALTER TABLE t DROP CONSTRAINT k", "locks both tables, and works through neither")
benign("fk.deferrable-later", P + FK + "; ", "ALTER TABLE t ALTER CONSTRAINT k DEFERRABLE INITIALLY DEFERRED")
blocking("fk.enforced-later", P + FK + " NOT ENFORCED; ", "ALTER TABLE t ALTER CONSTRAINT k ENFORCED", since=18, online=False)
benign("fk.not-enforced-later", P + FK + "; ", "ALTER TABLE t ALTER CONSTRAINT k NOT ENFORCED", since=18)
benign("fk.enforced-already", P + FK + "; ", "ALTER TABLE t ALTER CONSTRAINT k ENFORCED", since=18)
benign("fk.new-table", P, "CREATE TABLE n (id int PRIMARY KEY, pid int REFERENCES p (id))", "locks p, works through nothing")
benign("fk.unlogged", P + "ALTER TABLE t SET UNLOGGED; ALTER TABLE p SET UNLOGGED; ", FK + " NOT VALID")
blocking("fk.beside-check-not-valid", P, FK + ", ADD CONSTRAINT k2 CHECK (pid > 0) NOT VALID")

# UNIQUE and PRIMARY KEY.
UNIQUE = "CREATE UNIQUE INDEX u ON t (a); "
blocking("unique.add", T, "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a)")
blocking("unique.unnamed", T, "ALTER TABLE t ADD UNIQUE (a, b)")
blocking("unique.deferrable", T, "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a) DEFERRABLE")
blocking("unique.nulls-not-distinct", T, "ALTER TABLE t ADD CONSTRAINT k UNIQUE NULLS NOT DISTINCT (a)")
blocking("unique.include", T, "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a) INCLUDE (b) WITH (fillfactor = 80)")
benign("unique.empty", E, "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a)")
benign("unique.using-index", T + UNIQUE, "ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX u")
benign("unique.using-index-same-name", T + UNIQUE, "ALTER TABLE t ADD UNIQUE USING INDEX u")
blocking("unique.index-exists", T + UNIQUE, "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a)", "builds a second one beside it")
blocking("unique.violated", T + "UPDATE t SET a = 1; ", "ALTER TABLE t ADD UNIQUE (a)", fails=True)
benign("unique.drop", T + "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a); ", "ALTER TABLE t DROP CONSTRAINT k")
KEYLESS = rows("id int NOT NULL, a int", "g, g")
blocking("pk.add", KEYLESS, "ALTER TABLE t ADD PRIMARY KEY (id)")
blocking("pk.add-nullable", KEYLESS, "ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY (a)", "builds, and reads once more for NOT NULL")
blocking("pk.add-composite", KEYLESS, "ALTER TABLE t ADD PRIMARY KEY (id, a)")
benign("pk.empty", "CREATE TABLE t (id int); ", "ALTER TABLE t ADD PRIMARY KEY (id)")
benign("pk.using-index", KEYLESS + "CREATE UNIQUE INDEX u ON t (id); ", "ALTER TABLE t ADD CONSTRAINT t_pkey PRIMARY KEY USING INDEX u")
blocking("pk.using-index-nullable", KEYLESS + UNIQUE, "ALTER TABLE t ADD PRIMARY KEY USING INDEX u", "it sets NOT NULL, and reads the table for that")
benign("pk.using-index-proven", KEYLESS + UNIQUE + "ALTER TABLE t ADD CHECK (a IS NOT NULL); ", "ALTER TABLE t ADD PRIMARY KEY USING INDEX u")
blocking("pk.using-index-beside-retype", KEYLESS + "CREATE UNIQUE INDEX u ON t (id); ",
         "ALTER TABLE t ALTER COLUMN a TYPE bigint, ADD PRIMARY KEY USING INDEX u", online=False)
blocking("pk.replaced", T + "ALTER TABLE t ALTER a SET NOT NULL; ", "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a)")
benign("pk.replaced-using-index", T + "ALTER TABLE t ALTER a SET NOT NULL; " + UNIQUE,
       "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD CONSTRAINT t_pkey PRIMARY KEY USING INDEX u")
blocking("pk.replaced-by-column", rows("id int PRIMARY KEY, a int NOT NULL", "g, g"), "ALTER TABLE t DROP COLUMN id, ADD PRIMARY KEY (a)",
         "the old key goes with its column")
benign("pk.replaced-by-column-using-index", rows("id int PRIMARY KEY, a int NOT NULL", "g, g") + UNIQUE,
       "ALTER TABLE t DROP COLUMN id, ADD PRIMARY KEY USING INDEX u")
blocking("pk.replaced-nullable", rows("id int PRIMARY KEY", "g") + "CREATE UNIQUE INDEX u ON t (id); ",
         "ALTER TABLE t DROP CONSTRAINT t_pkey, ALTER id DROP NOT NULL, ADD PRIMARY KEY USING INDEX u", "reads the table for the NOT NULL that it dropped", part=True)
benign("unique.using-index-partitioned", R + "CREATE UNIQUE INDEX u ON t (id); ", "ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX u", fails=True)
benign("unique.using-index-partial", T + "CREATE UNIQUE INDEX u ON t (a) WHERE a > 0; ", "ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX u", fails=True)
HEIRS = "CREATE TABLE t (id int); CREATE TABLE c () INHERITS (t); INSERT INTO c SELECT g FROM generate_series(1, 1000) g; "
blocking("pk.inherited", HEIRS, "ALTER TABLE t ADD PRIMARY KEY (id)", "the child gets no key, but NOT NULL, and is read for that")
benign("pk.inherited-proven", HEIRS + "ALTER TABLE c ADD CHECK (id IS NOT NULL); ", "ALTER TABLE t ADD PRIMARY KEY (id)")
blocking("pk.only", FAMILY + "INSERT INTO c VALUES (NULL); ", "ALTER TABLE ONLY t ADD PRIMARY KEY (a)", "the child does not get NOT NULL", until=17)
blocking("pk.only-using-index", FAMILY + "CREATE UNIQUE INDEX u ON t (a); INSERT INTO c VALUES (NULL); ", "ALTER TABLE ONLY t ADD PRIMARY KEY USING INDEX u", until=17)
blocking("unique.only", FAMILY, "ALTER TABLE ONLY t ADD CONSTRAINT k UNIQUE (a)")
benign("unique.inherited", HEIRS, "ALTER TABLE t ADD UNIQUE (id)", "the child gets no key, and the parent is empty")
benign("pk.second", T, "ALTER TABLE t ADD PRIMARY KEY (a)", fails=True)
blocking("unique.partitioned", R, "ALTER TABLE t ADD CONSTRAINT k UNIQUE (id)")
blocking("pk.partitioned", R, "ALTER TABLE t ADD PRIMARY KEY (id)", until=17)
blocking("pk.partitioned-local", R, "ALTER TABLE t ADD PRIMARY KEY (id)", since=18, part=True,
         note="the partitions' own keys make their not-null constraints local as well")
BY_EXPRESSION = rows("id int NOT NULL, b int NOT NULL", "g, g").replace(";", " PARTITION BY LIST ((b % 2)); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (0); CREATE TABLE t2 PARTITION OF t FOR VALUES IN (1);", 1)
for place, fixture in [("", R), ("-expression", BY_EXPRESSION)]:
    benign(f"unique.partitioned{place}-without-key", fixture, "ALTER TABLE t ADD CONSTRAINT k UNIQUE (b)", fails=True)
    benign(f"unique.partitioned{place}-index-without-key", fixture, "CREATE UNIQUE INDEX k ON t (b)", fails=True)
    benign(f"primary.partitioned{place}-without-key", fixture, "ALTER TABLE t ADD PRIMARY KEY (b)", fails=True)
    benign(f"add.partitioned{place}-unique", fixture, "ALTER TABLE t ADD COLUMN c int UNIQUE", fails=True)
    benign(f"add.partitioned{place}-serial-unique", fixture, "ALTER TABLE t ADD COLUMN c serial UNIQUE", fails=True)
benign("unique.partitioned-only", R, "ALTER TABLE ONLY t ADD CONSTRAINT k UNIQUE (id)", "builds nothing; the index is not valid yet")
benign("unique.partitions-have-it", R + "ALTER TABLE t1 ADD UNIQUE (id); ALTER TABLE t2 ADD UNIQUE (id); ", "ALTER TABLE t ADD CONSTRAINT k UNIQUE (id)",
       "the constraints of the partitions are attached")
blocking("unique.replaced-partitioned", R + "ALTER TABLE t ADD CONSTRAINT k UNIQUE (id); ", "ALTER TABLE t DROP CONSTRAINT k, ADD CONSTRAINT k UNIQUE (id)",
         "those of the partitions go as well", part=True)
blocking("fk.replaced-partitioned", R + FK + "; ", FK.replace("ADD", "DROP CONSTRAINT k, ADD"), "those of the partitions go as well", part=True)
blocking("unique.replaced-own-of-partition", R + "ALTER TABLE t1 ADD UNIQUE (id); ALTER TABLE t2 ADD UNIQUE (id); ALTER TABLE t ADD CONSTRAINT k UNIQUE (id); ",
         "ALTER TABLE t DROP CONSTRAINT k, ADD CONSTRAINT k UNIQUE (id)", "attached ones too", part=True)
blocking("unique.partitions-have-indexes", R + "CREATE UNIQUE INDEX ON t1 (id); CREATE UNIQUE INDEX ON t2 (id); ",
         "ALTER TABLE t ADD CONSTRAINT k UNIQUE (id)", "an index without a constraint is not attached to one")
blocking("unique.without-overlaps", rows("r int4range, d daterange", "int4range(g, g + 1), daterange('2020-01-01', '2020-02-01')"),
         "ALTER TABLE t ADD CONSTRAINT k UNIQUE (r, d WITHOUT OVERLAPS)", since=18, online=False)
blocking("exclude.add", T, "ALTER TABLE t ADD CONSTRAINT k EXCLUDE USING btree (a WITH =)", online=False)
blocking("exclude.gist", rows("r int4range", "int4range(g, g + 1)"), "ALTER TABLE t ADD EXCLUDE USING gist (r WITH &&)", online=False)
benign("exclude.empty", E, "ALTER TABLE t ADD CONSTRAINT k EXCLUDE USING btree (a WITH =)")
benign("exclude.not-valid", T, "ALTER TABLE t ADD CONSTRAINT k EXCLUDE USING btree (a WITH =) NOT VALID", fails=True)
blocking("notnull.inherit", "CREATE TABLE t (a int, CONSTRAINT nn NOT NULL a NO INHERIT); CREATE TABLE c () INHERITS (t); INSERT INTO c VALUES (1); ",
       "ALTER TABLE t ALTER CONSTRAINT nn INHERIT", "the child gets it, and is read", since=18, online=False)
