"""SET NOT NULL, and what proves it."""

from case import E, R, T, benign, blocking, rows

SET = "ALTER TABLE t ALTER COLUMN a SET NOT NULL"


def check(expression, name="k"):
    return f"ALTER TABLE t ADD CONSTRAINT {name} CHECK ({expression}); "


blocking("notnull.set", T, SET)
benign("notnull.set-empty", E, SET)
benign("notnull.drop", T + SET + "; ", "ALTER TABLE t ALTER COLUMN a DROP NOT NULL")
benign("notnull.set-again", T + SET + "; ", SET)
benign("notnull.key-column", T, "ALTER TABLE t ALTER COLUMN id SET NOT NULL")
benign("notnull.proof", T + check("a IS NOT NULL"), SET)
benign("notnull.proof-and", T + check("a IS NOT NULL AND a > 0"), SET)
benign("notnull.proof-not-is-null", T + check("NOT (a IS NULL)"), SET)
benign("notnull.proof-both", T + check("a IS NOT NULL AND b IS NOT NULL"), SET)
benign("notnull.proof-two-checks", T + check("a > 0") + check("a IS NOT NULL", "k2"), SET)
blocking("notnull.proof-greater", T + check("a > 0"), SET, "a CHECK also passes when it is NULL")
blocking("notnull.proof-or", T + check("a IS NOT NULL OR a > 0"), SET)
blocking("notnull.proof-is-true", T + check("(a > 0) IS TRUE"), SET, "true, but the prover does not see it")
blocking("notnull.proof-not-valid", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (a IS NOT NULL) NOT VALID; ", SET,
         "the hint validates what is there", part=True)
benign("notnull.proof-validated", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT k; ", SET)
blocking("notnull.proof-other-column", T + check("b IS NOT NULL"), SET)
blocking("notnull.proof-coalesce", T + check("coalesce(a, 0) > 0"), SET)
blocking("notnull.proof-not-enforced", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (a IS NOT NULL) NOT ENFORCED; ", SET, since=18)
blocking("notnull.proof-dropped", T + check("a IS NOT NULL"), SET + ", DROP CONSTRAINT k", "the drop runs first, and with it goes the proof")
blocking("notnull.proof-added", T, SET + ", ADD CONSTRAINT k CHECK (a IS NOT NULL)")
blocking("notnull.proof-added-not-valid", T, SET + ", ADD CONSTRAINT k CHECK (a IS NOT NULL) NOT VALID")
blocking("notnull.validate-other", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (id > 0) NOT VALID; ",
         "ALTER TABLE t VALIDATE CONSTRAINT k; " + SET, "what was validated is not what would prove it")
benign("notnull.validate-then-set", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (a IS NOT NULL) NOT VALID; ",
       "ALTER TABLE t VALIDATE CONSTRAINT k; " + SET)
blocking("notnull.two-columns", T + check("a IS NOT NULL"), SET + ", ALTER COLUMN b SET NOT NULL", "one is proven, the other is not")
benign("notnull.two-proven", T + check("a IS NOT NULL AND b IS NOT NULL"), SET + ", ALTER COLUMN b SET NOT NULL")
blocking("notnull.domain-not-null", "CREATE DOMAIN d AS int NOT NULL; " + rows("a d", "g"), SET, "that the domain has it proves nothing")
blocking("notnull.stored", T + "ALTER TABLE t ADD c int GENERATED ALWAYS AS (id + 1) STORED; ", "ALTER TABLE t ALTER COLUMN c SET NOT NULL")
blocking("notnull.virtual", T + "ALTER TABLE t ADD c int GENERATED ALWAYS AS (id + 1) VIRTUAL; ", "ALTER TABLE t ALTER COLUMN c SET NOT NULL", since=18)
blocking("notnull.has-nulls", T + "UPDATE t SET a = NULL WHERE id = 5; ", SET, fails=True)
blocking("notnull.beside-retype", T + check("a IS NOT NULL"), "ALTER TABLE t ALTER COLUMN a SET NOT NULL, ALTER COLUMN a TYPE bigint", "rewritten anyway", online=False)
benign("notnull.beside-widening", T + check("a IS NOT NULL"), "ALTER TABLE t ALTER COLUMN a SET NOT NULL, ALTER COLUMN b TYPE text")
AGAIN = "ALTER TABLE t ALTER a DROP NOT NULL, ALTER a SET NOT NULL"
blocking("notnull.dropped-and-set", T + SET + "; ", AGAIN, "dropped first, so it has to be found again", part=True)
benign("notnull.dropped-and-set-proven", T + SET + "; " + check("a IS NOT NULL"), AGAIN)
benign("notnull.dropped-and-set-key", T, AGAIN.replace(" a ", " id "), "Postgres does not drop it from a key", fails=True)

# As a constraint with a name.
blocking("notnull.add", T, "ALTER TABLE t ADD CONSTRAINT nn NOT NULL a", since=18)
blocking("notnull.add-unnamed", T, "ALTER TABLE t ADD NOT NULL a", since=18)
benign("notnull.add-proven", T + check("a IS NOT NULL"), "ALTER TABLE t ADD CONSTRAINT nn NOT NULL a", since=18)
benign("notnull.add-not-valid", T, "ALTER TABLE t ADD CONSTRAINT nn NOT NULL a NOT VALID", since=18)
benign("notnull.validate", T + "ALTER TABLE t ADD CONSTRAINT nn NOT NULL a NOT VALID; ", "ALTER TABLE t VALIDATE CONSTRAINT nn", since=18)
blocking("notnull.set-over-not-valid", T + "ALTER TABLE t ADD CONSTRAINT nn NOT NULL a NOT VALID; ", SET,
         "validates under ACCESS EXCLUSIVE; VALIDATE CONSTRAINT would not", since=18)
blocking("notnull.set-over-not-valid-proven", T + "ALTER TABLE t ADD CONSTRAINT nn NOT NULL a NOT VALID; " + check("a IS NOT NULL"), SET,
         "and the proof is not looked for", since=18)
blocking("notnull.replaced", T + SET + "; ", "ALTER TABLE t DROP CONSTRAINT t_a_not_null, ADD CONSTRAINT a_is_there NOT NULL a", since=18, part=True)
blocking("notnull.dropped-by-name-and-set", T + SET + "; ", "ALTER TABLE t DROP CONSTRAINT t_a_not_null, ALTER a SET NOT NULL", since=18, part=True)
benign("notnull.key-over-not-valid", rows("a int", "g") + "ALTER TABLE t ADD CONSTRAINT nn NOT NULL a NOT VALID; CREATE UNIQUE INDEX u ON t (a); ",
         "ALTER TABLE t ADD PRIMARY KEY USING INDEX u", since=18, fails=True)

# Trees of tables.
blocking("notnull.partitioned", R, "ALTER TABLE t ALTER COLUMN pid SET NOT NULL")
benign("notnull.partitioned-proven", R + check("pid IS NOT NULL"), "ALTER TABLE t ALTER COLUMN pid SET NOT NULL", "the partitions have the CHECK too")
blocking("notnull.one-leaf-unproven", R + "ALTER TABLE t1 ADD CHECK (pid IS NOT NULL); ", "ALTER TABLE t ALTER COLUMN pid SET NOT NULL")
benign("notnull.each-leaf-proven", R + "ALTER TABLE t1 ADD CHECK (pid IS NOT NULL); ALTER TABLE t2 ADD CHECK (pid IS NOT NULL); ",
       "ALTER TABLE t ALTER COLUMN pid SET NOT NULL")
benign("notnull.each-leaf-has-it", R + "ALTER TABLE t1 ALTER pid SET NOT NULL; ALTER TABLE t2 ALTER pid SET NOT NULL; ",
       "ALTER TABLE t ALTER COLUMN pid SET NOT NULL")
blocking("notnull.leaf", R, "ALTER TABLE t1 ALTER COLUMN pid SET NOT NULL")
benign("notnull.partition-key", R + "ALTER TABLE t1 ADD CHECK (id IS NOT NULL); ", "ALTER TABLE t1 ALTER COLUMN id SET NOT NULL")
blocking("notnull.range-bound", R, "ALTER TABLE t1 ALTER COLUMN id SET NOT NULL", "the bound excludes NULL, but only CHECKs count as proof")
TREE = rows("a int", "g") + "CREATE TABLE c () INHERITS (t); INSERT INTO c SELECT g FROM generate_series(1, 1000) g; "
blocking("notnull.inherited", TREE, SET)
blocking("notnull.inherited-no-inherit", TREE + "ALTER TABLE t ADD CHECK (a IS NOT NULL) NO INHERIT; ", SET, "proven for the parent, not for the child")
blocking("notnull.only", TREE + "INSERT INTO c VALUES (NULL); ", "ALTER TABLE ONLY t ALTER COLUMN a SET NOT NULL", "the children stay as they are")
blocking("notnull.only-childless", T, "ALTER TABLE ONLY t ALTER COLUMN a SET NOT NULL")
benign("notnull.only-add", TREE, "ALTER TABLE ONLY t ADD CONSTRAINT nn NOT NULL a", "Postgres wants it on the children too", since=18, fails=True)
blocking("notnull.only-add-no-inherit", TREE, "ALTER TABLE ONLY t ADD CONSTRAINT nn NOT NULL a NO INHERIT", since=18)
benign("notnull.inherited-proven", TREE + check("a IS NOT NULL"), SET)
blocking("notnull.dropped-and-set-inherited", TREE + SET + "; TRUNCATE ONLY t; ", AGAIN, "the child loses it too", part=True)
blocking("notnull.dropped-and-set-own-of-child", TREE + "ALTER TABLE c ALTER a SET NOT NULL; " + SET + "; TRUNCATE ONLY t; ", AGAIN,
         "the child loses its own too", until=17, part=True)
benign("notnull.dropped-and-set-own-of-child-kept", TREE + "ALTER TABLE c ALTER a SET NOT NULL; " + SET + "; TRUNCATE ONLY t; ", AGAIN,
       "the child keeps its own", since=18)
NR = R + "ALTER TABLE t ADD CONSTRAINT nn NOT NULL pid NOT VALID; "
blocking("notnull.set-over-not-valid-partitioned", NR, "ALTER TABLE t ALTER pid SET NOT NULL", "validates those of the partitions as well",
         since=18, part=True)
blocking("notnull.set-over-not-valid-inherited", TREE + "ALTER TABLE t ADD CONSTRAINT nn NOT NULL a NOT VALID; TRUNCATE ONLY t; ", SET, since=18, part=True)
benign("notnull.set-over-not-valid-leaf", NR, "ALTER TABLE t1 ALTER pid SET NOT NULL", "one that is only inherited is not validated", since=18)
benign("notnull.set-over-not-valid-of-leaf",
       R + "ALTER TABLE t1 ADD CONSTRAINT nn NOT NULL pid NOT VALID; ALTER TABLE t2 ADD CONSTRAINT nn NOT NULL pid NOT VALID; ",
       "ALTER TABLE t ALTER pid SET NOT NULL", "those of the partitions are inherited from now on, and stay NOT VALID", since=18)
