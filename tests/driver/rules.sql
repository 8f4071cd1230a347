CREATE TABLE plans (id int PRIMARY KEY, name text);
CREATE TABLE users (id bigint PRIMARY KEY, email text, age int, plan_id int, note varchar(100), created_at timestamp);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users, amount numeric(10, 2));
CREATE TABLE events (id bigint, at date NOT NULL, kind text) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW active_users AS SELECT id, email FROM users;
CREATE MATERIALIZED VIEW user_counts AS SELECT plan_id, count(*) AS n FROM users GROUP BY plan_id;
CREATE DOMAIN positive AS int;
CREATE TYPE mood AS ENUM ('sad', 'ok');
-- Each of the tables users, orders, events_2025 and events_2026 holds 5000 rows, plans 3.
