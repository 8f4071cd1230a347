SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
RESET client_min_messages;
-- DETACH PARTITION: no work, but a lock on all of the table.
SET migrator.large_table_rows = 500;
CREATE TABLE det (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE det_1 PARTITION OF det FOR VALUES FROM (0) TO (1000);
CREATE TABLE det_2 PARTITION OF det FOR VALUES FROM (1000) TO (2000);
CREATE TABLE det_3 PARTITION OF det FOR VALUES FROM (2000) TO (3000);
INSERT INTO det SELECT generate_series(0, 1999); ANALYZE det_1, det_2;
BEGIN;
ALTER TABLE det DETACH PARTITION det_1;
ROLLBACK;
ALTER TABLE public.det DETACH PARTITION public.det_1 CONCURRENTLY;
-- What was interrupted shows in whatever is done to the table next.
SET migrator.guard = off;
UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'det_2'::regclass;
RESET migrator.guard;
ALTER TABLE det ADD COLUMN a int;
ALTER TABLE public.det DETACH PARTITION public.det_2 FINALIZE;
ALTER TABLE det ADD COLUMN b int;
-- Dropped with the table, nothing of it is left.
CREATE TABLE det_gone (id int) PARTITION BY RANGE (id);
CREATE TABLE det_gone_1 PARTITION OF det_gone FOR VALUES FROM (0) TO (1000);
SET migrator.guard = off;
UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'det_gone_1'::regclass;
RESET migrator.guard;
DROP TABLE det_gone;
SELECT to_regclass('det_gone_1');
-- Rows of others may point to the partition.
CREATE TABLE det_ref (id int REFERENCES det); INSERT INTO det_ref SELECT NULL FROM generate_series(1, 1000); ANALYZE det_ref;
ALTER TABLE det DETACH PARTITION det_3;
SET migrator.allow = 'truncate';
TRUNCATE det_ref;
RESET migrator.allow;
ALTER TABLE det DETACH PARTITION det_3;
-- With a DEFAULT partition there is no other way.
SET migrator.guard = off;
CREATE TABLE det_other PARTITION OF det DEFAULT; INSERT INTO det SELECT generate_series(5000, 6000);
RESET migrator.guard;
ANALYZE det_other;
CREATE TABLE det_4 PARTITION OF det FOR VALUES FROM (10000) TO (20000);
SET migrator.guard = off;
CREATE TABLE det_4 PARTITION OF det FOR VALUES FROM (10000) TO (20000);
RESET migrator.guard;
ALTER TABLE det DETACH PARTITION det_4;
SET client_min_messages = warning; SET migrator.guard = off; DROP TABLE det, det_1, det_2, det_3, det_4, det_ref;
