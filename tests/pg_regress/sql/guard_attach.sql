SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- ATTACH PARTITION: refused exactly when Postgres would read or build under a lock what is large.
SET migrator.large_table_rows = 500;
CREATE SCHEMA "Sales"; SET search_path = "Sales", public;
CREATE TABLE clients (id int PRIMARY KEY); INSERT INTO clients SELECT generate_series(1, 2000);
CREATE TABLE orders (at date NOT NULL, "Client id" int) PARTITION BY RANGE (at);
CREATE TABLE orders_26 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE "Orders 27" ("Client id" int, at date NOT NULL);
INSERT INTO "Orders 27" SELECT g, date '2027-01-01' + g % 365 FROM generate_series(1, 1000) g;
ANALYZE "Orders 27";
ALTER TABLE orders ATTACH PARTITION "Orders 27" FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
-- What proves it may be more than is asked for; NOT NULL counts; NOT VALID does not.
BEGIN;
SET LOCAL migrator.guard = off;
ALTER TABLE "Orders 27" ADD CHECK (at BETWEEN '2027-01-01' AND '2027-12-31');
SET LOCAL migrator.guard = enforce;
ALTER TABLE orders ATTACH PARTITION "Orders 27" FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
ROLLBACK;
ALTER TABLE "Orders 27" ADD CONSTRAINT later CHECK (at BETWEEN '2027-01-01' AND '2027-12-31') NOT VALID;
\set VERBOSITY terse
ALTER TABLE orders ATTACH PARTITION "Orders 27" FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
\set VERBOSITY default
ALTER TABLE "Orders 27" DROP CONSTRAINT later;
-- Everything it lacks at once: the hint does all of it before, and works when typed.
SET migrator.guard = off;
CREATE TABLE orders_other PARTITION OF orders DEFAULT;
INSERT INTO orders SELECT date '2030-01-01', g FROM generate_series(1, 1000) g;
ANALYZE orders_other;
CREATE INDEX orders_client ON orders ("Client id" DESC) WHERE at > '2000-01-01';
ALTER TABLE orders ADD UNIQUE (at, "Client id"), ADD FOREIGN KEY ("Client id") REFERENCES clients;
RESET migrator.guard;
ALTER TABLE orders ATTACH PARTITION "Orders 27" FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
ALTER TABLE "Sales"."Orders 27" ADD CONSTRAINT "Orders 27_partition_check" CHECK ((at IS NOT NULL) AND (at >= '2027-01-01'::date) AND (at < '2028-01-01'::date)) NOT VALID;
ALTER TABLE "Sales"."Orders 27" VALIDATE CONSTRAINT "Orders 27_partition_check";
\set VERBOSITY terse
-- One reason after the other.
ALTER TABLE orders ATTACH PARTITION "Orders 27" FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
ALTER TABLE "Sales".orders_other ADD CONSTRAINT orders_other_default_check CHECK ((at IS NULL) OR (at < '2027-01-01'::date) OR (at >= '2028-01-01'::date)) NOT VALID;
ALTER TABLE "Sales".orders_other VALIDATE CONSTRAINT orders_other_default_check;
ALTER TABLE orders ATTACH PARTITION "Orders 27" FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
CREATE INDEX CONCURRENTLY "Orders 27_Client id_idx" ON "Sales"."Orders 27" USING btree ("Client id" DESC) WHERE at > '2000-01-01'::date;
CREATE UNIQUE INDEX CONCURRENTLY "Orders 27_at_Client id_key" ON "Sales"."Orders 27" USING btree (at, "Client id");
ALTER TABLE "Sales"."Orders 27" ADD CONSTRAINT "Orders 27_at_Client id_key" UNIQUE USING INDEX "Orders 27_at_Client id_key";
ALTER TABLE orders ATTACH PARTITION "Orders 27" FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
ALTER TABLE "Sales"."Orders 27" ADD CONSTRAINT "orders_Client id_fkey" FOREIGN KEY ("Client id") REFERENCES clients(id) NOT VALID;
ALTER TABLE "Sales"."Orders 27" VALIDATE CONSTRAINT "orders_Client id_fkey";
ALTER TABLE orders ATTACH PARTITION "Orders 27" FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
\set VERBOSITY default
-- Small ones are nobody's trouble; neither is what Postgres refuses itself.
CREATE TABLE small (at date NOT NULL, "Client id" int); INSERT INTO small VALUES ('2028-01-01', 1);
SET migrator.guard = off;
ALTER TABLE orders_other ADD CHECK (at >= '2030-01-01');
RESET migrator.guard;
ALTER TABLE orders ATTACH PARTITION small FOR VALUES FROM ('2027-05-01') TO ('2029-01-01');
ALTER TABLE orders ATTACH PARTITION small FOR VALUES FROM ('2028-01-01') TO ('2029-01-01');
ALTER TABLE orders ATTACH PARTITION clients FOR VALUES FROM ('2029-01-01') TO ('2030-01-01');
-- An old table below a new parent; a bound that a function of the user's makes; a key for which there is no proof.
CREATE FUNCTION bound() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE WARNING 'it runs'; RETURN 1; END$$;
BEGIN;
CREATE TABLE clients_all (id int) PARTITION BY RANGE (id);
ALTER TABLE clients_all ATTACH PARTITION clients FOR VALUES FROM (bound()) TO (5000);
ROLLBACK;
CREATE TABLE names (name text) PARTITION BY HASH (name);
CREATE TABLE names_0 (name text); INSERT INTO names_0 SELECT 'x' FROM generate_series(1, 1000); ANALYZE names_0;
ALTER TABLE names ATTACH PARTITION names_0 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SET client_min_messages = warning; SET migrator.guard = off; DROP SCHEMA "Sales" CASCADE;
