SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- SET TABLESPACE: a copy under ACCESS EXCLUSIVE. An index can be built in the other one instead.
SET migrator.large_table_rows = 500;
SET allow_in_place_tablespaces = on; CREATE TABLESPACE "Regress Else" LOCATION '';
CREATE ROLE regress_space;
CREATE TABLE spaced (id int PRIMARY KEY, r int4range, CONSTRAINT apart EXCLUDE USING gist (r WITH &&));
INSERT INTO spaced SELECT g, int4range(g, g + 1) FROM generate_series(1, 1000) g; ANALYZE spaced;
ALTER TABLE spaced SET TABLESPACE "Regress Else";
ALTER INDEX spaced_pkey SET TABLESPACE "Regress Else";
ALTER TABLE spaced_pkey SET (fillfactor = 70), SET TABLESPACE "Regress Else";
ALTER INDEX apart SET TABLESPACE "Regress Else";
SET migrator.guard = off; ALTER TABLE spaced OWNER TO regress_space; RESET migrator.guard;
ALTER TABLE ALL IN TABLESPACE pg_default OWNED BY regress_space SET TABLESPACE "Regress Else";
ALTER INDEX ALL IN TABLESPACE pg_default OWNED BY regress_space SET TABLESPACE "Regress Else";
SET migrator.guard = off; ALTER TABLE spaced DROP CONSTRAINT apart; CREATE INDEX spaced_r ON spaced USING gist (r); RESET migrator.guard;
ALTER INDEX ALL IN TABLESPACE pg_default OWNED BY regress_space SET TABLESPACE "Regress Else";
-- It is there already; Postgres says no by itself.
ALTER TABLE spaced SET TABLESPACE pg_default;
ALTER INDEX spaced_pkey SET TABLESPACE pg_default;
ALTER TABLE ALL IN TABLESPACE "Regress Else" SET TABLESPACE pg_default;
ALTER TABLE spaced SET TABLESPACE pg_global;
ALTER TABLE spaced SET TABLESPACE pg_default, SET TABLESPACE "Regress Else";
-- SET UNLOGGED: refused, unless Postgres does so itself.
ALTER TABLE spaced SET UNLOGGED;
CREATE TABLE spaced_ref (id int REFERENCES spaced);
ALTER TABLE spaced SET UNLOGGED;
SET client_min_messages = error; SET migrator.guard = off; DROP TABLE spaced, spaced_ref; DROP TABLESPACE "Regress Else"; DROP ROLE regress_space;
