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

/// What has become of a partition that was to be detached CONCURRENTLY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detachment {
    /// It is one still, as if nothing had begun.
    Attached,
    /// The first of two transactions has committed; this statement does what is left to do.
    Half { finalize: String },
    /// It is none any more.
    Detached,
}

/// The name of a partition, and oid and name of its parent, as a JSON object; `None` when it is no partition of that table.
pub fn place(parent: u32, partition: u32) -> Result<Option<String>> {
    as_owner(|| {
        let sql = "SELECT jsonb_build_object('name', format('%I.%I', n.nspname, c.relname), 'parent', p.oid, \
                   'parent_name', format('%I.%I', m.nspname, p.relname)) \
                   FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                   JOIN pg_class p ON p.oid = inhparent JOIN pg_namespace m ON m.oid = p.relnamespace \
                   WHERE inhrelid = $1::oid AND inhparent = $2::oid";
        let parameters = [partition.to_string(), parent.to_string()];
        Ok(query_planned(sql, &[Some(&parameters[0]), Some(&parameters[1])])?.first().and_then(|row| row.text(0)))
    })
}

/// How far a partition is detached that was at that [`place`]. Names count only where the oids mean nothing: in a database
/// that was restored from a dump.
pub fn detachment(partition: u32, place: &str) -> Result<Detachment> {
    as_owner(|| {
        let sql = "SELECT inhdetachpending, format('ALTER TABLE %I.%I DETACH PARTITION %I.%I FINALIZE', \
                   m.nspname, p.relname, n.nspname, c.relname) \
                   FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                   JOIN pg_class p ON p.oid = inhparent JOIN pg_namespace m ON m.oid = p.relnamespace \
                   WHERE (inhrelid = $1::oid AND inhparent = ($2::jsonb ->> 'parent')::oid) \
                   OR (inhrelid = to_regclass($2::jsonb ->> 'name') AND inhparent = to_regclass($2::jsonb ->> 'parent_name') \
                   AND NOT EXISTS (SELECT FROM pg_partitioned_table, pg_class o WHERE partrelid = ($2::jsonb ->> 'parent')::oid \
                   AND o.oid = $1::oid AND o.relkind IN ('r', 'p', 'f')))";
        let rows = query_planned(sql, &[Some(&partition.to_string()), Some(place)])?;
        Ok(match rows.first() {
            None => Detachment::Detached,
            Some(row) if row.boolean(0) => Detachment::Half { finalize: row.required(1) },
            Some(_) => Detachment::Attached,
        })
    })
}
