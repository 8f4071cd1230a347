//! Ranges: what one process changes, batch by batch.

use crate::error::Result;
use crate::pg::spi::{Row, query, query_planned};
use crate::pg::user::as_owner;

/// A range that is not done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Range {
    pub id: u32,
    /// The ordinal of its table.
    pub unit: u32,
    pub low: Option<String>,
    pub high: String,
    pub stripes: u32,
    pub stripe: u32,
    /// How far the stripe has come; `None` at its beginning.
    pub cursor: Option<String>,
}

/// What a batch adds to a range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gain {
    pub rows_visited: f64,
    pub rows_done: u64,
    pub rows_skipped: u64,
    pub milliseconds: f64,
}

const COLUMNS: &str = "id, unit, low, high, stripes, stripe, cursor";

fn range_of(row: Row<'_>) -> Range {
    Range {
        id: row.number(0).unwrap_or(0),
        unit: row.number(1).unwrap_or(0),
        low: row.text(2),
        high: row.required(3),
        stripes: row.number(4).unwrap_or(1),
        stripe: row.number(5).unwrap_or(0),
        cursor: row.text(6),
    }
}

/// The ranges that are not done, whoever works at them.
pub fn open(run: u32) -> Result<Vec<Range>> {
    as_owner(|| {
        let sql =
            format!("SELECT {COLUMNS} FROM migrator.backfill_range WHERE backfill = $1::int AND NOT done ORDER BY id");
        Ok(query(&sql, &[Some(&run.to_string())])?.iter().map(range_of).collect())
    })
}

/// One of them; `None` when it is done.
pub fn read(id: u32) -> Result<Option<Range>> {
    as_owner(|| {
        let sql = format!("SELECT {COLUMNS} FROM migrator.backfill_range WHERE id = $1::int AND NOT done");
        Ok(query(&sql, &[Some(&id.to_string())])?.first().map(range_of))
    })
}

/// Stores a new range and returns its number.
pub fn create(run: u32, range: &Range) -> Result<u32> {
    as_owner(|| {
        let sql = "INSERT INTO migrator.backfill_range (backfill, unit, low, high, stripes) \
                   VALUES ($1::int, $2::int, $3::jsonb, $4::jsonb, $5::int) RETURNING id";
        let (run, unit, stripes) = (run.to_string(), range.unit.to_string(), range.stripes.to_string());
        let parameters = [Some(run.as_str()), Some(&unit), range.low.as_deref(), Some(&range.high), Some(&stripes)];
        Ok(query(sql, &parameters)?.first().and_then(|r| r.number(0)).unwrap_or(0))
    })
}

/// Stores how far a range has come, and what the batch has added; commits with the batch. False when it is not where it was
/// any more: somebody has put an end to it meanwhile, or has changed the same rows.
pub fn advance(before: &Range, range: &Range, done: bool, gain: Gain) -> Result<bool> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_range SET stripe = $2::int, cursor = $3::jsonb, done = $4::boolean, \
                   rows_visited = rows_visited + $5::float8, rows_done = rows_done + $6::bigint, \
                   rows_skipped = rows_skipped + $7::bigint, batches = batches + 1, batch_ms = $8::float8, \
                   busy_ms = busy_ms + $8::float8, longest_ms = greatest(longest_ms, $8::float8), stripes = $9::int \
                   WHERE id = $1::int AND NOT done AND stripe = $10::int AND cursor IS NOT DISTINCT FROM $11::jsonb";
        let parameters = [
            Some(&*range.id.to_string()),
            Some(&range.stripe.to_string()),
            range.cursor.as_deref(),
            Some(if done { "t" } else { "f" }),
            Some(&gain.rows_visited.to_string()),
            Some(&gain.rows_done.to_string()),
            Some(&gain.rows_skipped.to_string()),
            Some(&gain.milliseconds.to_string()),
            Some(&range.stripes.to_string()),
            Some(&before.stripe.to_string()),
            before.cursor.as_deref(),
        ];
        Ok(query_planned(sql, &parameters)?.processed == 1)
    })
}
