//! The tables of a run, and the ranges that are cut off from them.

use super::{Unit, Walk};
use crate::error::Result;
use crate::pg::spi::{query, query_planned};
use crate::pg::user::as_owner;

/// A table of a run as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub ordinal: u32,
    pub relation: u32,
    pub name: String,
    /// With its partitions or children.
    pub whole: bool,
    pub walk: Walk,
    /// See [`super::Key::order`].
    pub key_order: Vec<String>,
    pub stripes: u32,
}

/// Where a table has been cut up to, and where it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    pub ordinal: u32,
    pub frontier: Option<String>,
    pub high: String,
}

/// The tables of a run, in order.
pub fn all(run: u32) -> Result<Vec<Stored>> {
    as_owner(|| {
        let sql = "SELECT ordinal, relation::oid, name, whole, walk, to_jsonb(key_order), stripes FROM migrator.backfill_unit \
                   WHERE backfill = $1::int ORDER BY ordinal";
        let rows = query(sql, &[Some(&run.to_string())])?;
        Ok(rows
            .iter()
            .map(|r| Stored {
                ordinal: r.number(0).unwrap_or(0),
                relation: r.number(1).unwrap_or(0),
                name: r.required(2),
                whole: r.boolean(3),
                walk: Walk::named(&r.required(4)),
                key_order: serde_json::from_str(&r.required(5)).unwrap_or_default(),
                stripes: r.number(6).unwrap_or(1),
            })
            .collect())
    })
}

/// Begins a walk: forgets what was stored of an earlier one, except for the counts, and stores the tables with the
/// positions where they end; a table without one is empty.
pub fn begin_walk(run: u32, units: &[(Unit, Option<String>)]) -> Result<()> {
    as_owner(|| {
        let id = run.to_string();
        query("DELETE FROM migrator.backfill_unit WHERE backfill = $1::int", &[Some(&id)])?;
        query("UPDATE migrator.backfill_range SET done = true WHERE backfill = $1::int AND NOT done", &[Some(&id)])?;
        for (unit, high) in units {
            let order = serde_json::json!(unit.key.as_ref().map(super::Key::order).unwrap_or_default()).to_string();
            let sql = "INSERT INTO migrator.backfill_unit (backfill, ordinal, relation, name, walk, key_order, \
                       stripes, high, exhausted, whole) SELECT $1::int, $2::int, $3::oid, $4, $5, \
                       array(SELECT jsonb_array_elements_text($6::jsonb)), $7::int, $8::jsonb, $8 IS NULL, $9::boolean";
            let parameters = [
                Some(id.as_str()),
                Some(&unit.ordinal.to_string()),
                Some(&unit.relation.to_string()),
                Some(&unit.name),
                Some(unit.walk.name()),
                Some(&order),
                Some(&unit.stripes.to_string()),
                high.as_deref(),
                Some(if unit.only { "f" } else { "t" }),
            ];
            query(sql, &parameters)?;
        }
        Ok(())
    })
}

/// Locks the first table of which something is left to be cut off; `None` when there is none. Others wait for this
/// transaction before they cut.
pub fn first_open(run: u32) -> Result<Option<Frontier>> {
    as_owner(|| {
        let sql = "SELECT ordinal, frontier, high FROM migrator.backfill_unit WHERE backfill = $1::int \
                   AND NOT exhausted ORDER BY ordinal LIMIT 1 FOR UPDATE";
        let rows = query(sql, &[Some(&run.to_string())])?;
        Ok(rows.first().map(|r| Frontier {
            ordinal: r.number(0).unwrap_or(0),
            frontier: r.text(1),
            high: r.required(2),
        }))
    })
}

/// Whether something is left to be cut off.
pub fn is_open(run: u32) -> Result<bool> {
    as_owner(|| {
        let sql = "SELECT EXISTS (SELECT FROM migrator.backfill_unit WHERE backfill = $1::int AND NOT exhausted)";
        Ok(query_planned(sql, &[Some(&run.to_string())])?.first().is_some_and(|r| r.boolean(0)))
    })
}

/// Stores up to where a table has been cut.
pub fn cut(run: u32, ordinal: u32, frontier: &str, exhausted: bool) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_unit SET frontier = $3::jsonb, exhausted = $4::boolean \
                   WHERE backfill = $1::int AND ordinal = $2::int";
        let (run, ordinal) = (run.to_string(), ordinal.to_string());
        query(sql, &[Some(&run), Some(&ordinal), Some(frontier), Some(if exhausted { "t" } else { "f" })]).map(drop)
    })
}
