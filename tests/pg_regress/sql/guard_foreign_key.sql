SET client_min_messages = warning;
DROP EXTENSION IF EXISTS migrator CASCADE;
CREATE EXTENSION migrator;
-- The lock on the table that a new foreign key references, whatever the statement takes on its own.
SET migrator.large_table_rows = 1000;
CREATE TABLE customers (id int PRIMARY KEY);
CREATE TABLE bookings (id int, customer int);
INSERT INTO bookings SELECT g FROM generate_series(1, 2000) g;
ANALYZE bookings;
ALTER TABLE bookings ADD FOREIGN KEY (customer) REFERENCES customers;
ALTER TABLE bookings ADD COLUMN c int, ADD FOREIGN KEY (c) REFERENCES customers;
SET migrator.guard = off;
DROP TABLE bookings, customers;
