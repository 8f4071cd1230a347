//! What people decide about a run while it runs.

use crate::error::Result;
use crate::pg::spi::{query, query_planned};
use crate::pg::user::{as_owner, current_role};

/// What is wanted of a run now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// run, pause or cancel.
    pub wish: String,
    /// Who said so last, and when.
    pub by: String,
    /// Counts the changes of the settings.
    pub version: u32,
    /// JSON.
    pub settings: String,
    /// The role that gave them, with whose rights the conditions among them run.
    pub settings_by: String,
    /// The state of the run: another process of it may have ended it.
    pub state: String,
    /// Its processes are of this generation.
    pub generation: u32,
}

/// Reads it; `None` when there is no such run.
pub fn read(id: u32) -> Result<Option<Control>> {
    as_owner(|| {
        let sql = "SELECT c.wish, coalesce(c.changed_by, '') || ' at ' || to_char(c.changed_at, 'HH24:MI:SS'), \
                   c.version, c.settings, b.state, c.settings_by, b.generation \
                   FROM migrator.backfill_control c JOIN migrator.backfill_run b ON b.id = c.backfill \
                   WHERE c.backfill = $1::int";
        let rows = query_planned(sql, &[Some(&id.to_string())])?;
        Ok(rows.first().map(|r| Control {
            wish: r.required(0),
            by: r.required(1),
            version: r.number(2).unwrap_or(0),
            settings: r.required(3),
            state: r.required(4),
            settings_by: r.required(5),
            generation: r.number(6).unwrap_or(0),
        }))
    })
}

/// Stores what a person wants.
pub fn wish(id: u32, wish: &str) -> Result<()> {
    let role = current_role();
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_control SET wish = $2, changed_by = $3, changed_at = clock_timestamp() \
                   WHERE backfill = $1::int";
        query(sql, &[Some(&id.to_string()), Some(wish), Some(&role)]).map(drop)
    })
}

/// Stores settings that a call gives, unless the last call gave the same and was the same role's.
pub fn give(id: u32, settings: &str) -> Result<()> {
    let role = current_role();
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_control SET settings = $2::jsonb, given = $2::jsonb, settings_by = $3, \
                   version = version + 1, changed_at = clock_timestamp() \
                   WHERE backfill = $1::int AND (settings_by <> $3 OR given <> $2::jsonb)";
        query(sql, &[Some(&id.to_string()), Some(settings), Some(&role)]).map(drop)
    })
}

/// Stores settings that were made of those of a version; they count from the next batch on. False when there is a newer
/// version by now, of another role perhaps.
pub fn set(id: u32, settings: &str, version: u32) -> Result<bool> {
    let role = current_role();
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_control SET settings = $2::jsonb, version = version + 1, changed_by = $3, \
                   changed_at = clock_timestamp() WHERE backfill = $1::int AND version = $4::int";
        let (id, version) = (id.to_string(), version.to_string());
        Ok(query(sql, &[Some(&id), Some(settings), Some(&role), Some(&version)])?.processed == 1)
    })
}
