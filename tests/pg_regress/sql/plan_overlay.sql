SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- What a migration makes is known to the later ones; its locks and settings end with it.
SET migrator.large_table_rows = 1000;
CREATE SCHEMA po;
CREATE TABLE po.users (id int PRIMARY KEY, n int);
CREATE TABLE po.orders (id int PRIMARY KEY, user_id int REFERENCES po.users);
INSERT INTO po.users SELECT g, g FROM generate_series(1, 5000) g;
INSERT INTO po.orders SELECT g, g FROM generate_series(1, 5000) g;
ANALYZE;
SET client_min_messages = error;
SELECT migrator.register('1', $$
    SET LOCAL search_path = po;
    CREATE TABLE notes (id int PRIMARY KEY, user_id int REFERENCES users);
    CREATE INDEX ON notes (user_id);
    INSERT INTO notes SELECT id, id FROM users;
    ALTER TABLE users ADD COLUMN note int;
    ALTER TABLE users ADD CONSTRAINT n_check CHECK (n > 0) NOT VALID
$$, irreversible => 'test', mixed => true);
SELECT migrator.register('2', $$
    ALTER TABLE users ADD COLUMN unknown int;
    ALTER TABLE po.users VALIDATE CONSTRAINT n_check;
    ALTER TABLE po.users ALTER COLUMN note SET DEFAULT 1;
    ALTER TABLE po.users RENAME TO people
$$, irreversible => 'test', mixed => true);
SELECT migrator.register('3', $$
    SET search_path = po;
    CREATE INDEX CONCURRENTLY ON notes (user_id);
    CREATE INDEX CONCURRENTLY people_n ON people (note);
    DROP INDEX CONCURRENTLY people_n;
    VACUUM people;
    ALTER TABLE notes ADD FOREIGN KEY (id) REFERENCES orders;
    ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey;
    DROP TABLE orders;
    TRUNCATE people;
    CREATE INDEX ON people (n);
    DROP TABLE IF EXISTS nothing
$$, irreversible => 'test', mixed => true);
RESET client_min_messages;
SELECT version, statement AS n, kind, lock, objects, rows FROM migrator.plan();
SELECT version, statement AS n, work, verdict, rules FROM migrator.plan();
SELECT version, statement, message FROM migrator.plan() WHERE message LIKE '%yet%';
-- Once something has run that may have made it, nobody can know.
SELECT migrator.register('15', 'SELECT po.make_it(); ALTER TABLE unheard_of ADD a int', irreversible => 'test', mixed => true);
SELECT version, statement, lock, objects, work, verdict, message FROM migrator.plan() WHERE version = '15';
-- The session is as it was.
SHOW search_path;
-- What runs as planned.
SELECT migrator.register('0', 'SELECT 1', irreversible => 'test', mixed => true);
SELECT regexp_replace(migrator.apply('0'), ' \(.*', '') AS applied;
SELECT min(version) FROM migrator.plan();
SET migrator.guard = 'off';
SET client_min_messages = warning;
DROP SCHEMA po CASCADE;
