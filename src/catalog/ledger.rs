//! `migrator.migration`: what is registered and how far it has come.

use std::collections::HashMap;

use serde_json::json;

use crate::error::Result;
use crate::pg::spi::{Row, query, query_planned};
use crate::pg::user::{as_owner, current_role};

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    pub version: String,
    pub sort_key: String,
    pub description: Option<String>,
    pub up: String,
    pub down: Option<String>,
    /// Of the down script; set together with it.
    pub down_checksum: Option<String>,
    pub irreversible: Option<String>,
    /// Applied after the versioned ones, again whenever its checksum changes.
    pub repeatable: bool,
    /// Migrations that must be applied before it.
    pub requires: Vec<String>,
    /// It changes schema and data, and may.
    pub mixed: bool,
    /// It may be applied although a newer one is.
    pub out_of_order: bool,
    /// Rules of the guard that it may break. `None` was not said: it stays as it is as long as the script does.
    pub allow: Option<Vec<String>>,
    /// Why.
    pub allow_reason: Option<String>,
    pub checksum: String,
    pub statements: usize,
    pub transactional: bool,
    pub state: String,
    /// It counts as applied but was never run here.
    pub baseline: bool,
    /// State and marks are about its down script.
    pub reverting: bool,
    /// The attempt that was handed to a background worker.
    pub scheduled_attempt: Option<i64>,
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
    /// The oid of the table, index or partition it is about.
    pub target: Option<u32>,
    /// Of an index or a partition, as a JSON object: its name, and oid and name of the table that it belongs to.
    pub place: Option<String>,
    /// The indexes there were, as an array of oids in text.
    pub indexes: Option<String>,
}

impl Stored {
    /// Whether its up script has taken effect and its down script has not, or not yet to the end.
    pub fn is_applied(&self) -> bool {
        self.state == "applied" || self.reverting
    }

    /// Whether its down script is done in part.
    pub fn is_half_reverted(&self) -> bool {
        self.reverting && (self.statements_done > 0 || self.begun.is_some())
    }

    /// Whether registering `other` would change nothing.
    pub fn is_same(&self, other: &Self) -> bool {
        self.checksum == other.checksum
            && self.down == other.down
            && self.irreversible == other.irreversible
            && self.repeatable == other.repeatable
            && (self.state == "applied" || self.requires == other.requires)
            && (self.state == "applied" || self.out_of_order == other.out_of_order)
            && (other.description.is_none() || self.description == other.description)
            // What an applied one was allowed is history.
            && (self.state == "applied"
                || other.allow.is_none()
                || (self.allow == other.allow && self.allow_reason == other.allow_reason))
    }
}

/// The last is read in a way that holds for the tables of 0.1.0 as well, which have no such column.
const COLUMNS: &str = "version, sort_key, description, up, down, irreversible, checksum, statements, \
                       transactional, state, statements_done, running_statement, running_text, \
                       running_target, running_indexes, applied_at, applied_by, to_json(allow), allow_reason, \
                       down_checksum, repeatable, to_json(requires), mixed, out_of_order, baseline, reverting, \
                       scheduled_attempt, \
                       CASE WHEN running_statement IS NOT NULL THEN to_jsonb(migration) ->> 'running_place' END";

fn stored(row: Row<'_>) -> Stored {
    let list = |column| row.text(column).and_then(|list| serde_json::from_str(&list).ok());
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
            place: row.text(27),
        }),
        applied_at: row.text(15),
        applied_by: row.text(16),
        allow: list(17),
        allow_reason: row.text(18),
        down_checksum: row.text(19),
        repeatable: row.boolean(20),
        requires: list(21).unwrap_or_default(),
        mixed: row.boolean(22),
        out_of_order: row.boolean(23),
        baseline: row.boolean(24),
        reverting: row.boolean(25),
        scheduled_attempt: row.number(26),
    }
}

/// The checksum of a script, as the ledger stores it.
pub fn checksum(script: &str) -> Result<String> {
    as_owner(|| {
        let rows = query("SELECT migrator.checksum($1)", &[Some(script)])?;
        Ok(rows.first().map(|r| r.required(0)).unwrap_or_default())
    })
}

/// Stores a new migration; false when its version or rank is taken. Waits for a concurrent insert of the same.
pub fn insert(new: &Stored) -> Result<bool> {
    let role = current_role();
    as_owner(|| {
        let sql = "INSERT INTO migrator.migration (version, sort_key, description, up, down, down_checksum, irreversible, \
                   checksum, statements, transactional, registered_by, allow, allow_reason, repeatable, requires, \
                   mixed, out_of_order) \
                   SELECT r.version, r.sort_key, r.description, r.up, r.down, r.down_checksum, r.irreversible, \
                   r.checksum, r.statements, r.transactional, $2, coalesce(r.allow, '{}'), r.allow_reason, r.repeatable, \
                   r.requires, r.mixed, r.out_of_order \
                   FROM jsonb_populate_record(NULL::migrator.migration, $1::jsonb) r ON CONFLICT DO NOTHING";
        let rows = query_planned(sql, &[Some(&given(new)), Some(&role)])?;
        Ok(rows.processed > 0)
    })
}

/// What a registration says of a migration, as a JSON object with the names of the columns.
fn given(migration: &Stored) -> String {
    json!({
        "version": migration.version,
        "sort_key": migration.sort_key,
        "description": migration.description,
        "up": migration.up,
        "down": migration.down,
        "down_checksum": migration.down_checksum,
        "irreversible": migration.irreversible,
        "checksum": migration.checksum,
        "statements": migration.statements,
        "transactional": migration.transactional,
        "allow": migration.allow,
        "allow_reason": migration.allow_reason,
        "repeatable": migration.repeatable,
        "requires": migration.requires,
        "mixed": migration.mixed,
        "out_of_order": migration.out_of_order,
    })
    .to_string()
}

/// Replaces a migration as long as it is what `old` says and nobody is running it; false otherwise. What an applied one
/// was allowed stays; a repeatable one with another script is pending again. What was handed to a background worker is not
/// any more, when it is another script.
pub fn replace(new: &Stored, old: &Stored) -> Result<bool> {
    let role = current_role();
    as_owner(|| {
        let sql = "UPDATE migrator.migration m SET sort_key = r.sort_key, \
                   description = coalesce(r.description, m.description), up = r.up, down = r.down, \
                   down_checksum = r.down_checksum, irreversible = r.irreversible, checksum = r.checksum, \
                   statements = r.statements, transactional = r.transactional, \
                   repeatable = r.repeatable, requires = r.requires, mixed = r.mixed, out_of_order = r.out_of_order, \
                   registered_by = $2, registered_at = clock_timestamp(), \
                   allow = CASE WHEN m.checksum = r.checksum AND (m.state = 'applied' OR r.allow IS NULL) THEN m.allow \
                   ELSE coalesce(r.allow, '{}') END, \
                   allow_reason = CASE WHEN m.checksum = r.checksum AND (m.state = 'applied' OR r.allow IS NULL) \
                   THEN m.allow_reason ELSE r.allow_reason END, \
                   state = CASE WHEN m.state = 'applied' AND m.checksum <> r.checksum THEN 'pending' ELSE m.state END, \
                   statements_done = CASE WHEN m.state = 'applied' AND m.checksum <> r.checksum THEN 0 \
                   ELSE m.statements_done END, \
                   scheduled_attempt = CASE WHEN m.checksum = r.checksum \
                   AND m.down_checksum IS NOT DISTINCT FROM r.down_checksum THEN m.scheduled_attempt END \
                   FROM jsonb_populate_record(NULL::migrator.migration, $1::jsonb) r \
                   WHERE m.version = r.version AND m.checksum = $3 AND m.statements_done = $4::int \
                   AND (m.state <> 'running' OR NOT EXISTS (SELECT FROM migrator.runner w WHERE w.pid = m.running_pid))";
        let done = old.statements_done.to_string();
        let rows = query_planned(sql, &[Some(&given(new)), Some(&role), Some(&old.checksum), Some(&done)])?;
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
    one("sort_key = $1", sort_key)
}

/// The migration of a version.
pub fn of_version(version: &str) -> Result<Option<Stored>> {
    one("version = $1", version)
}

fn one(condition: &str, value: &str) -> Result<Option<Stored>> {
    as_owner(|| {
        let sql = format!("SELECT {COLUMNS} FROM migrator.migration WHERE {condition}");
        Ok(query(&sql, &[Some(value)])?.first().map(stored))
    })
}

fn several(condition: &str, order: &str, value: Option<&str>) -> Result<Vec<Stored>> {
    as_owner(|| {
        let sql = format!("SELECT {COLUMNS} FROM migrator.migration WHERE {condition} ORDER BY {order}");
        Ok(query(&sql, &[value])?.iter().map(stored).collect())
    })
}

/// What is not applied, in order, up to and including a rank.
pub fn pending(up_to: Option<&str>) -> Result<Vec<Stored>> {
    let condition = "state <> 'applied' AND NOT (reverting AND statements_done = 0 AND running_statement IS NULL) \
                     AND ($1 IS NULL OR sort_key <= $1 COLLATE \"C\")";
    several(condition, "sort_key", up_to)
}

/// What is applied from a rank on, the last applied first. Repeatable ones are left out.
pub fn applied_from(rank: &str) -> Result<Vec<Stored>> {
    let condition = "sort_key >= $1 COLLATE \"C\" AND NOT repeatable AND (state = 'applied' OR reverting)";
    several(condition, "reverting DESC, applied_at DESC NULLS LAST, sort_key DESC", Some(rank))
}

/// The version with the highest rank that is applied; repeatable ones do not count.
pub fn newest_applied() -> Result<Option<(String, String)>> {
    as_owner(|| {
        let sql = "SELECT version, sort_key FROM migrator.migration WHERE NOT repeatable \
                   AND (state = 'applied' OR reverting) ORDER BY sort_key DESC LIMIT 1";
        Ok(query_planned(sql, &[])?.first().map(|r| (r.required(0), r.required(1))))
    })
}

/// The states of these versions; those that are not registered are left out.
pub fn states(versions: &[&str]) -> Result<HashMap<String, String>> {
    let list = json!(versions).to_string();
    as_owner(|| {
        let sql = "SELECT version, state FROM migrator.migration \
                   WHERE version IN (SELECT jsonb_array_elements_text($1::jsonb))";
        Ok(query(sql, &[Some(&list)])?.iter().map(|r| (r.required(0), r.required(1))).collect())
    })
}

/// A migration whose stored script no longer has its checksum: version, stored and actual checksum.
pub fn tampered() -> Result<Option<(String, String, String)>> {
    as_owner(|| {
        let sql = "SELECT m.version, s.checksum, s.actual FROM migrator.migration m, LATERAL (VALUES \
                   (m.checksum, migrator.checksum(m.up)), (m.down_checksum, migrator.checksum(m.down))) s (checksum, actual) \
                   WHERE s.checksum <> s.actual ORDER BY m.sort_key LIMIT 1";
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
