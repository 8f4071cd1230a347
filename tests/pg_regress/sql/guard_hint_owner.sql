SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- Who types a hint is not always the owner: what the hint makes is the owner's, and others keep their rights.
SET migrator.large_table_rows = 1000;
CREATE ROLE regress_deploy;
CREATE ROLE regress_writer;
CREATE ROLE "regress Member";
GRANT regress_deploy TO "regress Member";
CREATE SCHEMA hown AUTHORIZATION regress_deploy;
SET ROLE regress_deploy;
CREATE TABLE hown.items (a int, code varchar(10));
INSERT INTO hown.items SELECT g, g FROM generate_series(1, 2000) g;
ANALYZE hown.items;
CREATE VIEW hown.codes AS SELECT code FROM hown.items;
GRANT SELECT ON hown.codes TO regress_writer;
GRANT INSERT (a), SELECT ON hown.items TO regress_writer;
-- The owner.
ALTER TABLE hown.items ADD COLUMN id bigserial;
ALTER TABLE hown.items ALTER COLUMN code TYPE varchar(20);
ALTER TABLE hown.items RENAME TO things;
RESET ROLE;
-- A superuser.
ALTER TABLE hown.items ADD COLUMN id bigserial;
ALTER TABLE hown.items ALTER COLUMN code TYPE varchar(20);
ALTER TABLE hown.items RENAME TO things;
ALTER SCHEMA hown RENAME TO hown2;
-- A member who cannot give away what it makes, because the owner may make nothing in the schema.
REVOKE CREATE ON SCHEMA hown FROM regress_deploy;
ALTER SCHEMA hown OWNER TO "regress Member";
SET ROLE "regress Member";
ALTER TABLE hown.items ALTER COLUMN code TYPE varchar(20);
RESET ROLE;
SET migrator.guard = 'off';
DROP SCHEMA hown CASCADE;
DROP ROLE regress_deploy, regress_writer, "regress Member";
