//! Where relations are stored, and what statistics say about them.

use super::keys::oid_array;
use crate::error::Result;
use crate::pg::spi::query_planned;
use crate::pg::user::as_owner;

/// One relation's main fork.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    pub oid: u32,
    /// Relative to the data directory; `None` without storage.
    pub path: Option<String>,
    /// -1 when it was never analysed.
    pub reltuples: f64,
    pub relpages: f64,
    /// Width of a row without its header, guessed from the column types as the planner does.
    pub width: f64,
}

/// Reads the catalogue only; no lock on the relations.
pub fn of(oids: &[u32]) -> Result<Vec<Storage>> {
    if oids.is_empty() {
        return Ok(Vec::new());
    }
    let list = oid_array(oids);
    as_owner(|| {
        let sql = "SELECT c.oid, pg_relation_filepath(c.oid), c.reltuples, c.relpages, \
                   (SELECT sum(CASE WHEN a.attlen > 0 THEN a.attlen ELSE 32 END) FROM pg_attribute a \
                    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) \
                   FROM pg_class c WHERE c.oid = ANY ($1::oid[])";
        Ok(query_planned(sql, &[Some(&list)])?
            .iter()
            .map(|r| Storage {
                oid: r.number(0).unwrap_or(0),
                path: r.text(1),
                reltuples: r.number(2).unwrap_or(-1.0),
                relpages: r.number(3).unwrap_or(0.0),
                width: r.number(4).unwrap_or(0.0),
            })
            .collect())
    })
}

/// Bytes as people read them.
pub fn pretty(bytes: u64) -> Result<String> {
    as_owner(|| {
        let rows = query_planned("SELECT pg_size_pretty($1::bigint)", &[Some(&bytes.to_string())])?;
        Ok(rows.first().map(|r| r.required(0)).unwrap_or_default())
    })
}

/// How many columns a table has had, and how many of them are dropped.
pub fn columns(table: u32) -> Result<(u64, u64)> {
    as_owner(|| {
        let sql = "SELECT count(*), count(*) FILTER (WHERE attisdropped) FROM pg_attribute \
                   WHERE attrelid = $1::oid AND attnum > 0";
        let rows = query_planned(sql, &[Some(&table.to_string())])?;
        Ok(rows.first().map_or((0, 0), |r| (r.number(0).unwrap_or(0), r.number(1).unwrap_or(0))))
    })
}

/// The relations of an inheritance tree (its tables and their indexes), and how many locks the server has room for.
pub fn locks_of_tree(table: u32) -> Result<(u64, u64)> {
    as_owner(|| {
        let sql = "WITH RECURSIVE tree(oid) AS (SELECT $1::oid UNION \
                     SELECT i.inhrelid FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid) \
                   SELECT count(*) + (SELECT count(*) FROM pg_index JOIN tree ON tree.oid = indrelid), \
                   current_setting('max_locks_per_transaction')::bigint * \
                     (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint) \
                   FROM tree";
        let rows = query_planned(sql, &[Some(&table.to_string())])?;
        Ok(rows.first().map_or((0, u64::MAX), |r| (r.number(0).unwrap_or(0), r.number(1).unwrap_or(u64::MAX))))
    })
}
