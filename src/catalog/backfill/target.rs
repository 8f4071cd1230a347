//! What a table is, for deciding how to walk it.

use crate::catalog::keys::oid_array;
use crate::error::Result;
use crate::pg::spi::query;
use crate::pg::user::as_owner;

/// A relation that was named as the target of a backfill, or one of its partitions or children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub relation: u32,
    /// pg_class.relkind.
    pub kind: char,
    /// Quoted and schema-qualified.
    pub quoted: String,
    /// Its bare name, quoted.
    pub name: String,
    /// It belongs to the system or to migrator.
    pub system: bool,
    /// Another session's temporary table.
    pub foreign_temporary: bool,
    /// The table access method is heap.
    pub heap: bool,
}

/// Describes relations, in the order given; those that are gone are left out.
pub fn describe(relations: &[u32]) -> Result<Vec<Described>> {
    as_owner(|| {
        let sql = "SELECT c.oid, c.relkind, format('%I.%I', n.nspname, c.relname), quote_ident(c.relname), \
                   c.oid < 16384 OR n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast', 'migrator'), \
                   pg_is_other_temp_schema(n.oid), coalesce(am.amname = 'heap', false) \
                   FROM unnest($1::oid[]) WITH ORDINALITY u(oid, ord) JOIN pg_class c ON c.oid = u.oid \
                   JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am am ON am.oid = c.relam \
                   ORDER BY u.ord";
        let rows = query(sql, &[Some(&oid_array(relations))])?;
        Ok(rows
            .iter()
            .map(|r| Described {
                relation: r.number(0).unwrap_or(0),
                kind: r.required(1).chars().next().unwrap_or(' '),
                quoted: r.required(2),
                name: r.required(3),
                system: r.boolean(4),
                foreign_temporary: r.boolean(5),
                heap: r.boolean(6),
            })
            .collect())
    })
}

/// Whether policies of the relation apply to the caller.
pub fn has_policies_for_caller(relation: u32) -> Result<bool> {
    let sql = "SELECT pg_catalog.row_security_active(CAST($1 AS pg_catalog.oid))";
    Ok(query(sql, &[Some(&relation.to_string())])?.first().is_some_and(|r| r.boolean(0)))
}

/// The first of the tables that the caller may not update and read by itself.
pub fn not_updatable(relations: &[u32]) -> Result<Option<u32>> {
    let sql = "SELECT oid FROM pg_catalog.unnest(CAST($1 AS pg_catalog.oid[])) AS u(oid) WHERE NOT (\
               (pg_catalog.has_table_privilege(oid, 'UPDATE') OR pg_catalog.has_any_column_privilege(oid, 'UPDATE')) \
               AND (pg_catalog.has_table_privilege(oid, 'SELECT') OR \
               pg_catalog.has_any_column_privilege(oid, 'SELECT'))) LIMIT 1";
    Ok(query(sql, &[Some(&oid_array(relations))])?.first().and_then(|r| r.number(0)))
}

/// The index that an update of these columns changes, if any: a key, an expression or a predicate of it uses one of them,
/// or a generated column that is computed from one. From 16 a BRIN index does not count.
pub fn index_on(relation: u32, columns: &[String]) -> Result<Option<String>> {
    as_owner(|| {
        let sql = "WITH changed AS (\
                     SELECT attnum FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped \
                      AND attname = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) \
                     UNION \
                     SELECT d.adnum FROM pg_attrdef d JOIN pg_attribute g ON g.attrelid = d.adrelid \
                      AND g.attnum = d.adnum AND g.attgenerated <> '' \
                     JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid \
                      AND p.refclassid = 'pg_class'::regclass AND p.refobjid = d.adrelid \
                     JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = p.refobjsubid \
                     WHERE d.adrelid = $1::oid AND a.attname = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb)))) \
                   SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid \
                   JOIN pg_am am ON am.oid = x.relam \
                   WHERE i.indrelid = $1::oid \
                   AND (am.amname <> 'brin' OR current_setting('server_version_num')::int < 160000) \
                   AND (i.indkey::int2[] && ARRAY(SELECT attnum FROM changed) OR EXISTS (\
                     SELECT FROM pg_depend p JOIN changed c ON c.attnum = p.refobjsubid \
                     WHERE p.classid = 'pg_class'::regclass AND p.objid = i.indexrelid \
                     AND p.refclassid = 'pg_class'::regclass AND p.refobjid = i.indrelid)) \
                   ORDER BY 1 LIMIT 1";
        let names = serde_json::json!(columns).to_string();
        Ok(query(sql, &[Some(&relation.to_string()), Some(&names)])?.first().and_then(|r| r.text(0)))
    })
}

/// The generated columns that are computed from these.
pub fn generated_from(relation: u32, columns: &[String]) -> Result<Vec<String>> {
    as_owner(|| {
        let sql = "SELECT DISTINCT g.attname FROM pg_attrdef d JOIN pg_attribute g ON g.attrelid = d.adrelid \
                    AND g.attnum = d.adnum AND g.attgenerated <> '' \
                   JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid \
                    AND p.refclassid = 'pg_class'::regclass AND p.refobjid = d.adrelid \
                   JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = p.refobjsubid \
                   WHERE d.adrelid = $1::oid AND a.attname = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb)))";
        let names = serde_json::json!(columns).to_string();
        Ok(query(sql, &[Some(&relation.to_string()), Some(&names)])?.iter().map(|r| r.required(0)).collect())
    })
}

/// The columns by which a table is partitioned, at any level below it.
pub fn partition_columns(relation: u32) -> Result<Vec<String>> {
    as_owner(|| {
        let sql = "SELECT DISTINCT a.attname FROM pg_partition_tree($1::oid::regclass) t \
                   JOIN pg_partitioned_table p ON p.partrelid = t.relid \
                   JOIN pg_attribute a ON a.attrelid = p.partrelid AND (a.attnum = ANY (p.partattrs::int2[]) OR EXISTS (\
                     SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = p.partrelid \
                     AND d.objsubid = 0 AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.partrelid \
                     AND d.refobjsubid = a.attnum))";
        Ok(query(sql, &[Some(&relation.to_string())])?.iter().map(|r| r.required(0)).collect())
    })
}

/// Pages that can be visited several times at little cost: they stay in the server's buffers, and, as the first change of a
/// page after a checkpoint writes the whole page to the WAL, they fit several times between two checkpoints.
pub fn pages_at_hand() -> Result<u64> {
    as_owner(|| {
        let sql = "SELECT least(\
                     (SELECT setting::bigint FROM pg_settings WHERE name = 'shared_buffers'), \
                     (SELECT setting::bigint * 1024 * 1024 / current_setting('block_size')::bigint \
                      FROM pg_settings WHERE name = 'max_wal_size')) / 8";
        Ok(query(sql, &[])?.first().and_then(|r| r.number(0)).unwrap_or(1024))
    })
}
