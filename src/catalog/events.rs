//! `migrator.event`: the append-only log.

use serde_json::{Value, json};

use crate::error::{Report, Result};
use crate::pg::spi::{query, query_planned};
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
        row["xid"] = json!("current");
        as_owner(|| insert(&row.to_string()))
    }
}

/// Inserts a row given as JSON. The caller is the owner already.
pub fn insert(row: &str) -> Result<()> {
    let sql = "INSERT INTO migrator.event (attempt, event, version, checksum, runner, session_role, role, \
               client_addr, application_name, backend_pid, xid, duration, statement, line, statement_text, sqlstate, \
               message, detail, hint, context, position, internal_query, internal_position, schema_name, table_name, \
               column_name, datatype_name, constraint_name, reason) \
               SELECT r.attempt, r.event, r.version, r.checksum, r.runner, r.session_role, r.role, r.client_addr, \
               r.application_name, r.backend_pid, \
               CASE WHEN $1::jsonb ->> 'xid' = 'current' THEN pg_current_xact_id() END, \
               r.duration, r.statement, r.line, r.statement_text, r.sqlstate, r.message, r.detail, r.hint, r.context, \
               r.position, r.internal_query, r.internal_position, r.schema_name, r.table_name, r.column_name, \
               r.datatype_name, r.constraint_name, r.reason \
               FROM jsonb_populate_record(NULL::migrator.event, $1::jsonb - 'xid') r";
    query(sql, &[Some(row)]).map(drop)
}

/// What the background worker runs: as the owner, in a session of its own.
pub fn insert_in_own_session(row: &str) -> Result<()> {
    query(
        "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true), \
         pg_catalog.set_config('lock_timeout', '1s', true)",
        &[],
    )?;
    insert(row)
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
