SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- Few rows, but much beside them: what a rewrite copies counts.
SET migrator.large_table_size = '1MB';
CREATE TABLE toasted (id int, body text);
ALTER TABLE toasted ALTER body SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT g, repeat('x', 20000) FROM generate_series(1, 100) g;
ANALYZE toasted;
SELECT pg_relation_size('toasted') AS heap;
ALTER TABLE toasted ALTER id TYPE bigint;
SELECT rule, detail FROM migrator.lint('VACUUM FULL toasted; ALTER TABLE toasted ALTER id SET NOT NULL');
-- Without any of it.
SET migrator.guard = 'off';
TRUNCATE toasted;
RESET migrator.guard;
INSERT INTO toasted SELECT g, 'x' FROM generate_series(1, 100) g;
ANALYZE toasted;
ALTER TABLE toasted ALTER id TYPE bigint;
SET migrator.guard = 'off';
DROP TABLE toasted;
