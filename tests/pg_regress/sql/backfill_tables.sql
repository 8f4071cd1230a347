SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
\set VERBOSITY default
\set SHOW_CONTEXT never
-- Kinds of tables. n counts how often a row was changed.
SET client_min_messages = warning;
SET migrator.guard = 'off';
CREATE SCHEMA bt; SET search_path = bt;
-- A unique key of NOT NULL columns does as well as a primary key; these do not.
CREATE TABLE alt (a int NOT NULL, b text NOT NULL, c int, n int NOT NULL DEFAULT 0);
INSERT INTO alt SELECT g, g::text, g FROM generate_series(1, 100) g;
CREATE UNIQUE INDEX ON alt (c);
CREATE UNIQUE INDEX ON alt (a) WHERE a > 0;
CREATE UNIQUE INDEX ON alt ((a + 1));
CREATE UNIQUE INDEX ON alt (b text_pattern_ops);
CREATE UNIQUE INDEX ON alt (b COLLATE "POSIX");
CREATE INDEX ON alt (a);
CALL migrator.backfill('alt', 'n = n + 1');
CALL migrator.backfill('alt', 'n = n + 1', 'n = 0', walk => 'key');
CALL migrator.backfill('alt', 'n = n + 1', 'n = 0');
CALL migrator.backfill('alt', 'n = n + 1', walk => 'physical');
CREATE UNIQUE INDEX ON alt (a, b);
CALL migrator.backfill('alt', 'n = n + 1', batch_rows => 7);
CALL migrator.backfill('alt', 'a = a + 1');
CALL migrator.backfill('alt', 'a = a + 1000', 'a <= 1000', walk => 'key');
CALL migrator.backfill('alt', 'a = a + 1000, n = n + 1', 'a <= 1000', walk => 'physical');
SELECT n, count(*), min(a) FROM alt GROUP BY n ORDER BY n;
-- A deferrable key.
CREATE TABLE deferred (a int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, n int DEFAULT 0); INSERT INTO deferred SELECT generate_series(1, 100);
CALL migrator.backfill('deferred', 'n = n + 1', batch_rows => 7);
CALL migrator.backfill('deferred', 'n = n + 1', 'n = 1');
SELECT n, count(*) FROM deferred GROUP BY n ORDER BY n;
-- Empty, one row, unlogged, temporary, wide, out of line.
CREATE TABLE empty (id int PRIMARY KEY, n int DEFAULT 0);
CREATE TABLE one (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO one VALUES (7);
CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO unlogged SELECT generate_series(1, 100);
CREATE TEMPORARY TABLE temporary (id int PRIMARY KEY, n int DEFAULT 0) ON COMMIT PRESERVE ROWS; INSERT INTO temporary SELECT generate_series(1, 100);
CREATE TABLE wide (id int PRIMARY KEY, f text DEFAULT repeat('w', 1500), g text, n int DEFAULT 0); INSERT INTO wide SELECT generate_series(1, 100);
ALTER TABLE wide ALTER g SET STORAGE EXTERNAL; UPDATE wide SET g = repeat(id::text, 3000);
SELECT format('CALL migrator.backfill(%L, ''n = n + 1'', %s)', t, o) FROM unnest('{empty,one,unlogged,temporary,wide}'::text[]) t,
    unnest('{"NULL","''n = 1''","''n = 2'', walk => ''key''","NULL, stripes => 3","''n = 4'', stripes => 3","''n = 5'', stripes => 1"}'::text[]) WITH ORDINALITY o (o, i) ORDER BY t, i
\set ECHO none
\gexec
\set ECHO all
SELECT t, n, count(*) FROM (SELECT 'empty', n FROM empty UNION ALL SELECT 'one', n FROM one UNION ALL SELECT 'unlogged', n FROM unlogged
    UNION ALL SELECT 'temporary', n FROM temporary UNION ALL SELECT 'wide', n FROM wide WHERE g = repeat(id::text, 3000)) s (t, n) GROUP BY 1, 2 ORDER BY 1;
-- Names that are ours as well, and odd ones.
CREATE TABLE changed (still int PRIMARY KEY, changed int, "key" int, "of" int, found int, page int DEFAULT 0, "left" text);
INSERT INTO changed SELECT g, g, g, g, g FROM generate_series(1, 100) g;
CALL migrator.backfill('changed', 'page = page + 1');
CALL migrator.backfill('changed', 'page = changed.page + 1, "of" = (SELECT max(c.still) FROM changed c)', 'changed.page = 1 AND EXISTS (SELECT FROM changed f WHERE f.still = changed.still) AND found = "key"');
SELECT page, "of", count(*) FROM changed GROUP BY 1, 2;
CREATE TABLE "A.b ""c"" 'd'" ("Key.1" int PRIMARY KEY, "n'""" int DEFAULT 0); INSERT INTO "A.b ""c"" 'd'" SELECT generate_series(1, 100);
CALL migrator.backfill('"A.b ""c"" ''d''"', '"n''""" = "n''""" + 1');
CALL migrator.backfill('"A.b ""c"" ''d''"', '"n''""" = "A.b ""c"" ''d''"."n''""" + 1 -- comment', '"A.b ""c"" ''d''"."n''""" = 1 /* one */ -- comment');
SELECT "n'""", count(*) FROM "A.b ""c"" 'd'" GROUP BY 1;
-- A table that search_path does not reach; a function that it does. Generated columns follow.
CREATE FUNCTION double(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
CREATE SCHEMA far; CREATE TABLE far.away (id int PRIMARY KEY, n int DEFAULT 0, twice int GENERATED ALWAYS AS (2 * n) STORED); INSERT INTO far.away SELECT generate_series(1, 100);
CREATE INDEX ON far.away (twice);
CALL migrator.backfill('far.away', 'n = n + double(id)', 'double(n) = 0');
CALL migrator.backfill('far.away', 'twice = 1', 'n = 0');
SELECT count(*) FROM far.away WHERE n = 2 * id AND twice = 4 * id;
-- Triggers fire, as often as Postgres fires them for a row.
CREATE TABLE fired (what text, id int); CREATE TABLE watched (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO watched SELECT generate_series(1, 100);
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO bt.fired VALUES (TG_WHEN || ' ' || TG_LEVEL, CASE TG_LEVEL WHEN 'ROW' THEN NEW.id END); RETURN NEW; END $$;
CREATE TRIGGER b BEFORE UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TRIGGER a AFTER UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TRIGGER s AFTER UPDATE ON watched FOR EACH STATEMENT EXECUTE FUNCTION fire();
CALL migrator.backfill('watched', 'n = n + 1', batch_rows => 7);
CALL migrator.backfill('watched', 'n = n + 1', 'n = 1');
SELECT what, count(*) > 0 AS fired, count(id), count(DISTINCT id) FROM fired GROUP BY what ORDER BY what;
-- Policies: what a role does not see is not there.
CREATE ROLE regress_tenant; GRANT USAGE ON SCHEMA bt, migrator TO regress_tenant; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA migrator TO regress_tenant;
CREATE TABLE tenants (id int PRIMARY KEY, tenant int, n int DEFAULT 0); INSERT INTO tenants SELECT g, g % 2 FROM generate_series(1, 100) g;
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON tenants USING (tenant = 1) WITH CHECK (n < 3);
GRANT SELECT, UPDATE ON tenants TO regress_tenant;
SET ROLE regress_tenant;
CALL migrator.backfill('tenants', 'n = n + 1');
CALL migrator.backfill('tenants', 'n = n + 1', 'n = 1');
CALL migrator.backfill('tenants', 'n = n + 1', 'n = 2');
RESET ROLE;
SELECT tenant, n, count(*) FROM tenants GROUP BY 1, 2 ORDER BY 1, 2;
-- Rights on columns only.
CREATE TABLE columns (id int PRIMARY KEY, n int DEFAULT 0, secret text); INSERT INTO columns SELECT generate_series(1, 100);
GRANT SELECT (id, n), UPDATE (n) ON columns TO regress_tenant;
SET ROLE regress_tenant;
CALL migrator.backfill('columns', 'n = n + 1');
-- With a where_clause the look at the whole table, and the order of pages, need two system columns as well.
CALL migrator.backfill('columns', 'n = n + 1', 'n = 1', walk => 'key');
RESET ROLE; GRANT SELECT (ctid, tableoid) ON columns TO regress_tenant; SET ROLE regress_tenant;
CALL migrator.backfill('columns', 'n = n + 1', 'n = 1', walk => 'key');
CALL migrator.backfill('columns', 'n = n + 1', 'n = 2');
CALL migrator.backfill('columns', 'secret = ''x''');
RESET ROLE;
SELECT n, count(*) FROM columns GROUP BY n ORDER BY n;
RESET search_path;
DROP SCHEMA bt, far CASCADE; DROP OWNED BY regress_tenant; DROP ROLE regress_tenant;
