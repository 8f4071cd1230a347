//! Rows that could not be changed.

use super::Unit;
use crate::error::{Report, Result};
use crate::pg::spi::query;
use crate::pg::user::as_owner;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub relation: u32,
    /// Its key, or its ctid, as a JSON array.
    pub key: String,
    /// `(id) = (5)`.
    pub row: String,
    pub table: String,
    pub sqlstate: String,
    pub message: String,
}

/// Keeps a row and its error; a newer error replaces an older one.
pub fn add(run: u32, unit: &Unit, key: &str, row: &str, error: &Report) -> Result<()> {
    as_owner(|| {
        let sql = "INSERT INTO migrator.backfill_error (backfill, relation, name, key, \"row\", sqlstate, message, \
                   detail) VALUES ($1::int, $2::oid, $3, $4::jsonb, $5, $6, $7, $8) \
                   ON CONFLICT (backfill, relation, key) DO UPDATE SET sqlstate = excluded.sqlstate, \
                   message = excluded.message, detail = excluded.detail, at = clock_timestamp()";
        let sqlstate = error.sqlstate.map_or_else(|| "XX000".to_owned(), |s| s.to_string());
        let parameters = [
            Some(&*run.to_string()),
            Some(&unit.relation.to_string()),
            Some(&unit.name),
            Some(key),
            Some(row),
            Some(&sqlstate),
            Some(&error.message),
            error.detail.as_deref(),
        ];
        query(sql, &parameters).map(drop)
    })
}

/// The rows of a run that could not be changed, the first one first; all, or at most so many.
pub fn of(run: u32, most: Option<u32>) -> Result<Vec<Failed>> {
    as_owner(|| {
        let sql = "SELECT relation::oid, key, \"row\", name, sqlstate, message FROM migrator.backfill_error \
                   WHERE backfill = $1::int ORDER BY id LIMIT $2::bigint";
        let rows = query(sql, &[Some(&run.to_string()), most.map(|n| n.to_string()).as_deref()])?;
        Ok(rows
            .iter()
            .map(|r| Failed {
                relation: r.number(0).unwrap_or(0),
                key: r.required(1),
                row: r.required(2),
                table: r.required(3),
                sqlstate: r.required(4),
                message: r.required(5),
            })
            .collect())
    })
}

/// How many there are.
pub fn count(run: u32) -> Result<u64> {
    as_owner(|| {
        let sql = "SELECT count(*) FROM migrator.backfill_error WHERE backfill = $1::int";
        Ok(query(sql, &[Some(&run.to_string())])?.first().and_then(|r| r.number(0)).unwrap_or(0))
    })
}

/// Forgets a row that was changed after all, or is gone.
pub fn forget(run: u32, relation: u32, key: &str) -> Result<()> {
    as_owner(|| {
        let sql = "DELETE FROM migrator.backfill_error WHERE backfill = $1::int AND relation = $2::oid \
                   AND key = $3::jsonb";
        query(sql, &[Some(&run.to_string()), Some(&relation.to_string()), Some(key)]).map(drop)
    })
}

/// Forgets all of them.
pub fn forget_all(run: u32) -> Result<()> {
    as_owner(|| {
        query("DELETE FROM migrator.backfill_error WHERE backfill = $1::int", &[Some(&run.to_string())]).map(drop)
    })
}
