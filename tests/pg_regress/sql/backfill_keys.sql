SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
\set VERBOSITY default
\set SHOW_CONTEXT never
-- Each kind of key: every row is changed exactly once by each call, in both walks, with and without where_clause,
-- in stripes and without. n counts how often a row was changed.
SET migrator.guard = 'off';
CREATE SCHEMA k;
CREATE TYPE k.color AS ENUM ('red', 'Green, "light"', 'blue', 'a''b');
CREATE TYPE k.pair AS (a int, b text);
CREATE TYPE k.stamped AS (at date, b text);
CREATE DOMAIN k.positive AS int CHECK (VALUE > 0);
CREATE DOMAIN k.doc AS jsonb CHECK (VALUE IS NOT NULL);
CREATE DOMAIN k.doc2 AS k.doc;
CREATE DOMAIN k.tags AS text[];
CREATE COLLATION k.folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE k.t_smallint (k smallint PRIMARY KEY); INSERT INTO k.t_smallint SELECT g FROM generate_series(-50, 49) g;
INSERT INTO k.t_smallint VALUES (-32768), (32767);
CREATE TABLE k.t_bigint (k bigint PRIMARY KEY); INSERT INTO k.t_bigint SELECT g * 90000000000000000 FROM generate_series(-100, 100) g;
INSERT INTO k.t_bigint VALUES (-9223372036854775808), (9223372036854775807);
CREATE TABLE k.t_uuid (k uuid PRIMARY KEY); INSERT INTO k.t_uuid SELECT md5(g::text)::uuid FROM generate_series(1, 100) g;
CREATE TABLE k.t_text_c (k text COLLATE "C" PRIMARY KEY);
CREATE TABLE k.t_text_icu (k text COLLATE "de-x-icu" PRIMARY KEY);
CREATE TABLE k.t_text_default (k text PRIMARY KEY);
CREATE TABLE k.t_text_folded (k text COLLATE k.folded PRIMARY KEY); INSERT INTO k.t_text_folded SELECT chr(65 + 32 * (g % 2)) || g FROM generate_series(1, 100) g;
INSERT INTO k.t_text_c SELECT v FROM (SELECT chr(33 + g) || g FROM generate_series(0, 93) g UNION VALUES (''), (' '), ('ä'), ('Ä'), ('null'), ('[1]'), (E'a\nb'), ('a"b'), ('\'), ('😀'), (repeat('w', 2000))) s(v);
INSERT INTO k.t_text_icu TABLE k.t_text_c; INSERT INTO k.t_text_default TABLE k.t_text_c;
CREATE TABLE k.t_varchar (k varchar(20) PRIMARY KEY); INSERT INTO k.t_varchar SELECT 'v' || g || '  ' FROM generate_series(1, 100) g;
CREATE TABLE k.t_char (k char(5) PRIMARY KEY); INSERT INTO k.t_char SELECT g::text FROM generate_series(1, 100) g;
CREATE TABLE k.t_name (k name PRIMARY KEY); INSERT INTO k.t_name SELECT 'N' || g FROM generate_series(1, 100) g;
CREATE TABLE k.t_one_char (k "char" PRIMARY KEY); INSERT INTO k.t_one_char SELECT chr(g)::"char" FROM generate_series(1, 126) g;
CREATE TABLE k.t_bool (k boolean PRIMARY KEY); INSERT INTO k.t_bool VALUES (true), (false);
CREATE TABLE k.t_numeric (k numeric PRIMARY KEY); INSERT INTO k.t_numeric SELECT g / 7.0 FROM generate_series(-50, 50) g;
INSERT INTO k.t_numeric VALUES ('NaN'), ('Infinity'), ('-Infinity'), (1e300), (-1e-300);
CREATE TABLE k.t_float8 (k float8 PRIMARY KEY); INSERT INTO k.t_float8 SELECT g / 7.0 FROM generate_series(-50, 50) g WHERE g <> 0;
INSERT INTO k.t_float8 VALUES ('NaN'), ('Infinity'), ('-Infinity'), ('-0'), (1.7976931348623157e308), (5e-324);
CREATE TABLE k.t_float4 (k float4 PRIMARY KEY); INSERT INTO k.t_float4 SELECT g / 7.0 FROM generate_series(-50, 50) g; INSERT INTO k.t_float4 VALUES ('NaN');
CREATE TABLE k.t_timestamptz (k timestamptz PRIMARY KEY); INSERT INTO k.t_timestamptz SELECT '2020-03-29 00:30 UTC'::timestamptz + g * interval '11 days 1.000001 s' FROM generate_series(1, 100) g;
INSERT INTO k.t_timestamptz VALUES ('infinity'), ('-infinity'), ('0044-03-15 BC');
CREATE TABLE k.t_timestamp (k timestamp PRIMARY KEY); INSERT INTO k.t_timestamp SELECT k AT TIME ZONE 'UTC' FROM k.t_timestamptz;
CREATE TABLE k.t_date (k date PRIMARY KEY); INSERT INTO k.t_date SELECT date '2020-01-01' + g FROM generate_series(1, 100) g; INSERT INTO k.t_date VALUES ('infinity'), ('0044-03-15 BC');
CREATE TABLE k.t_timetz (k timetz PRIMARY KEY); INSERT INTO k.t_timetz SELECT timetz '00:00+02' + g * interval '1 min 0.5 s' FROM generate_series(1, 100) g;
CREATE TABLE k.t_interval (k interval PRIMARY KEY); INSERT INTO k.t_interval SELECT g * interval '1 month -1 day 3 hours' FROM generate_series(-50, 50) g;
CREATE TABLE k.t_bytea (k bytea PRIMARY KEY); INSERT INTO k.t_bytea SELECT sha256(g::text::bytea) FROM generate_series(1, 100) g; INSERT INTO k.t_bytea VALUES ('');
CREATE TABLE k.t_bit (k varbit PRIMARY KEY); INSERT INTO k.t_bit SELECT g::bit(12) FROM generate_series(1, 100) g; INSERT INTO k.t_bit VALUES ('');
CREATE TABLE k.t_inet (k inet PRIMARY KEY); INSERT INTO k.t_inet SELECT '10.0.0.0/8'::inet + g FROM generate_series(1, 100) g; INSERT INTO k.t_inet VALUES ('::1');
CREATE TABLE k.t_money (k money PRIMARY KEY); INSERT INTO k.t_money SELECT (g * 1234.56)::numeric::money FROM generate_series(-50, 50) g;
CREATE TABLE k.t_enum (k k.color PRIMARY KEY); INSERT INTO k.t_enum SELECT unnest(enum_range(NULL::k.color));
CREATE TABLE k.t_domain (k k.positive PRIMARY KEY); INSERT INTO k.t_domain SELECT g FROM generate_series(1, 100) g;
CREATE TABLE k.t_array (k text[] PRIMARY KEY); INSERT INTO k.t_array SELECT ARRAY[g::text, 'x,"y', NULL] FROM generate_series(1, 100) g; INSERT INTO k.t_array VALUES ('{}');
CREATE TABLE k.t_tags (k k.tags PRIMARY KEY); INSERT INTO k.t_tags SELECT k[1:2] FROM k.t_array;
CREATE TABLE k.t_dates (k date[] PRIMARY KEY); INSERT INTO k.t_dates SELECT ARRAY[date '2020-01-01' + g] FROM generate_series(1, 100) g;
CREATE TABLE k.t_pair (k k.pair PRIMARY KEY); INSERT INTO k.t_pair SELECT ROW(g % 10, 'b ' || g)::k.pair FROM generate_series(1, 100) g;
CREATE TABLE k.t_stamped (k k.stamped PRIMARY KEY); INSERT INTO k.t_stamped SELECT ROW(date '2020-01-01' + g, 'b')::k.stamped FROM generate_series(1, 100) g;
CREATE TABLE k.t_range (k int4range PRIMARY KEY); INSERT INTO k.t_range SELECT int4range(g, g + 5) FROM generate_series(1, 100) g; INSERT INTO k.t_range VALUES ('empty'), ('(,)');
CREATE TABLE k.t_daterange (k daterange PRIMARY KEY); INSERT INTO k.t_daterange SELECT daterange(date '2020-01-01' + g, date '2020-02-03' + g) FROM generate_series(1, 100) g;
CREATE TABLE k.t_jsonb (k jsonb PRIMARY KEY); INSERT INTO k.t_jsonb SELECT to_jsonb(g) FROM generate_series(1, 50) g;
INSERT INTO k.t_jsonb SELECT to_jsonb('s' || g) FROM generate_series(1, 50) g; INSERT INTO k.t_jsonb VALUES ('null'), ('true'), ('[1, "2"]'), ('{"a": {"b": null}}'), ('"null"');
CREATE TABLE k.t_doc (k k.doc PRIMARY KEY); INSERT INTO k.t_doc TABLE k.t_jsonb;
CREATE TABLE k.t_doc2 (k k.doc2 PRIMARY KEY); INSERT INTO k.t_doc2 TABLE k.t_jsonb;
CREATE TABLE k.t_tid (k tid PRIMARY KEY); INSERT INTO k.t_tid SELECT format('(%s,%s)', g, 1 + g % 7)::tid FROM generate_series(1, 100) g;
CREATE TABLE k.t_oid (k oid PRIMARY KEY); INSERT INTO k.t_oid SELECT g::oid FROM generate_series(4294967200, 4294967295) g;
-- Composite keys of mixed types, in an order other than the table's, with columns that are in the index only.
CREATE TABLE k.t_mixed (b text, c timestamptz, k int, d numeric, PRIMARY KEY (k, b, c, d));
INSERT INTO k.t_mixed SELECT chr(65 + g % 3), timestamptz '2020-01-01 UTC' + g % 5 * interval '1 day', g % 2, g / 3.0 FROM generate_series(1, 200) g;
CREATE TABLE k.t_include (k int, b text, PRIMARY KEY (k) INCLUDE (b)); INSERT INTO k.t_include SELECT g FROM generate_series(1, 100) g;
CREATE TABLE k.t_desc (k int NOT NULL, b int NOT NULL); CREATE UNIQUE INDEX ON k.t_desc (k DESC, b); INSERT INTO k.t_desc SELECT g % 3, g FROM generate_series(1, 100) g;
CREATE TABLE k.t_desc_one (k int NOT NULL); CREATE UNIQUE INDEX ON k.t_desc_one (k DESC NULLS LAST); INSERT INTO k.t_desc_one SELECT g FROM generate_series(1, 100) g;
-- Names that our own statements use.
CREATE TABLE k.t_names (still int, page int, jsonb_build_array int, key int, k int, n0 int, PRIMARY KEY (jsonb_build_array, page));
INSERT INTO k.t_names SELECT g, -g, 101 - g, g, g FROM generate_series(1, 100) g;
-- What all of them get: a counter, several pages, and rows in an order other than that of the key.
SELECT format('ALTER TABLE %s ADD n int NOT NULL DEFAULT 0, ADD f text DEFAULT repeat(''x'', 500); CREATE TABLE k.spare AS TABLE %1$s; '
              'DELETE FROM %1$s; INSERT INTO %1$s SELECT * FROM k.spare ORDER BY md5(k::text); DROP TABLE k.spare; ANALYZE %1$s', c.oid::regclass)
FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'k'::regnamespace ORDER BY relname
\set ECHO none
\gexec
\set ECHO all
CREATE FUNCTION k.wrong(wanted int) RETURNS TABLE (t regclass, rows bigint, low int, high int) LANGUAGE plpgsql AS $$
BEGIN
    FOR t IN SELECT c.oid FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'k'::regnamespace ORDER BY relname LOOP
        EXECUTE format('SELECT count(*), min(n), max(n) FROM %s', t) INTO rows, low, high;
        IF low <> wanted OR high <> wanted OR rows = 0 THEN RETURN NEXT; END IF;
    END LOOP;
END $$;
CREATE VIEW k.calls AS
SELECT format('CALL migrator.backfill(%L, ''n = n + 1'', ', c.oid::regclass) AS call
FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'k'::regnamespace ORDER BY relname;
SELECT count(*) FROM k.calls;
SELECT call || 'NULL, batch_rows => 7)' FROM k.calls
\set ECHO none
\gexec
\set ECHO all
SELECT * FROM k.wrong(1);
SELECT call || '''n = 1'', walk => ''key'', batch_rows => 7)' FROM k.calls
\set ECHO none
\gexec
\set ECHO all
SELECT * FROM k.wrong(2);
SELECT call || '''n = 2'', walk => ''physical'', batch_rows => 7)' FROM k.calls
\set ECHO none
\gexec
\set ECHO all
SELECT * FROM k.wrong(3);
SELECT call || '''n = 3'', walk => ''physical'', stripes => 3)' FROM k.calls
\set ECHO none
\gexec
\set ECHO all
SELECT * FROM k.wrong(4);
SELECT DISTINCT state, walk FROM migrator.backfills ORDER BY 1, 2;
-- Settings that change how values are written do not matter.
SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'sql_standard'; SET TimeZone = 'America/St_Johns'; SET bytea_output = 'escape';
SELECT call || 'NULL, batch_rows => 9)' FROM k.calls
\set ECHO none
\gexec
\set ECHO all
SELECT * FROM k.wrong(5);
RESET DateStyle; RESET IntervalStyle; RESET TimeZone; RESET bytea_output;
-- Stripes along the key, by a hash of it; a type without one says so.
SELECT call || 'NULL, stripes => 3)' FROM k.calls
\set ECHO none
\gexec
\set ECHO all
SELECT * FROM k.wrong(6);
