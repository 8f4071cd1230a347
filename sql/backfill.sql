-- Backfills: functions and what people read.

CREATE PROCEDURE migrator.backfill(
    target regclass, set_clause text, where_clause text DEFAULT NULL, batch_rows integer DEFAULT NULL,
    target_ms integer DEFAULT 100, workers integer DEFAULT 1, walk text DEFAULT 'auto', stripes integer DEFAULT NULL,
    error_ratio double precision DEFAULT 0.01, limits jsonb DEFAULT NULL
)
LANGUAGE c AS 'MODULE_PATHNAME', 'migrator_backfill';
COMMENT ON PROCEDURE migrator.backfill(regclass, text, text, integer, integer, integer, text, integer, double precision, jsonb) IS
'Changes every row that matches, in committed batches, and returns when a
check has found none left; called again it goes on where it was';

CREATE FUNCTION migrator.start_backfill(
    target regclass, set_clause text, where_clause text DEFAULT NULL, batch_rows integer DEFAULT NULL,
    target_ms integer DEFAULT 100, workers integer DEFAULT 1, walk text DEFAULT 'auto', stripes integer DEFAULT NULL,
    error_ratio double precision DEFAULT 0.01, limits jsonb DEFAULT NULL
) RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_start_backfill';
COMMENT ON FUNCTION migrator.start_backfill(regclass, text, text, integer, integer, integer, text, integer, double precision, jsonb) IS
'The same in a background worker that begins when this transaction
commits; returns the id for migrator.backfills';

CREATE FUNCTION migrator.plan_backfill(
    target regclass, set_clause text, where_clause text DEFAULT NULL, batch_rows integer DEFAULT NULL,
    target_ms integer DEFAULT 100, workers integer DEFAULT 1, walk text DEFAULT 'auto', stripes integer DEFAULT NULL,
    error_ratio double precision DEFAULT 0.01, limits jsonb DEFAULT NULL
) RETURNS TABLE (subject text, finding text, advice text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_plan_backfill';
COMMENT ON FUNCTION migrator.plan_backfill(regclass, text, text, integer, integer, integer, text, integer, double precision, jsonb) IS
'What migrator.backfill would do with the same arguments, and what to know
before it begins: one row for each thing, in a fixed order. It refuses
what the backfill would refuse.
subject    target, walk, stripes, batches, locks, workers, rows, WAL; then
           what applies: an unfinished run that goes on, triggers, foreign
           keys, generated columns, row security, publications, settings,
           old snapshots; limits last
finding    what will be. "About" stands before what statistics say
advice     null, or a sentence, and statements on the lines below it
Nothing is changed and no lock is kept. The clauses are planned, not run;
pause_if and stop_if are asked once';

CREATE FUNCTION migrator.pause_backfill(id integer) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_pause_backfill';
COMMENT ON FUNCTION migrator.pause_backfill(integer) IS
'Holds a backfill after the batch it is in, until
migrator.resume_backfill. It keeps no lock on the table and no snapshot
meanwhile';

CREATE FUNCTION migrator.resume_backfill(id integer) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_resume_backfill';
COMMENT ON FUNCTION migrator.resume_backfill(integer) IS
'Lets a paused backfill go on; one whose session has ended goes on in the
background, if it is the caller''s';

CREATE FUNCTION migrator.cancel_backfill(id integer) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_cancel_backfill';
COMMENT ON FUNCTION migrator.cancel_backfill(integer) IS
'Ends a backfill after the batch it is in. What is committed stays; the
same call would go on where it was';

CREATE FUNCTION migrator.alter_backfill(
    id integer, target_ms integer DEFAULT NULL, workers integer DEFAULT NULL, batch_rows integer DEFAULT NULL,
    error_ratio double precision DEFAULT NULL, limits jsonb DEFAULT NULL
) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'migrator_alter_backfill';
COMMENT ON FUNCTION migrator.alter_backfill(integer, integer, integer, integer, double precision, jsonb) IS
'Changes settings of a backfill, from its next batch on. What is left out
stays; limits are merged by key';

-- 0 to stripes - 1: to which stripe of its page a row belongs. Backfills use it in their conditions.
CREATE FUNCTION migrator.stripe(row_id tid, stripes integer) RETURNS integer
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 1 AS 'MODULE_PATHNAME', 'migrator_stripe';
COMMENT ON FUNCTION migrator.stripe(tid, integer) IS
'The stripe of a row, by its place in its page; a backfill that changes
one stripe at a time leaves room for HOT updates';

CREATE VIEW migrator.backfills AS
SELECT b.id,
       b.target,
       CASE WHEN pg_is_in_recovery() OR b.state NOT IN ('running', 'scheduled') THEN b.state
            WHEN b.state = 'scheduled' AND l.pid IS NULL THEN 'scheduled'
            WHEN l.pid IS NULL THEN 'interrupted'
            WHEN c.wish = 'pause' THEN 'paused'
            ELSE 'running' END AS state,
       r.rows_done + b.rows_swept AS rows_done,
       CASE WHEN b.state = 'done' THEN 100.0
            WHEN b.rows_estimate > 0
            THEN least(round((100.0 * r.rows_visited / b.rows_estimate)::numeric, 1), 99.9) END AS percent,
       CASE WHEN b.seconds > 0 THEN (r.rows_visited / b.seconds)::bigint END AS rows_per_second,
       CASE WHEN b.state = 'running' AND l.pid IS NOT NULL AND r.rows_visited > 0 AND b.seconds > 0
                 AND b.rows_estimate > r.rows_visited
            THEN date_trunc('second', make_interval(secs =>
                 least(b.seconds * (b.rows_estimate - r.rows_visited) / r.rows_visited, 1e10))) END AS eta,
       CASE WHEN b.state NOT IN ('running', 'scheduled') OR pg_is_in_recovery() THEN NULL
            WHEN l.pid IS NULL AND b.state = 'scheduled'
            THEN 'its worker; if none comes: SELECT migrator.resume_backfill(' || b.id || ')'
            WHEN l.pid IS NULL THEN 'the same CALL, or SELECT migrator.resume_backfill(' || b.id || ')'
            ELSE coalesce(b.waiting_for,
                 (SELECT a.wait_event_type || ': ' || a.wait_event FROM pg_catalog.pg_stat_activity a
                  WHERE a.pid = l.pid AND a.wait_event_type = 'Lock')) END AS waiting_for,
       r.batch_ms,
       r.longest_ms,
       CASE WHEN l.pid IS NULL THEN 0
            ELSE (SELECT count(DISTINCT w.pid)::integer FROM pg_catalog.pg_locks w
                  JOIN migrator.backfill_range o ON w.objid = o.id::oid
                  WHERE w.locktype = 'advisory' AND w.classid = 1835624312 AND w.objsubid = 2 AND w.granted
                    AND w.database = l.database AND o.backfill = b.id AND NOT o.done) END AS workers,
       e.errors,
       b.walk,
       b.pass,
       b.sweep,
       l.pid,
       b.set_clause,
       b.where_clause,
       c.settings,
       b.seconds_held,
       b.started_by,
       b.started_at,
       b.finished_at,
       b.error
FROM migrator.backfill_run b
JOIN migrator.backfill_control c ON c.backfill = b.id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(r.rows_done), 0)::bigint AS rows_done, coalesce(sum(r.rows_visited), 0) AS rows_visited,
           round((avg(r.batch_ms) FILTER (WHERE NOT r.done))::numeric, 1) AS batch_ms,
           round(max(r.longest_ms)::numeric, 1) AS longest_ms
    FROM migrator.backfill_range r WHERE r.backfill = b.id) r
CROSS JOIN LATERAL (
    SELECT count(*) AS errors FROM migrator.backfill_error e WHERE e.backfill = b.id) e
LEFT JOIN pg_catalog.pg_locks l
       ON l.locktype = 'advisory' AND l.classid = 1835624290 AND l.objid = b.id::oid AND l.objsubid = 2
      AND l.granted AND l.mode = 'ExclusiveLock'
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
ORDER BY b.id;
COMMENT ON VIEW migrator.backfills IS
'Every backfill: progress, rate, what is left, what it waits
for';
COMMENT ON COLUMN migrator.backfills.id IS 'Its number, for pause_backfill and its like';
COMMENT ON COLUMN migrator.backfills.target IS 'The table';
COMMENT ON COLUMN migrator.backfills.state IS
'scheduled, running, paused, done, failed, cancelled, or
interrupted when its session ended';
COMMENT ON COLUMN migrator.backfills.rows_done IS 'Rows changed and committed';
COMMENT ON COLUMN migrator.backfills.percent IS 'Rows visited, of those estimated when it began';
COMMENT ON COLUMN migrator.backfills.rows_per_second IS 'Rows visited per second of running time';
COMMENT ON COLUMN migrator.backfills.eta IS 'Time left at that rate';
COMMENT ON COLUMN migrator.backfills.waiting_for IS
'What it waits for now, if anything: a limit, a person, a
lock';
COMMENT ON COLUMN migrator.backfills.batch_ms IS 'Duration of the last batches';
COMMENT ON COLUMN migrator.backfills.longest_ms IS 'Duration of the longest batch';
COMMENT ON COLUMN migrator.backfills.workers IS 'Processes that are at work on it now';
COMMENT ON COLUMN migrator.backfills.errors IS 'Rows that could not be changed; see migrator.backfill_errors';
COMMENT ON COLUMN migrator.backfills.walk IS 'By key, or physical: through the pages in their order';
COMMENT ON COLUMN migrator.backfills.pass IS 'Which walk over the table it is in; as a rule the first';
COMMENT ON COLUMN migrator.backfills.sweep IS 'How often it has looked for what still matches';
COMMENT ON COLUMN migrator.backfills.pid IS 'The process that leads it';
COMMENT ON COLUMN migrator.backfills.set_clause IS 'What it sets';
COMMENT ON COLUMN migrator.backfills.where_clause IS 'Which rows still need it';
COMMENT ON COLUMN migrator.backfills.settings IS 'Its settings now, see migrator.alter_backfill';
COMMENT ON COLUMN migrator.backfills.seconds_held IS 'Time it was paused or stepped back';
COMMENT ON COLUMN migrator.backfills.started_by IS 'The role that ran it last';
COMMENT ON COLUMN migrator.backfills.started_at IS 'When it was called first';
COMMENT ON COLUMN migrator.backfills.finished_at IS 'When it ended';
COMMENT ON COLUMN migrator.backfills.error IS 'Why it ended before it was done';

CREATE VIEW migrator.backfill_errors AS
SELECT e.backfill, e.name AS "table", e."row", e.sqlstate, e.message, e.detail, e.at
FROM migrator.backfill_error e
ORDER BY e.backfill, e.id;
COMMENT ON VIEW migrator.backfill_errors IS
'Rows that a backfill could not change, and why. The same
call tries them again';
COMMENT ON COLUMN migrator.backfill_errors.backfill IS 'The backfill';
COMMENT ON COLUMN migrator.backfill_errors."table" IS 'The table or partition';
COMMENT ON COLUMN migrator.backfill_errors."row" IS 'Its key, or its ctid in a table without one';
COMMENT ON COLUMN migrator.backfill_errors.sqlstate IS
'SQLSTATE of the error; MG017 where the change left the
condition true';
COMMENT ON COLUMN migrator.backfill_errors.message IS 'The error';
COMMENT ON COLUMN migrator.backfill_errors.detail IS 'Its DETAIL';
COMMENT ON COLUMN migrator.backfill_errors.at IS 'When it was tried last';
