//! Where relations are stored, and what statistics say about them.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::pg::spi::query_planned;
use crate::pg::storage;
pub use crate::pg::storage::{Storage, columns as had_columns, width};
use crate::pg::user::as_owner;

/// Each once, however often it is named. Reads the catalogue only; no lock on the relations.
pub fn of(oids: &[u32]) -> Vec<Storage> {
    let once: BTreeSet<u32> = oids.iter().copied().collect();
    once.into_iter().filter_map(storage::of).collect()
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
