-- What people read. On a standby nobody can tell whether a session of the primary still runs, so there what it was seen to
-- begin counts as running.

CREATE VIEW migrator.runner AS
SELECT l.pid,
       -- It has no process; that it holds the lock of its own transaction tells which it is.
       (SELECT p.gid FROM pg_catalog.pg_locks t JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = t.transactionid
        WHERE l.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid'
          AND t.virtualtransaction = l.virtualtransaction) AS prepared
FROM pg_catalog.pg_locks l
WHERE l.locktype = 'advisory' AND l.classid = 1835624306 AND l.objid = 1 AND l.objsubid = 2 AND l.granted
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database());
COMMENT ON VIEW migrator.runner IS
'Who runs migrations in this database now, if anybody: who
holds the advisory lock';
COMMENT ON COLUMN migrator.runner.pid IS 'The process; NULL for a prepared transaction';
COMMENT ON COLUMN migrator.runner.prepared IS
'The prepared transaction, which holds it until COMMIT
PREPARED or ROLLBACK PREPARED';

-- A function, because the planner expects much of a subquery for each row, and then compiles a plan that is done in no time.
CREATE FUNCTION migrator.count_findings(findings jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT string_agg(c.n || ' ' || c.action || CASE WHEN c.n > 1 AND c.action <> 'allowed' THEN 's' ELSE '' END, ', ' ORDER BY c.action)
    FROM (SELECT f.action, count(*) AS n FROM jsonb_to_recordset(findings) AS f (action text) GROUP BY f.action) c;
END;
COMMENT ON FUNCTION migrator.count_findings(jsonb) IS 'What status shows of findings: 2 errors, 1 warning';

CREATE FUNCTION migrator.runner_is_there() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM pg_stat_activity a
                   WHERE a.backend_type = 'migrator runner' AND a.datname = current_database());
END;
COMMENT ON FUNCTION migrator.runner_is_there() IS
'Whether a background worker runs migrations in this database, or waits
to; as its owner, because other roles do not see what a backend is';

CREATE VIEW migrator.status AS
SELECT m.version,
       CASE WHEN m.state = 'running' AND r.pid IS NULL AND NOT pg_is_in_recovery()
            THEN CASE WHEN m.reverting AND m.statements_done = 0 AND m.running_statement IS NULL
                      THEN 'applied' ELSE 'failed' END
            WHEN m.scheduled_attempt IS NOT NULL AND w.alive THEN 'scheduled'
            ELSE m.state END AS state,
       m.applied_at,
       m.applied_by,
       m.duration,
       CASE WHEN m.reverting THEN 'down ' || m.statements_done
            ELSE CASE WHEN m.state = 'applied' THEN m.statements ELSE m.statements_done END || '/' || m.statements
       END AS progress,
       m.transactional,
       CASE WHEN m.baseline THEN 'baseline' WHEN m.repeatable THEN 'repeatable' ELSE 'versioned' END AS kind,
       CASE WHEN m.findings <> '[]' THEN migrator.count_findings(m.findings) END AS findings,
       CASE WHEN m.mixed OR m.out_of_order OR m.allow <> '{}' THEN
           concat_ws(', ', CASE WHEN m.mixed THEN 'mixed' END,
                     CASE WHEN m.out_of_order THEN 'out of order' END,
                     CASE WHEN m.allow <> '{}'
                          THEN 'allow ' || array_to_string(m.allow, ', ') || ' (' || m.allow_reason || ')' END)
       END AS overrides,
       CASE WHEN m.requires <> '{}' THEN array_to_string(m.requires, ', ') END AS requires,
       m.description,
       m.irreversible,
       CASE WHEN m.state = 'running' AND r.pid IS NULL AND NOT pg_is_in_recovery() AND (m.statements_done > 0 OR m.running_statement IS NOT NULL OR NOT m.reverting)
            THEN 'interrupted' || CASE WHEN m.running_statement IS NULL THEN ''
                                       ELSE ' during statement ' || m.running_statement END
                 || CASE WHEN m.reverting THEN ' of its down script' ELSE '' END || '; run it again'
            WHEN m.scheduled_attempt IS NOT NULL AND NOT w.alive
            THEN 'the background worker it was handed to is gone; CALL migrator.deploy();'
            WHEN m.state = 'failed'
            THEN f.error
       END AS error,
       m.registered_at,
       m.registered_by,
       m.checksum
FROM migrator.migration m
LEFT JOIN migrator.runner r ON r.pid = m.running_pid
LEFT JOIN (SELECT DISTINCT ON (e.version) e.version, e.sqlstate || ': ' || e.message AS error
           FROM migrator.event e WHERE e.event = 'failed' ORDER BY e.version, e.id DESC) f ON f.version = m.version
CROSS JOIN (SELECT migrator.runner_is_there()) w (alive)
ORDER BY m.sort_key;
COMMENT ON VIEW migrator.status IS 'Every registered migration and its state';
COMMENT ON COLUMN migrator.status.version IS 'The version; rows are in the order in which they are applied';
COMMENT ON COLUMN migrator.status.state IS
'pending, scheduled (a background worker waits), running,
applied, failed or reverted';
COMMENT ON COLUMN migrator.status.applied_at IS 'When it was applied';
COMMENT ON COLUMN migrator.status.applied_by IS 'The role that applied it';
COMMENT ON COLUMN migrator.status.duration IS 'How long the run that completed it took';
COMMENT ON COLUMN migrator.status.progress IS 'Statements done, of how many';
COMMENT ON COLUMN migrator.status.transactional IS
'Whether it runs in one transaction; if not, apply hands it
to a background worker';
COMMENT ON COLUMN migrator.status.kind IS
'versioned, repeatable, or baseline: counts as applied but
was never run here';
COMMENT ON COLUMN migrator.status.findings IS
'What the guard found when it was registered, see
migrator.findings';
COMMENT ON COLUMN migrator.status.overrides IS
'What it was permitted when it was registered: mixed, out of
order, rules of the guard and why';
COMMENT ON COLUMN migrator.status.requires IS 'Migrations that must be applied before it';
COMMENT ON COLUMN migrator.status.description IS 'As given to register';
COMMENT ON COLUMN migrator.status.irreversible IS 'Why it cannot be undone; NULL when it has a down script';
COMMENT ON COLUMN migrator.status.error IS 'Why it failed, or that it was interrupted';
COMMENT ON COLUMN migrator.status.registered_at IS 'When it was registered, or its script replaced';
COMMENT ON COLUMN migrator.status.registered_by IS 'The role that did that';
COMMENT ON COLUMN migrator.status.checksum IS 'SHA-256 of the up script, see migrator.checksum';

CREATE VIEW migrator.findings AS
SELECT m.version, f.statement, f.line, f.rule, f.class, f.action, f.message, f.detail, f.hint, f.object, f."column", f.sql
FROM migrator.migration m
CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(m.findings) AS (
    statement integer, line integer, rule text, class text, action text, message text, detail text, hint text,
    object text, "column" text, sql text)) WITH ORDINALITY AS f (
    statement, line, rule, class, action, message, detail, hint, object, "column", sql, number)
ORDER BY m.sort_key, f.number;
COMMENT ON VIEW migrator.findings IS
'What the guard found in each migration when it was
registered last';
COMMENT ON COLUMN migrator.findings.version IS 'The migration';
COMMENT ON COLUMN migrator.findings.statement IS 'The statement, counted from 1';
COMMENT ON COLUMN migrator.findings.line IS 'The line of the script where it begins';
COMMENT ON COLUMN migrator.findings.rule IS 'The rule, see migrator.rules';
COMMENT ON COLUMN migrator.findings.class IS 'Its class';
COMMENT ON COLUMN migrator.findings.action IS
'error: it would have been refused then; warning: it would
have been warned about; allowed: the migration may break
that rule';
COMMENT ON COLUMN migrator.findings.message IS 'What the guard says';
COMMENT ON COLUMN migrator.findings.detail IS 'What was found';
COMMENT ON COLUMN migrator.findings.hint IS 'The safe way, as whole statements';
COMMENT ON COLUMN migrator.findings.object IS 'The relation it is about';
COMMENT ON COLUMN migrator.findings."column" IS 'The column it is about';
COMMENT ON COLUMN migrator.findings.sql IS 'The statement on one line, cut short';

CREATE VIEW migrator.history AS
SELECT b.attempt,
       b.version,
       CASE WHEN f.event IS NOT NULL THEN f.event
            WHEN (pg_is_in_recovery()
                  OR EXISTS (SELECT FROM migrator.runner r WHERE r.pid = coalesce(s.backend_pid, b.backend_pid)))
                 AND coalesce(s.id, b.id) = (SELECT max(e.id) FROM migrator.event e WHERE e.event = 'started')
            THEN 'running'
            WHEN s.id IS NULL AND b.event = 'scheduled'
                 AND NOT EXISTS (SELECT FROM migrator.migration m
                                 WHERE m.version = b.version AND m.scheduled_attempt = b.attempt)
            THEN 'superseded'
            WHEN s.id IS NULL AND b.event = 'scheduled'
                 AND migrator.runner_is_there()
            THEN 'scheduled'
            ELSE 'interrupted' END AS outcome,
       coalesce(s.at, b.at - CASE WHEN b.event IN ('started', 'scheduled') THEN interval '0'
                                  ELSE coalesce(b.duration, interval '0') END) AS started_at,
       f.at AS finished_at,
       f.duration,
       b.runner,
       b.session_role,
       b.role,
       b.client_addr,
       b.application_name,
       coalesce(s.backend_pid, b.backend_pid) AS backend_pid,
       coalesce(f.xid, s.xid, b.xid) AS xid,
       b.checksum,
       f.statement,
       f.line,
       f.statement_text,
       f.sqlstate,
       f.message,
       f.detail,
       f.hint,
       f.context,
       f."position",
       f.internal_query,
       f.internal_position,
       f.schema_name,
       f.table_name,
       f.column_name,
       f.datatype_name,
       f.constraint_name,
       f.reason,
       coalesce(f.hash, b.hash) AS hash
FROM (SELECT DISTINCT ON (e.attempt) e.* FROM migrator.event e ORDER BY e.attempt, e.id) b
LEFT JOIN LATERAL (SELECT e.* FROM migrator.event e
                   WHERE e.attempt = b.attempt AND e.event = 'started' ORDER BY e.id DESC LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT e.* FROM migrator.event e
                   WHERE e.attempt = b.attempt AND e.event NOT IN ('scheduled', 'started')
                   ORDER BY e.id DESC LIMIT 1) f ON true
ORDER BY b.attempt;
COMMENT ON VIEW migrator.history IS
'Every attempt to apply or revert a migration and every
decision about one; append-only';
COMMENT ON COLUMN migrator.history.attempt IS 'Its number; attempts of all migrations are counted together';
COMMENT ON COLUMN migrator.history.version IS 'The migration';
COMMENT ON COLUMN migrator.history.outcome IS
'applied, reverted, failed, resolved, baseline, scheduled,
superseded by another run, running, or interrupted when its
session ended without a word';
COMMENT ON COLUMN migrator.history.started_at IS 'When it began, or was scheduled';
COMMENT ON COLUMN migrator.history.finished_at IS 'When it ended';
COMMENT ON COLUMN migrator.history.duration IS 'How long it took';
COMMENT ON COLUMN migrator.history.runner IS 'The function that was called: apply, deploy, revert, ...';
COMMENT ON COLUMN migrator.history.session_role IS 'Who had connected';
COMMENT ON COLUMN migrator.history.role IS 'Whose rights it ran with';
COMMENT ON COLUMN migrator.history.client_addr IS 'From where; NULL for a Unix socket';
COMMENT ON COLUMN migrator.history.application_name IS 'With what';
COMMENT ON COLUMN migrator.history.backend_pid IS 'In which process';
COMMENT ON COLUMN migrator.history.xid IS 'In which transaction; NULL when that was rolled back';
COMMENT ON COLUMN migrator.history.checksum IS 'The checksum of the script that ran';
COMMENT ON COLUMN migrator.history.statement IS 'The statement that failed, counted from 1';
COMMENT ON COLUMN migrator.history.line IS 'The line of the script where that statement begins';
COMMENT ON COLUMN migrator.history.statement_text IS 'Its text';
COMMENT ON COLUMN migrator.history.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN migrator.history.message IS 'The error';
COMMENT ON COLUMN migrator.history.detail IS 'Its DETAIL';
COMMENT ON COLUMN migrator.history.hint IS 'Its HINT';
COMMENT ON COLUMN migrator.history."position" IS 'Where in statement_text the error is, in characters from 1';
COMMENT ON COLUMN migrator.history.context IS 'CONTEXT as the statement raised it';
COMMENT ON COLUMN migrator.history.internal_query IS 'The query inside of a function in which it was raised';
COMMENT ON COLUMN migrator.history.internal_position IS 'Where in internal_query the error is';
COMMENT ON COLUMN migrator.history.schema_name IS 'The schema that the error names';
COMMENT ON COLUMN migrator.history.table_name IS 'The table that the error names';
COMMENT ON COLUMN migrator.history.column_name IS 'The column that the error names';
COMMENT ON COLUMN migrator.history.datatype_name IS 'The data type that the error names';
COMMENT ON COLUMN migrator.history.constraint_name IS 'The constraint that the error names';
COMMENT ON COLUMN migrator.history.reason IS 'Why, as given to resolve or baseline';
COMMENT ON COLUMN migrator.history.hash IS
'Hash of its last row and of all rows before: kept elsewhere,
it proves later that nothing up to there has changed since';
