SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- What may stand in the clauses.
SET client_min_messages = warning; SET migrator.guard = 'off';
CREATE FUNCTION pg_temp.exact(t regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    EXECUTE format($q$SELECT string_agg(c || ' rows with n = ' || n, ', ' ORDER BY n) FROM (SELECT n, count(*) AS c FROM %s GROUP BY n) s$q$, t) INTO found;
    RETURN found;
END $$;
CREATE TABLE bc (id int PRIMARY KEY, a int, b int, c jsonb DEFAULT '{}', d int[] DEFAULT '{1,2}', n int DEFAULT 0); INSERT INTO bc SELECT generate_series(1, 300);
-- Comments, also at the end; several columns at once; parts of values; DEFAULT.
CALL migrator.backfill('bc', 'n = n + 1, a = id * 2, (b, d[1]) = (SELECT id, 7) -- both', 'a IS NULL -- not yet');
CALL migrator.backfill('bc', '/* all */ n = n + 1, d[2] /* only */ = NULL /* of */', E'b /* \n */ = id -- so\n AND d[2] IS NOT NULL');
CALL migrator.backfill('bc', 'n = n + 1, c = jsonb_set(c, ''{x}'', to_jsonb($q$y'';--$q$::text))', 'NOT c ? ''x''');
SELECT pg_temp.exact('bc'), count(*) FROM bc WHERE a = id * 2 AND b = id AND d[1] = 7 AND c = '{"x": "y'';--"}';
-- A condition that holds OR and NULL.
CALL migrator.backfill('bc', 'n = n + 1, b = NULL', 'b > 0 OR NULL');
SELECT pg_temp.exact('bc'), count(b) FROM bc;
-- The target by its own name, also where a leaf of another name is meant.
CREATE TABLE bc_part (id int PRIMARY KEY, a int, n int DEFAULT 0) PARTITION BY RANGE (id); CREATE TABLE bc_leaf PARTITION OF bc_part DEFAULT; INSERT INTO bc_part SELECT generate_series(1, 300);
CALL migrator.backfill('bc_part', 'a = bc_part.id, n = bc_part.n + 1', 'bc_part.a IS NULL');
CALL migrator.backfill('bc_part', 'a = bc_leaf.id', 'bc_leaf.a IS NULL');
SELECT pg_temp.exact('bc_part'), count(a) FROM bc_part;
-- Other tables and the same one in subqueries. The statement that changes a row does not see the change there: the condition still holding is no mistake then.
CALL migrator.backfill('bc', 'n = n + 1, b = 1', 'NOT EXISTS (SELECT FROM bc x WHERE x.id = bc.id AND x.b = 1)', 7);
CALL migrator.backfill('bc', 'n = n + 1, b = 2', 'id IN (SELECT id FROM bc WHERE b = 1)', walk => 'key');
CALL migrator.backfill('bc', 'n = n + (SELECT count(*) FROM bc_part p WHERE p.id = bc.id), b = 3', 'b < (SELECT max(b) + 1 FROM bc WHERE b < 3)');
SELECT pg_temp.exact('bc'), sum(b) FROM bc;
-- The same with a condition that really still holds.
CALL migrator.backfill('bc', 'n = n + 1', 'id IN (SELECT id FROM bc WHERE b = 3)', error_ratio => 1);
SELECT count(*), min("row"), max(message) FROM migrator.backfill_errors;
SELECT pg_temp.exact('bc');
-- Volatile functions, sequences, the transaction's time.
CREATE SEQUENCE bc_numbers;
CALL migrator.backfill('bc', 'b = nextval(''bc_numbers'')', 'b = 3 AND random() >= 0');
SELECT count(DISTINCT b), max(b) FROM bc WHERE b <> 3;
-- Refused by Postgres's word.
CALL migrator.backfill('bc', 'a = count(*)');
CALL migrator.backfill('bc', 'a = 1', 'count(*) > 1');
CALL migrator.backfill('bc', 'a = 1, a = 2');
CALL migrator.backfill('bc', 'a = $1');
CALL migrator.backfill('bc', 'a = 1', 'id = $1');
CALL migrator.backfill('bc', 'a = 1 /*');
CALL migrator.backfill('bc', 'a = 1', 'true --' || E'\n' || ') OR (true');
CALL migrator.backfill('bc', 'bc.a = 1');
CALL migrator.backfill('bc', 'a = 1', 'id');
-- A table whose updates are rewritten.
CREATE RULE bc_rule AS ON UPDATE TO bc DO ALSO SELECT 1;
CALL migrator.backfill('bc', 'a = 1', 'a = 2');
SELECT id, state, error FROM migrator.backfills WHERE state <> 'done';
DROP TABLE bc, bc_part; DROP SEQUENCE bc_numbers;
