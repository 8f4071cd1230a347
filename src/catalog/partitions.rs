//! Partition keys, and partitions that are being detached.

use crate::error::Result;
use crate::pg::spi::query_planned;
use crate::pg::user::as_owner;

/// The tables of a partition tree that have a column of its root in their partition key, by itself or in an expression;
/// qualified and quoted.
pub fn keyed_by(root: u32, column: i16) -> Result<Vec<String>> {
    let parameters = [root.to_string(), column.to_string()];
    as_owner(|| {
        // The dependency of a partitioned table on its own column comes from an expression of the key.
        let sql = "WITH RECURSIVE tree AS (SELECT $1::oid AS oid UNION ALL \
                     SELECT inhrelid FROM tree JOIN pg_inherits ON inhparent = tree.oid) \
                   SELECT format('%I.%I', nspname, relname) FROM tree JOIN pg_partitioned_table ON partrelid = tree.oid \
                   JOIN pg_class c ON c.oid = partrelid JOIN pg_namespace n ON n.oid = relnamespace \
                   JOIN pg_attribute a ON attrelid = partrelid AND NOT attisdropped AND attname = \
                     (SELECT attname FROM pg_attribute WHERE attrelid = $1::oid AND attnum = $2::int2) \
                   WHERE attnum = ANY (partattrs::int2[]) OR (0 = ANY (partattrs::int2[]) AND EXISTS (\
                     SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = partrelid AND objsubid = 0 \
                     AND refclassid = 'pg_class'::regclass AND refobjid = partrelid AND refobjsubid = attnum)) \
                   ORDER BY 1";
        Ok(query_planned(sql, &[Some(&parameters[0]), Some(&parameters[1])])?
            .iter()
            .map(|row| row.required(0))
            .collect())
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
