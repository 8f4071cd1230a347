//! `migrator.migration`: what is registered and how far it has come.

use crate::error::Result;
use crate::pg::spi::{Row, query};
use crate::pg::user::{as_owner, current_role};

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    pub version: String,
    pub sort_key: String,
    pub description: Option<String>,
    pub up: String,
    pub down: Option<String>,
    pub irreversible: Option<String>,
    /// Rules of the guard that it may break. `None` was not said: it stays as it is as long as the script does.
    pub allow: Option<Vec<String>>,
    /// Why.
    pub allow_reason: Option<String>,
    pub checksum: String,
    pub statements: usize,
    pub transactional: bool,
    pub state: String,
    pub statements_done: usize,
    /// A top-level statement that was begun and not seen to end.
    pub begun: Option<Begun>,
    pub applied_at: Option<String>,
    pub applied_by: Option<String>,
}

/// What was noted before a top-level statement began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// From 1.
    pub number: usize,
    pub text: String,
    /// The oid of the table or index it is about.
    pub target: Option<u32>,
    /// The indexes there were, as an array of oids in text.
    pub indexes: Option<String>,
}

impl Stored {
    /// Whether nothing of it is done, and it can run in one transaction.
    pub fn runs_in_one_transaction(&self) -> bool {
        self.transactional && self.statements_done == 0 && self.begun.is_none()
    }

    /// Whether registering `other` would change nothing.
    pub fn is_same(&self, other: &Self) -> bool {
        self.checksum == other.checksum
            && self.down == other.down
            && self.irreversible == other.irreversible
            && (other.description.is_none() || self.description == other.description)
            // What an applied one was allowed is history.
            && (self.state == "applied"
                || other.allow.is_none()
                || (self.allow == other.allow && self.allow_reason == other.allow_reason))
    }
}

const COLUMNS: &str = "version, sort_key, description, up, down, irreversible, checksum, statements, \
                       transactional, state, statements_done, running_statement, running_text, \
                       running_target, running_indexes, applied_at, applied_by, to_json(allow), allow_reason";

fn stored(row: Row<'_>) -> Stored {
    Stored {
        version: row.required(0),
        sort_key: row.required(1),
        description: row.text(2),
        up: row.required(3),
        down: row.text(4),
        irreversible: row.text(5),
        checksum: row.required(6),
        statements: row.number(7).unwrap_or(0),
        transactional: row.boolean(8),
        state: row.required(9),
        statements_done: row.number(10).unwrap_or(0),
        begun: row.number(11).map(|number| Begun {
            number,
            text: row.required(12),
            target: row.number(13),
            indexes: row.text(14),
        }),
        applied_at: row.text(15),
        applied_by: row.text(16),
        allow: row.text(17).and_then(|list| serde_json::from_str(&list).ok()),
        allow_reason: row.text(18),
    }
}

/// The checksum of a script, as the ledger stores it.
pub fn checksum(script: &str) -> Result<String> {
    as_owner(|| {
        let rows = query("SELECT migrator.checksum($1)", &[Some(script)])?;
        Ok(rows.first().map(|r| r.required(0)).unwrap_or_default())
    })
}

/// Stores a new migration; false when its rank is taken. Waits for a concurrent insert of the same rank.
pub fn insert(new: &Stored) -> Result<bool> {
    let role = current_role();
    as_owner(|| {
        let sql = "INSERT INTO migrator.migration (version, sort_key, description, up, down, irreversible, \
                   checksum, statements, transactional, registered_by, allow, allow_reason) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8::int, $9::boolean, $10, \
                   ARRAY(SELECT jsonb_array_elements_text($11::jsonb)), $12) ON CONFLICT DO NOTHING";
        let statements = new.statements.to_string();
        let allow = allow(new).unwrap_or_else(|| "[]".to_owned());
        let rows = query(
            sql,
            &[
                Some(&new.version),
                Some(&new.sort_key),
                new.description.as_deref(),
                Some(&new.up),
                new.down.as_deref(),
                new.irreversible.as_deref(),
                Some(&new.checksum),
                Some(&statements),
                Some(if new.transactional { "t" } else { "f" }),
                Some(&role),
                Some(&allow),
                new.allow_reason.as_deref(),
            ],
        )?;
        Ok(rows.processed > 0)
    })
}

/// As a JSON array.
fn allow(migration: &Stored) -> Option<String> {
    migration.allow.as_ref().map(|rules| serde_json::json!(rules).to_string())
}

/// Replaces a migration as long as it is what `old` says and nobody is running it; false otherwise.
pub fn replace(new: &Stored, old: &Stored) -> Result<bool> {
    let role = current_role();
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET description = coalesce($2, description), up = $3, down = $4, \
                   irreversible = $5, checksum = $6, statements = $7::int, transactional = $8::boolean, \
                   registered_by = $9, registered_at = clock_timestamp(), \
                   allow = CASE WHEN state = 'applied' OR $12 IS NULL AND checksum = $6 THEN allow \
                   ELSE ARRAY(SELECT jsonb_array_elements_text($12::jsonb)) END, \
                   allow_reason = CASE WHEN state = 'applied' OR $12 IS NULL AND checksum = $6 THEN allow_reason \
                   ELSE $13 END \
                   WHERE version = $1 AND checksum = $10 AND statements_done = $11::int AND (state <> 'running' \
                   OR NOT EXISTS (SELECT FROM migrator.runner r WHERE r.pid = running_pid))";
        let (statements, done) = (new.statements.to_string(), old.statements_done.to_string());
        let rows = query(
            sql,
            &[
                Some(&new.version),
                new.description.as_deref(),
                Some(&new.up),
                new.down.as_deref(),
                new.irreversible.as_deref(),
                Some(&new.checksum),
                Some(&statements),
                Some(if new.transactional { "t" } else { "f" }),
                Some(&role),
                Some(&old.checksum),
                Some(&done),
                allow(new).as_deref(),
                new.allow_reason.as_deref(),
            ],
        )?;
        Ok(rows.processed > 0)
    })
}

/// Keeps what the guard found in a migration, unless another session is at it.
pub fn set_findings(version: &str, findings: &str) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET findings = $2::jsonb WHERE version = ( \
                   SELECT version FROM migrator.migration WHERE version = $1 AND findings <> $2::jsonb \
                   FOR UPDATE SKIP LOCKED)";
        query(sql, &[Some(version), Some(findings)]).map(drop)
    })
}

/// The migration that has this rank.
pub fn of_rank(sort_key: &str) -> Result<Option<Stored>> {
    as_owner(|| {
        let sql = format!("SELECT {COLUMNS} FROM migrator.migration WHERE sort_key = $1");
        Ok(query(&sql, &[Some(sort_key)])?.first().map(stored))
    })
}

/// What is not applied, in order, up to and including a rank.
pub fn pending(up_to: Option<&str>) -> Result<Vec<Stored>> {
    as_owner(|| {
        let sql = format!(
            "SELECT {COLUMNS} FROM migrator.migration WHERE state <> 'applied' \
             AND ($1 IS NULL OR sort_key <= $1 COLLATE \"C\") ORDER BY sort_key"
        );
        Ok(query(&sql, &[up_to])?.iter().map(stored).collect())
    })
}

/// A migration whose stored script no longer has its checksum: version, stored and actual checksum.
pub fn tampered() -> Result<Option<(String, String, String)>> {
    as_owner(|| {
        let sql = "SELECT version, checksum, migrator.checksum(up) FROM migrator.migration \
                   WHERE checksum <> migrator.checksum(up) ORDER BY sort_key LIMIT 1";
        Ok(query(sql, &[])?.first().map(|r| (r.required(0), r.required(1), r.required(2))))
    })
}

/// How many migrations are registered, and the first and last version.
pub fn extent() -> Result<(u64, String, String)> {
    as_owner(|| {
        let sql = "SELECT count(*), (SELECT version FROM migrator.migration ORDER BY sort_key LIMIT 1), \
                   (SELECT version FROM migrator.migration ORDER BY sort_key DESC LIMIT 1) \
                   FROM migrator.migration";
        let rows = query(sql, &[])?;
        Ok(rows.first().map(|r| (r.number(0).unwrap_or(0), r.required(1), r.required(2))).unwrap_or_default())
    })
}

/// Marks a migration as being run by this session; false when it is applied, or its script was replaced since it was read.
pub fn mark_running(migration: &Stored) -> Result<bool> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET state = 'running', running_pid = pg_backend_pid() \
                   WHERE version = $1 AND checksum = $2 AND state <> 'applied'";
        Ok(query(sql, &[Some(&migration.version), Some(&migration.checksum)])?.processed > 0)
    })
}

/// Marks it failed, unless it is applied.
pub fn mark_failed(version: &str) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET state = 'failed' WHERE version = $1 AND state <> 'applied'";
        query(sql, &[Some(version)]).map(drop)
    })
}

/// Notes that a top-level statement is about to begin; false when the migration has moved on in another session.
pub fn mark_begun(version: &str, begun: &Begun) -> Result<bool> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET running_statement = $2::int, running_text = $3, \
                   running_target = $4::oid, running_indexes = $5::oid[] \
                   WHERE version = $1 AND state = 'running' AND statements_done = $2::int - 1 \
                   AND running_statement IS NULL";
        let target = begun.target.map(|oid| oid.to_string());
        let number = begun.number.to_string();
        let parameters = [Some(version), Some(&number), Some(&begun.text), target.as_deref(), begun.indexes.as_deref()];
        Ok(query(sql, &parameters)?.processed > 0)
    })
}

/// Notes that a statement is done; false when it was noted already.
pub fn mark_done(version: &str, number: usize) -> Result<bool> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET statements_done = $2::int, running_statement = NULL, \
                   running_text = NULL, running_target = NULL, running_indexes = NULL \
                   WHERE version = $1 AND statements_done = $2::int - 1";
        Ok(query(sql, &[Some(version), Some(&number.to_string())])?.processed > 0)
    })
}

/// Forgets a statement that was begun: it did not take effect, or what it left behind is cleared away.
pub fn forget_begun(version: &str) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET running_statement = NULL, running_text = NULL, \
                   running_target = NULL, running_indexes = NULL WHERE version = $1";
        query(sql, &[Some(version)]).map(drop)
    })
}

/// Back to pending by a person's decision; what was done stays done.
pub fn mark_pending(version: &str) -> Result<()> {
    forget_begun(version)?;
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET state = 'pending' WHERE version = $1";
        query(sql, &[Some(version)]).map(drop)
    })
}

/// Marks it applied by a role; false when its script is no longer the one with this checksum.
pub fn mark_applied(version: &str, checksum: &str, role: &str, seconds: f64) -> Result<bool> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET state = 'applied', statements_done = statements, \
                   running_statement = NULL, running_text = NULL, running_target = NULL, running_indexes = NULL, \
                   applied_at = clock_timestamp(), \
                   applied_by = $2, duration = make_interval(secs => $3::float8) \
                   WHERE version = $1 AND checksum = $4 AND state <> 'applied'";
        let rows = query(sql, &[Some(version), Some(role), Some(&seconds.to_string()), Some(checksum)])?;
        Ok(rows.processed > 0)
    })
}
