SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- Keys of every kind of type: each row is changed exactly once by each walk, with and without a where_clause.
SET client_min_messages = warning; SET migrator.guard = 'off';
CREATE FUNCTION pg_temp.exact(t regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    EXECUTE format($q$SELECT string_agg(c || ' rows with n = ' || n, ', ' ORDER BY n) FROM (SELECT n, count(*) AS c FROM %s GROUP BY n) s$q$, t) INTO found;
    RETURN found;
END $$;
\set walks 'CALL migrator.backfill(:''t'', ''n = n + 1'', NULL, 7, walk => ''key''); CALL migrator.backfill(:''t'', ''n = n + 1'', ''n = 1'', 7, walk => ''key''); CALL migrator.backfill(:''t'', ''n = n + 1'', ''n = 2'', 7, walk => ''physical''); SELECT pg_temp.exact(:''t'');'
-- Several columns of mixed types and orders; a cursor in a DateStyle that swaps day and month.
CREATE TABLE bk_mixed (a text COLLATE "C", b timestamptz, c uuid, d boolean, e int, n int DEFAULT 0, PRIMARY KEY (a, b, c, d, e));
INSERT INTO bk_mixed SELECT 'K' || g % 3, timestamptz '2020-01-01 UTC' + g % 40 * interval '1 day 1.000001 s', md5((g % 5)::text)::uuid, g % 2 = 0, g FROM generate_series(1, 200) g;
SET DateStyle = 'SQL, DMY'; SET TimeZone = 'America/New_York';
\set t bk_mixed
:walks
-- Moments that are written in an odd way: infinite, before Christ, in the hour that a clock shows twice.
CREATE TABLE bk_time (k timestamptz PRIMARY KEY, n int DEFAULT 0);
INSERT INTO bk_time SELECT timestamptz '2020-11-01 05:00 UTC' + g * interval '1 minute' FROM generate_series(0, 150) g;
INSERT INTO bk_time VALUES ('infinity'), ('-infinity'), ('0044-03-15 12:00 BC'), ('10000-01-01');
\set t bk_time
:walks
RESET DateStyle; RESET TimeZone;
CREATE TABLE bk_interval (k interval PRIMARY KEY, n int DEFAULT 0);
INSERT INTO bk_interval SELECT g * interval '1 month -3 days 04:05:06.7' FROM generate_series(-40, 40) g;
SET IntervalStyle = 'sql_standard';
\set t bk_interval
:walks
RESET IntervalStyle;
CREATE TABLE bk_uuid (k uuid PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_uuid SELECT md5(g::text)::uuid FROM generate_series(1, 200) g;
\set t bk_uuid
:walks
-- Text in the order of several collations; in one of them letters of both cases are the same.
SELECT count(*) > 0 AS icu FROM pg_collation WHERE collprovider = 'i' \gset
\if :icu
CREATE COLLATION bk_ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
\else
CREATE COLLATION bk_ignore_case FROM "C";
\endif
CREATE TABLE bk_text (k text PRIMARY KEY, n int DEFAULT 0);
INSERT INTO bk_text SELECT chr(32 + g % 95) || g || 'äß"\''%$1' FROM generate_series(1, 200) g UNION VALUES (''), (' '), ('null');
CREATE TABLE bk_text_c (k text COLLATE "C" PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_text_c TABLE bk_text;
CREATE TABLE bk_text_ci (k text COLLATE bk_ignore_case PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_text_ci SELECT CASE WHEN g % 2 = 0 THEN 'Key' ELSE 'kEY' END || g FROM generate_series(1, 200) g;
CREATE TABLE bk_char (k char(8) PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_char SELECT 'k' || g FROM generate_series(1, 200) g;
CREATE TABLE bk_name (k name PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_name SELECT 'k' || g FROM generate_series(1, 200) g;
CREATE TABLE bk_onechar (k "char" PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_onechar SELECT chr(g)::"char" FROM generate_series(1, 127) g;
\set t bk_text
:walks
\set t bk_text_c
:walks
\set t bk_text_ci
:walks
\set t bk_char
:walks
\set t bk_name
:walks
\set t bk_onechar
:walks
-- Numbers with what is no number.
CREATE TABLE bk_numeric (k numeric PRIMARY KEY, n int DEFAULT 0);
INSERT INTO bk_numeric SELECT g / 7.0 FROM generate_series(-50, 50) g UNION ALL VALUES ('NaN'::numeric), ('Infinity'), ('-Infinity'), (1e300), (1e-300);
CREATE TABLE bk_float (k float8 PRIMARY KEY, n int DEFAULT 0);
INSERT INTO bk_float SELECT g / 7.0 FROM generate_series(-50, 50) g UNION ALL VALUES ('NaN'::float8), ('Infinity'), ('-Infinity'), (1e300), (5e-324);
CREATE TABLE bk_real (k real PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_real SELECT g / 7.0 FROM generate_series(-50, 50) g;
CREATE TABLE bk_smallint (k smallint PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_smallint SELECT g FROM generate_series(-32768, 32767, 400) g;
CREATE TABLE bk_bigint (k bigint PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_bigint VALUES (-9223372036854775808), (9007199254740993), (9007199254740992), (9223372036854775807);
\set t bk_numeric
:walks
\set t bk_float
:walks
\set t bk_real
:walks
\set t bk_smallint
:walks
\set t bk_bigint
:walks
-- A float that would not be written whole.
SET extra_float_digits = 0;
CALL migrator.backfill('bk_float', 'n = n + 1');
SET extra_float_digits = 1;
CALL migrator.backfill('bk_float', 'n = n + 1');
SELECT pg_temp.exact('bk_float');
-- Types of one's own, and domains: one over another, one that rows which are there already do not fulfil, one in another collation than its column.
CREATE TYPE bk_color AS ENUM ('red', 'green', 'blue'); ALTER TYPE bk_color ADD VALUE 'amber' BEFORE 'red';
CREATE DOMAIN bk_small AS int; CREATE DOMAIN bk_smaller AS bk_small; CREATE DOMAIN bk_tag AS text COLLATE "C";
CREATE TYPE bk_pair AS (a int, b text);
CREATE TABLE bk_enum (k bk_color PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_enum VALUES ('red'), ('green'), ('blue'), ('amber');
CREATE TABLE bk_domain (k bk_smaller, l bk_tag COLLATE "POSIX", n int DEFAULT 0, PRIMARY KEY (k, l)); INSERT INTO bk_domain SELECT g % 20, g FROM generate_series(1, 200) g;
ALTER DOMAIN bk_small ADD CHECK (VALUE > 10) NOT VALID;
CREATE TABLE bk_array (k text[] PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_array SELECT ARRAY['a,"' || g % 7, NULL, g::text] FROM generate_series(1, 200) g UNION ALL VALUES ('{}'::text[]);
CREATE TABLE bk_composite (k bk_pair PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_composite SELECT ROW(g % 7, '(",\)' || g)::bk_pair FROM generate_series(1, 200) g UNION ALL SELECT ROW(NULL, '')::bk_pair;
CREATE TABLE bk_jsonb (k jsonb PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_jsonb SELECT jsonb_build_object('a"', g, 'b', ARRAY[g % 3]) FROM generate_series(1, 200) g UNION ALL VALUES ('null'::jsonb), ('1'), ('"x"'), ('[]');
CREATE TABLE bk_range (k int4range PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_range SELECT int4range(g, g + 3) FROM generate_series(1, 200) g UNION ALL VALUES ('empty'::int4range), ('(,)');
CREATE TABLE bk_bytea (k bytea PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_bytea SELECT sha256(g::text::bytea) FROM generate_series(1, 200) g UNION ALL VALUES (''::bytea);
CREATE TABLE bk_bit (k bit varying(16) PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_bit SELECT g::bit(16) FROM generate_series(1, 200) g UNION ALL VALUES (B'1');
CREATE TABLE bk_inet (k inet PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_inet SELECT '10.0.0.0/8'::inet + g FROM generate_series(1, 200) g UNION ALL VALUES ('::1'::inet);
CREATE TABLE bk_boolean (k boolean PRIMARY KEY, n int DEFAULT 0); INSERT INTO bk_boolean VALUES (true), (false);
\set t bk_enum
:walks
\set t bk_domain
:walks
\set t bk_array
:walks
\set t bk_composite
:walks
\set t bk_jsonb
:walks
\set t bk_range
:walks
\set t bk_bytea
:walks
\set t bk_bit
:walks
\set t bk_inet
:walks
\set t bk_boolean
:walks
-- Nothing went wrong on the way.
SELECT state, count(*) FROM migrator.backfills GROUP BY 1; SELECT count(*) FROM migrator.backfill_errors;
DROP TABLE bk_mixed, bk_time, bk_interval, bk_uuid, bk_text, bk_text_c, bk_text_ci, bk_char, bk_name, bk_onechar, bk_numeric, bk_float, bk_real, bk_smallint, bk_bigint, bk_enum,
    bk_domain, bk_array, bk_composite, bk_jsonb, bk_range, bk_bytea, bk_bit, bk_inet, bk_boolean;
DROP TYPE bk_color, bk_pair; DROP DOMAIN bk_smaller, bk_small, bk_tag; DROP COLLATION bk_ignore_case;
