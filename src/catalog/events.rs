//! `migrator.event`: the append-only log.

use serde_json::{Value, json};

use crate::error::{Report, Result, code, fail};
use crate::pg::spi::{query, query_planned, query_under_latest};
use crate::pg::user::{as_owner, current_role};
use crate::pg::{background, wait};

/// One attempt to apply one migration, and who makes it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The columns that every event of the attempt has.
    common: Value,
}

/// The statement an event is about.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    pub number: usize,
    pub line: usize,
    pub text: &'a str,
}

impl Attempt {
    /// Begins an attempt; nothing is written yet. `runner` is what runs it: apply, deploy or resolve.
    pub fn new(version: &str, checksum: &str, runner: &'static str) -> Result<Self> {
        Self::resumed(None, version, checksum, runner)
    }

    /// Goes on with an attempt that another session has begun.
    pub fn resumed(id: Option<i64>, version: &str, checksum: &str, runner: &'static str) -> Result<Self> {
        let role = current_role();
        let sql = "SELECT coalesce($1::bigint, nextval('migrator.attempt_id')), session_user, inet_client_addr(), \
                   current_setting('application_name'), pg_backend_pid()";
        let id = id.map(|id| id.to_string());
        let rows = as_owner(|| query_planned(sql, &[id.as_deref()]))?;
        let caller = |column| rows.first().and_then(|r| r.text(column));
        Ok(Self {
            common: json!({
                "attempt": caller(0),
                "version": version,
                "checksum": checksum,
                "runner": runner,
                "role": role,
                "session_role": caller(1),
                "client_addr": caller(2),
                "application_name": caller(3),
                "backend_pid": caller(4),
            }),
        })
    }

    /// The role that made the attempt, whatever role a script has set since.
    pub fn role(&self) -> &str {
        self.common["role"].as_str().unwrap_or_default()
    }

    /// Writes that it started.
    pub fn started(&self) -> Result<()> {
        self.write(json!({ "event": "started" }))
    }

    /// Writes that it succeeded.
    pub fn applied(&self, seconds: f64) -> Result<()> {
        self.write(json!({ "event": "applied", "duration": interval(seconds) }))
    }

    /// Its number.
    pub fn id(&self) -> &str {
        self.common["attempt"].as_str().unwrap_or_default()
    }

    /// Writes that it was handed to a background worker.
    pub fn scheduled(&self) -> Result<()> {
        self.write(json!({ "event": "scheduled" }))
    }

    /// Writes that the down script succeeded.
    pub fn reverted(&self, seconds: f64) -> Result<()> {
        self.write(json!({ "event": "reverted", "duration": interval(seconds) }))
    }

    /// Writes that it counts as applied although it was not run.
    pub fn baseline(&self, reason: &str) -> Result<()> {
        self.write(json!({ "event": "baseline", "reason": reason }))
    }

    /// Whether nothing is written about its end.
    pub fn is_open(&self) -> Result<bool> {
        let sql = "SELECT NOT EXISTS (SELECT FROM migrator.event WHERE attempt = $1::bigint \
                   AND event NOT IN ('scheduled', 'started'))";
        let rows = as_owner(|| query(sql, &[Some(self.id())]))?;
        Ok(rows.first().is_some_and(|r| r.boolean(0)))
    }

    /// Writes a person's decision.
    pub fn resolved(&self, reason: &str) -> Result<()> {
        self.write(json!({ "event": "resolved", "reason": reason }))
    }

    /// Writes that it failed, with every field of the error as the statement raised it.
    pub fn failed(&self, seconds: f64, at: Option<At<'_>>, error: &Report) -> Result<()> {
        self.write(failure(seconds, at, error))
    }

    /// The same, although the transaction it happens in will be rolled back.
    pub fn failed_in_lost_transaction(&self, seconds: f64, at: Option<At<'_>>, error: &Report) -> Result<()> {
        // A cancel that is still pending would end the wait for the worker.
        wait::check_interrupts()?;
        background::run("migrator_write_event", &merged(&self.common, failure(seconds, at, error)).to_string())
    }

    fn write(&self, fields: Value) -> Result<()> {
        let mut row = merged(&self.common, fields);
        row["in_transaction"] = json!(true);
        as_owner(|| {
            // Writers come one after the other, also when a script has released the runner's lock: so each row follows the
            // one before. The worker below does not ask for this.
            query("LOCK TABLE migrator.event_end IN SHARE UPDATE EXCLUSIVE MODE", &[])?;
            insert(&row.to_string())
        })
    }
}

/// Inserts a row given as JSON, which follows all ends of the history that are committed or its own transaction's. The
/// caller is the owner already. Waits for nobody.
///
/// Under a snapshot of now, even in a transaction that has a single one: else a row would not see the one it is to follow.
fn insert(row: &str) -> Result<()> {
    let sql = "WITH ends AS MATERIALIZED (SELECT event, hash FROM migrator.event_end), \
               followed AS (DELETE FROM migrator.event_end WHERE ctid IN ( \
               SELECT ctid FROM migrator.event_end FOR UPDATE SKIP LOCKED)), \
               draft AS MATERIALIZED (SELECT jsonb_populate_record(NULL::migrator.event, \
               $1::jsonb || jsonb_build_object('id', nextval('migrator.event_id_seq'), 'at', clock_timestamp(), \
               'xid', CASE WHEN $1::jsonb ? 'in_transaction' THEN pg_current_xact_id() END, \
               'previous', ARRAY(SELECT event FROM ends ORDER BY event))) AS e), \
               added AS (INSERT INTO migrator.event OVERRIDING SYSTEM VALUE \
               SELECT r.* FROM draft d CROSS JOIN LATERAL jsonb_populate_record(d.e, jsonb_build_object('hash', \
               migrator.event_hash(d.e, ARRAY(SELECT hash FROM ends ORDER BY event)))) r RETURNING id, hash) \
               INSERT INTO migrator.event_end (event, hash) SELECT id, hash FROM added";
    if query_under_latest(sql, &[Some(row)])?.processed == 1 {
        return Ok(());
    }
    fail(
        Report::new(code::TAMPERED, "the history did not take a row")
            .detail("Something that is not migrator's keeps rows out of migrator.event.")
            .hint("SELECT * FROM migrator.verify();"),
    )
}

/// What the background worker runs: as the owner, in a session of its own, while the caller's transaction waits for it. Rows
/// that one has written are not committed, and are not followed; should they be committed after all, because the caller goes
/// on behind a savepoint, the history has two ends until the next row follows both.
pub fn insert_in_own_session(row: &str) -> Result<()> {
    query(
        "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true), \
         pg_catalog.set_config('lock_timeout', '1s', true)",
        &[],
    )?;
    insert(row)
}

/// Refuses to change the history.
pub fn refuse_to_change() -> Result<()> {
    fail(
        Report::new(code::APPEND_ONLY, "migrator.event is only added to")
            .detail("It says what was done to this database; each row holds the hash of the one before.")
            .hint("See whether it is whole: SELECT * FROM migrator.verify();"),
    )
}

fn failure(seconds: f64, at: Option<At<'_>>, error: &Report) -> Value {
    let positive = |n: i32| (n > 0).then_some(n);
    json!({
        "event": "failed",
        "duration": interval(seconds),
        "statement": at.map(|a| a.number),
        "line": at.map(|a| a.line),
        "statement_text": at.map(|a| a.text),
        "sqlstate": error.sqlstate.map(|s| s.to_string()),
        "message": error.message,
        "detail": error.detail,
        "hint": error.hint,
        "context": error.context,
        "position": positive(error.position),
        "internal_query": error.internal_query,
        "internal_position": positive(error.internal_position),
        "schema_name": error.schema,
        "table_name": error.table,
        "column_name": error.column,
        "datatype_name": error.datatype,
        "constraint_name": error.constraint,
    })
}

/// Seconds as an interval reads them.
fn interval(seconds: f64) -> String {
    format!("{seconds:.6} seconds")
}

fn merged(common: &Value, fields: Value) -> Value {
    let mut row = common.clone();
    if let (Some(row), Value::Object(fields)) = (row.as_object_mut(), fields) {
        row.extend(fields);
    }
    row
}
