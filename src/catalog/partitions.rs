//! Partition keys, and partitions that are being detached.

use crate::error::Result;
use crate::pg::spi::query_planned;
use crate::pg::user::as_owner;

/// Whether a column is part of a table's partition key, by itself or in an expression.
pub fn is_key(table: u32, column: i16) -> Result<bool> {
    let parameters = [table.to_string(), column.to_string()];
    as_owner(|| {
        // The dependency of a partitioned table on its own column comes from an expression of the key.
        let sql = "SELECT EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = $1::oid \
                     AND $2::int2 = ANY (partattrs::int2[])) \
                   OR EXISTS (SELECT FROM pg_partitioned_table JOIN pg_depend ON classid = 'pg_class'::regclass \
                     AND objid = partrelid AND objsubid = 0 AND refclassid = 'pg_class'::regclass AND refobjid = partrelid \
                     AND refobjsubid = $2::int WHERE partrelid = $1::oid AND 0 = ANY (partattrs::int2[]))";
        Ok(query_planned(sql, &[Some(&parameters[0]), Some(&parameters[1])])?.first().is_some_and(|r| r.boolean(0)))
    })
}

/// Partitions of a table whose DETACH ... CONCURRENTLY has begun and not ended, qualified and quoted.
pub fn detaching(parent: u32) -> Result<Vec<String>> {
    as_owner(|| {
        let sql = "SELECT format('%I.%I', nspname, relname) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid \
                   JOIN pg_namespace n ON n.oid = relnamespace WHERE inhparent = $1::oid AND inhdetachpending ORDER BY 1";
        Ok(query_planned(sql, &[Some(&parent.to_string())])?.iter().map(|row| row.required(0)).collect())
    })
}
