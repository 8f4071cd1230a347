"""The same statements in transactions, in code, under other names, among other objects of the same name."""

from case import P, R, T, benign, blocking, rows

INDEX = "CREATE INDEX i ON t (a)"
N = "CREATE TABLE n (id int PRIMARY KEY, a int); INSERT INTO n SELECT g, g FROM generate_series(1, 1000) g; "

# What is new in the transaction is nobody's but ours.
benign("new.index", T, "BEGIN; " + N + "CREATE INDEX i ON n (a); COMMIT")
benign("new.add-volatile", T, "BEGIN; " + N + "ALTER TABLE n ADD COLUMN c float8 DEFAULT random(); COMMIT", values=False)
benign("new.retype", T, "BEGIN; " + N + "ALTER TABLE n ALTER COLUMN a TYPE bigint; COMMIT")
benign("new.not-null", T, "BEGIN; " + N + "ALTER TABLE n ALTER COLUMN a SET NOT NULL; COMMIT")
benign("new.check", T, "BEGIN; " + N + "ALTER TABLE n ADD CHECK (a > 0); COMMIT")
benign("new.unlogged", T, "BEGIN; " + N + "ALTER TABLE n SET UNLOGGED; COMMIT")
benign("new.as", T, "BEGIN; CREATE TABLE n AS SELECT * FROM t; CREATE INDEX i ON n (a); ALTER TABLE n ADD PRIMARY KEY (id); COMMIT")
benign("new.in-savepoint", T, "BEGIN; SAVEPOINT x; " + N + "RELEASE x; CREATE INDEX i ON n (a); COMMIT")
benign("new.outside-savepoint", T, "BEGIN; " + N + "SAVEPOINT x; CREATE INDEX i ON n (a); COMMIT")
benign("new.after-alter", T, "BEGIN; " + N + "ALTER TABLE n ADD COLUMN c int; CREATE INDEX i ON n (a); COMMIT")
benign("new.renamed", T, "BEGIN; " + N + "ALTER TABLE n RENAME TO n2; CREATE INDEX i ON n2 (a); COMMIT")
benign("new.swapped", T, "BEGIN; ALTER TABLE t RENAME TO old; CREATE TABLE t (id int, a int); INSERT INTO t SELECT id, a FROM old; " + INDEX + "; COMMIT")
blocking("new.swapped-old", T, "BEGIN; ALTER TABLE t RENAME TO old; CREATE TABLE t (id int, a int); CREATE INDEX i ON old (a); COMMIT")
benign("new.recreated", T, "BEGIN; DROP TABLE t; CREATE TABLE t (id int, a int); INSERT INTO t VALUES (1, 1); " + INDEX + "; COMMIT")
blocking("new.recreated-rolled-back", T, "BEGIN; SAVEPOINT x; DROP TABLE t; CREATE TABLE t (id int, a int); ROLLBACK TO x; " + INDEX + "; COMMIT")
blocking("new.other-schema", T + "CREATE SCHEMA s2; ", "BEGIN; CREATE TABLE s2.t (a int); CREATE INDEX i ON s.t (a); COMMIT", "only the name is the same")
blocking("new.if-not-exists", T, "BEGIN; CREATE TABLE IF NOT EXISTS t (id int PRIMARY KEY, a int); " + INDEX + "; COMMIT", "it was there already")
benign("new.if-not-exists-new", T, "BEGIN; CREATE TABLE IF NOT EXISTS n (id int PRIMARY KEY, a int); INSERT INTO n VALUES (1, 1); CREATE INDEX i ON n (a); COMMIT")
blocking("new.altered-is-not-new", T, "BEGIN; ALTER TABLE t ADD COLUMN c int; " + INDEX + "; COMMIT", "its catalogue row is new, the table is not")
blocking("new.committed-before", T, N + "CREATE INDEX i ON n (a)", "two transactions")
benign("new.committed-before-empty", T, "CREATE TABLE n (a int); CREATE INDEX i ON n (a)")
benign("new.partition", R, "BEGIN; CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (5000) TO (6000); INSERT INTO t SELECT g, g FROM generate_series(5000, 5900) g; CREATE INDEX i ON t3 (pid); COMMIT")
blocking("new.partition-of-old", R, "BEGIN; CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (5000) TO (6000); CREATE INDEX i ON t (pid); COMMIT")
benign("new.attached", R, "BEGIN; CREATE TABLE t3 (id int, pid int); INSERT INTO t3 SELECT g, g FROM generate_series(7000, 7100) g; ALTER TABLE t ATTACH PARTITION t3 FOR VALUES FROM (7000) TO (8000); COMMIT")
benign("new.foreign-key-empty", P, "BEGIN; CREATE TABLE n (id int, pid int); ALTER TABLE n ADD FOREIGN KEY (pid) REFERENCES p; COMMIT")
blocking("new.foreign-key-filled", P, "BEGIN; CREATE TABLE n AS SELECT g AS pid FROM generate_series(1, 1000) g; ALTER TABLE n ADD FOREIGN KEY (pid) REFERENCES p; COMMIT",
         "the rows are new, but they are looked up in p, which is locked")
blocking("new.attached-default-scanned", R + "CREATE TABLE td PARTITION OF t DEFAULT; INSERT INTO t SELECT g, g FROM generate_series(3000, 4000) g; ",
         "BEGIN; CREATE TABLE t3 (id int, pid int); ALTER TABLE t ATTACH PARTITION t3 FOR VALUES FROM (7000) TO (8000); COMMIT")
benign("new.truncated", T, "BEGIN; TRUNCATE t; " + INDEX + "; COMMIT", "empty since this transaction")
benign("new.truncated-retype", T, "BEGIN; TRUNCATE t; ALTER TABLE t ALTER COLUMN a TYPE bigint; COMMIT")

# What the transaction holds already counts.
CHECK = "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID"
FK = "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p NOT VALID"
VALIDATE = "ALTER TABLE t VALIDATE CONSTRAINT k"
benign("held.check-two-transactions", T, CHECK + "; " + VALIDATE)
blocking("held.check-one-transaction", T, "BEGIN; " + CHECK + "; " + VALIDATE + "; COMMIT", "the lock of ADD CONSTRAINT is held while VALIDATE reads")
benign("held.foreign-key-two-transactions", P, FK + "; " + VALIDATE)
blocking("held.foreign-key-one-transaction", P, "BEGIN; " + FK + "; " + VALIDATE + "; COMMIT")
blocking("held.lock-table", T + CHECK + "; ", "BEGIN; LOCK TABLE t IN SHARE MODE; " + VALIDATE + "; COMMIT")
benign("held.lock-table-weak", T + CHECK + "; ", "BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE; " + VALIDATE + "; COMMIT")
benign("held.lock-released", T + CHECK + "; ", "BEGIN; SAVEPOINT x; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; ROLLBACK TO x; " + VALIDATE + "; COMMIT")
blocking("held.lock-not-released", T + CHECK + "; ", "BEGIN; SAVEPOINT x; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; RELEASE x; " + VALIDATE + "; COMMIT")
blocking("held.by-other-command", T + CHECK + "; ", "BEGIN; ALTER TABLE t ADD COLUMN c int; " + VALIDATE + "; COMMIT")
blocking("held.by-trigger", T + CHECK + "; ", "BEGIN; CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger(); " + VALIDATE + "; COMMIT")
benign("held.by-statistics", T + CHECK + "; ", "BEGIN; ALTER TABLE t ALTER COLUMN a SET STATISTICS 10; " + VALIDATE + "; COMMIT")
benign("held.other-table", T + CHECK + "; CREATE TABLE u (a int); ", "BEGIN; LOCK TABLE u IN ACCESS EXCLUSIVE MODE; " + VALIDATE + "; COMMIT")
blocking("held.peer", P + FK + "; ", "BEGIN; LOCK TABLE p IN SHARE ROW EXCLUSIVE MODE; " + VALIDATE + "; COMMIT", "the referenced table is blocked while the other is read")
blocking("held.partition", R + "ALTER TABLE t ADD CONSTRAINT k CHECK (pid > 0) NOT VALID; ", "BEGIN; LOCK TABLE ONLY t1 IN SHARE MODE; " + VALIDATE + "; COMMIT")
benign("held.validated-already", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0); ", "BEGIN; LOCK TABLE t IN SHARE MODE; " + VALIDATE + "; COMMIT")
benign("held.written-rows", T + CHECK + "; ", "BEGIN; UPDATE t SET a = a + 1 WHERE id < 10; " + VALIDATE + "; COMMIT")
blocking("held.not-null-18", T, "BEGIN; ALTER TABLE t ADD CONSTRAINT nn NOT NULL a NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT nn; COMMIT", since=18)
blocking("held.attach-proof", R, "BEGIN; ALTER TABLE n ADD CONSTRAINT k CHECK (id IS NOT NULL AND id >= 5000 AND id < 6000) NOT VALID; ALTER TABLE n VALIDATE CONSTRAINT k; "
         "ALTER TABLE t ATTACH PARTITION n FOR VALUES FROM (5000) TO (6000); COMMIT")

# Transactions of several statements.
blocking("several.second", T, "BEGIN; ALTER TABLE t ADD COLUMN c int; ALTER TABLE t ALTER COLUMN a SET NOT NULL; COMMIT")
benign("several.benign", T, "BEGIN; ALTER TABLE t ADD COLUMN c int; ALTER TABLE t ALTER COLUMN c SET DEFAULT 5; CREATE TABLE u (a int REFERENCES t); COMMIT")
blocking("several.third", T, "ALTER TABLE t ADD COLUMN c int; CREATE TABLE u (a int); CREATE INDEX i ON t (c)")
blocking("several.one-string", T, "ALTER TABLE t ADD COLUMN c int\\; " + INDEX, "psql sends both as one string, one transaction")
benign("several.one-string-new", T, "CREATE TABLE n AS SELECT * FROM t\\; CREATE INDEX i ON n (a)")
blocking("several.proof-dropped-before", T + "ALTER TABLE t ADD CONSTRAINT k CHECK (a IS NOT NULL); ", "BEGIN; ALTER TABLE t DROP CONSTRAINT k; ALTER TABLE t ALTER COLUMN a SET NOT NULL; COMMIT")
benign("several.drop-then-index", T, "BEGIN; DROP TABLE t; CREATE TABLE t (a int); " + INDEX + "; COMMIT")
blocking("several.column-then-index", T, "BEGIN; ALTER TABLE t ADD COLUMN c int DEFAULT 0; CREATE INDEX i ON t (c); COMMIT")

# Code.
blocking("code.do", T, "DO $$BEGIN EXECUTE 'CREATE INDEX i ON t (a)'; END$$")
blocking("code.do-static", T, "DO $$BEGIN CREATE INDEX i ON t (a); END$$")
blocking("code.do-second", T, "DO $$BEGIN CREATE TABLE u (a int); ALTER TABLE t ALTER COLUMN a SET NOT NULL; END$$", part=True)
benign("code.do-new", T, "DO $$BEGIN CREATE TABLE n AS SELECT * FROM t; CREATE INDEX i ON n (a); END$$")
benign("code.do-not-reached", T, "DO $$BEGIN IF false THEN CREATE INDEX i ON t (a); END IF; END$$")
blocking("code.do-format", T, "DO $do$BEGIN EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (a > 0)', 't', 'My check'); END$do$")
blocking("code.do-loop", R, "DO $$DECLARE r regclass; BEGIN FOR r IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 't'::regclass ORDER BY 1 LOOP EXECUTE format('CREATE INDEX ON %s (pid)', r); END LOOP; END$$", part=True)
blocking("code.function", T + "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$BEGIN CREATE INDEX i ON t (a); END$$; ", "SELECT f()")
blocking("code.sql-function", T + "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$CREATE INDEX i ON s.t (a)$$; ", "SELECT f()")
blocking("code.procedure", T + "CREATE PROCEDURE f() LANGUAGE plpgsql AS $$BEGIN ALTER TABLE t ADD CHECK (a > 0); END$$; ", "CALL f()")
blocking("code.nested", T + "CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS $$BEGIN ALTER TABLE t ALTER COLUMN a SET NOT NULL; END$$; "
         "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM g(); END$$; ", "SELECT f()")
blocking("code.own-search-path", T + "CREATE SCHEMA s2; CREATE TABLE s2.t (a int); CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql SET search_path = s AS $$BEGIN CREATE INDEX i ON t (a); END$$; "
         "SET search_path = s2, s; ", "SELECT f()", "the path of the function, not of the session")
benign("code.own-search-path-empty", T + "CREATE SCHEMA s2; CREATE TABLE s2.t (a int); CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql SET search_path = s2 AS $$BEGIN CREATE INDEX i ON t (a); END$$; ",
       "SELECT f()")
blocking("code.security-definer", T + "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN CREATE INDEX i ON t (a); END$$; ", "SELECT f()")
benign("code.create-only", T, "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$BEGIN CREATE INDEX i ON t (a); END$$", "written, not run")

# Names.
ODD = "CREATE TABLE \"My \"\"odd\"\" table\" (\"Id\" int PRIMARY KEY, \"a b\" int, \"it's\" varchar(10)); INSERT INTO \"My \"\"odd\"\" table\" SELECT g, g, 'x' FROM generate_series(1, 1000) g; "
ODD_T = "\"My \"\"odd\"\" table\""
blocking("name.index", ODD, f"CREATE INDEX \"My index\" ON {ODD_T} (\"a b\")")
blocking("name.index-unnamed", ODD, f"CREATE INDEX ON {ODD_T} (lower(\"it's\"), \"a b\")")
blocking("name.add-volatile", ODD, f"ALTER TABLE {ODD_T} ADD COLUMN \"New c\" float8 DEFAULT random()", values=False)
blocking("name.check", ODD, f"ALTER TABLE {ODD_T} ADD CONSTRAINT \"K k\" CHECK (\"a b\" > 0 AND \"it's\" <> 'it''s')")
blocking("name.check-unnamed", ODD, f"ALTER TABLE {ODD_T} ADD CHECK (\"a b\" > 0)")
blocking("name.set-not-null", ODD, f"ALTER TABLE {ODD_T} ALTER COLUMN \"it's\" SET NOT NULL")
blocking("name.unique", ODD, f"ALTER TABLE {ODD_T} ADD UNIQUE (\"a b\")")
blocking("name.foreign-key", ODD + rows("\"A b\" int", "g", "u"), f"ALTER TABLE u ADD FOREIGN KEY (\"A b\") REFERENCES {ODD_T} (\"Id\")")
blocking("name.retype", ODD, f"ALTER TABLE {ODD_T} ALTER COLUMN \"a b\" TYPE bigint", online=False)
benign("name.widening", ODD, f"ALTER TABLE {ODD_T} ALTER COLUMN \"it's\" TYPE text")
blocking("name.qualified", T, "CREATE INDEX i ON s.t (a)")
blocking("name.catalogue", T + "SET search_path = public; ", "CREATE INDEX i ON s.t (a)")
blocking("name.keyword", rows("\"order\" int, \"user\" int", "g, g", "\"select\""), "ALTER TABLE \"select\" ADD CONSTRAINT \"check\" CHECK (\"order\" > 0)")
blocking("name.upper-case", T.replace("TABLE t", "TABLE T").replace("INTO t", "INTO T"), "CREATE INDEX I ON T (A)")
blocking("name.unicode", rows("\"größe\" int", "g", "\"tabelle_ä\""), "CREATE INDEX ON \"tabelle_ä\" (\"größe\")")
LONG = "t" + "x" * 62
blocking("name.long", rows("id int PRIMARY KEY, " + "a" * 63 + " int", "g, g", LONG), f"CREATE INDEX ON {LONG} ({'a' * 63})", "the name Postgres makes is cut")
blocking("name.long-check", rows("a int", "g", LONG), f"ALTER TABLE {LONG} ADD CHECK (a > 0)")
blocking("name.percent", rows("\"50%s\" int", "g", "\"%I\""), "ALTER TABLE \"%I\" ADD CONSTRAINT \"k%L\" CHECK (\"50%s\" > 0)")
blocking("name.unnamed-taken", T + "CREATE TABLE t_a_idx (x int); CREATE TABLE t_a_idx1 (x int); ", "CREATE INDEX ON t (a)", "Postgres counts on until a name is free")
blocking("name.unnamed-check-taken", T + "ALTER TABLE t ADD CONSTRAINT t_a_check CHECK (a > -1); ", "ALTER TABLE t ADD CHECK (a > 0)")
blocking("name.comment-inside", T, "CREATE /* CONCURRENTLY */ INDEX -- CONCURRENTLY\n i ON t (a)")

# search_path.
SAME = T + "CREATE SCHEMA s2; CREATE TABLE s2.t (id int PRIMARY KEY, a int, b varchar(10)); "
benign("path.empty-first", SAME + "SET search_path = s2, s; ", INDEX, "the empty table of the same name is meant")
blocking("path.full-first", SAME + "SET search_path = s, s2; ", INDEX)
benign("path.qualified-empty", SAME, "CREATE INDEX i ON s2.t (a)")
blocking("path.qualified-full", SAME + "SET search_path = s2, s; ", "CREATE INDEX i ON s.t (a)")
benign("path.set-within", SAME, "BEGIN; SET LOCAL search_path = s2; " + INDEX + "; COMMIT")
blocking("path.set-within-full", SAME + "SET search_path = s2; ", "BEGIN; SET LOCAL search_path = s; " + INDEX + "; COMMIT")
benign("path.view-first", T + "CREATE SCHEMA s2; CREATE VIEW s2.t AS SELECT 1 AS a; SET search_path = s2, s; ", INDEX, fails=True)
blocking("path.type-shadowed", T + "CREATE SCHEMA s2; CREATE DOMAIN s2.text AS pg_catalog.text CHECK (value <> ''); SET search_path = s2, s, pg_catalog; ",
         "ALTER TABLE t ADD COLUMN c text", "text is another type here", online=False)
benign("path.type-not-shadowed", T + "CREATE SCHEMA s2; CREATE DOMAIN s2.text AS pg_catalog.text CHECK (value <> ''); SET search_path = s2, s; ", "ALTER TABLE t ADD COLUMN c text")
blocking("path.operator-shadowed", T + "CREATE SCHEMA s2; CREATE FUNCTION s2.plus(int, int) RETURNS int VOLATILE LANGUAGE plpgsql AS 'BEGIN RETURN 3; END'; "
         "CREATE OPERATOR s2.+ (leftarg = int, rightarg = int, function = s2.plus); SET search_path = s2, s, pg_catalog; ", "ALTER TABLE t ADD COLUMN c int DEFAULT 1 + 1")
benign("path.foreign-key-empty", SAME + "CREATE TABLE p (id int PRIMARY KEY); SET search_path = s2, s; ", "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p")

# Nothing there.
benign("missing.table", T, "ALTER TABLE nope ADD CHECK (a > 0)", fails=True)
benign("missing.if-exists", T, "ALTER TABLE IF EXISTS nope ALTER COLUMN a TYPE bigint")
benign("missing.column", T, "ALTER TABLE t ALTER COLUMN nope SET NOT NULL", fails=True)
benign("missing.index-table", T, "CREATE INDEX i ON nope (a)", fails=True)
benign("missing.drop-if-exists", T, "DROP TABLE IF EXISTS nope")
benign("missing.constraint", T, "ALTER TABLE t VALIDATE CONSTRAINT nope", fails=True)

# Roles.
benign("role.not-owner", T + "GRANT ALL ON SCHEMA s TO other; ", "BEGIN; SET LOCAL ROLE other; " + INDEX + "; COMMIT", "Postgres refuses it before any work", fails=True)
blocking("role.owner", T + "GRANT ALL ON SCHEMA s TO other; ALTER TABLE t OWNER TO other; ", "BEGIN; SET LOCAL ROLE other; " + INDEX + "; COMMIT")
blocking("role.owner-check", T + "GRANT ALL ON SCHEMA s TO other; ALTER TABLE t OWNER TO other; ", "BEGIN; SET LOCAL ROLE other; ALTER TABLE t ADD CHECK (a > 0); COMMIT")
