//! `migrator.event`: the append-only log.

use serde_json::json;

use crate::error::{Report, Result};
use crate::pg::spi::query;
use crate::pg::user::{as_owner, current_role};

/// One attempt to apply one migration.
#[derive(Clone, Debug)]
pub struct Attempt {
    id: String,
    version: String,
    checksum: String,
    runner: &'static str,
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
        let id = as_owner(|| {
            let rows = query("SELECT nextval('migrator.attempt_id')", &[])?;
            Ok(rows.first().map(|r| r.required(0)).unwrap_or_default())
        })?;
        Ok(Self { id, version: version.to_owned(), checksum: checksum.to_owned(), runner })
    }

    /// Writes that it started.
    pub fn started(&self) -> Result<()> {
        self.write("started", None, json!({}))
    }

    /// Writes that it succeeded.
    pub fn applied(&self, seconds: f64) -> Result<()> {
        self.write("applied", Some(seconds), json!({}))
    }

    /// Writes a person's decision.
    pub fn resolved(&self, reason: &str) -> Result<()> {
        self.write("resolved", None, json!({ "reason": reason }))
    }

    /// Writes that it failed, with every field of the error as the statement raised it.
    pub fn failed(&self, seconds: f64, at: Option<At<'_>>, error: &Report) -> Result<()> {
        let positive = |n: i32| (n > 0).then_some(n);
        self.write(
            "failed",
            Some(seconds),
            json!({
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
            }),
        )
    }

    fn write(&self, event: &str, seconds: Option<f64>, fields: serde_json::Value) -> Result<()> {
        let role = current_role();
        let seconds = seconds.map(|s| s.to_string());
        as_owner(|| {
            let sql = "INSERT INTO migrator.event (attempt, event, version, checksum, runner, role, duration, \
                       statement, line, statement_text, sqlstate, message, detail, hint, context, position, \
                       internal_query, internal_position, schema_name, table_name, column_name, datatype_name, \
                       constraint_name, reason) \
                       SELECT $1::bigint, $2, $3, $4, $5, $6, make_interval(secs => $7::float8), \
                       r.statement, r.line, r.statement_text, r.sqlstate, r.message, r.detail, r.hint, r.context, \
                       r.position, r.internal_query, r.internal_position, r.schema_name, r.table_name, \
                       r.column_name, r.datatype_name, r.constraint_name, r.reason \
                       FROM jsonb_populate_record(NULL::migrator.event, $8::jsonb) r";
            query(
                sql,
                &[
                    Some(&self.id),
                    Some(event),
                    Some(&self.version),
                    Some(&self.checksum),
                    Some(self.runner),
                    Some(&role),
                    seconds.as_deref(),
                    Some(&fields.to_string()),
                ],
            )
            .map(drop)
        })
    }
}
