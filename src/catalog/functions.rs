//! Functions and what is stored by means of them.

use crate::error::Result;
use crate::pg::spi::query_planned;
use crate::pg::user::as_owner;

/// The bare name of a function.
pub fn name(function: u32) -> Result<Option<String>> {
    as_owner(|| {
        let rows = query_planned("SELECT proname FROM pg_proc WHERE oid = $1::oid", &[Some(&function.to_string())])?;
        Ok(rows.first().and_then(|r| r.text(0)))
    })
}

/// Something stored that was computed or checked with a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredUse {
    /// As Postgres describes it.
    pub description: String,
    /// The table whose rows it is about.
    pub table: u32,
    /// An index: qualified and quoted.
    pub index: Option<String>,
}

/// Indexes, CHECK constraints, stored generated columns and partition keys that use a function.
pub fn stored_uses(function: u32) -> Result<Vec<StoredUse>> {
    as_owner(|| {
        let sql = "SELECT DISTINCT \
                   CASE WHEN g.attnum IS NOT NULL THEN pg_describe_object('pg_class'::regclass, g.attrelid, g.attnum) \
                     WHEN c.relkind = 'p' THEN format('the partition key of %s', pg_describe_object(d.classid, d.objid, 0)) \
                     ELSE pg_describe_object(d.classid, d.objid, 0) END, \
                   coalesce(i.indrelid, NULLIF(k.conrelid, 0), g.attrelid, c.oid, 0), \
                   CASE WHEN i.indexrelid IS NOT NULL THEN i.indexrelid::regclass::text END \
                   FROM pg_depend d \
                   LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid \
                   LEFT JOIN pg_index i ON i.indexrelid = c.oid \
                   LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid AND k.contype = 'c' \
                   LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid \
                   LEFT JOIN pg_attribute g ON g.attrelid = f.adrelid AND g.attnum = f.adnum AND g.attgenerated = 's' \
                   WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = $1::oid \
                   AND (i.indexrelid IS NOT NULL OR k.oid IS NOT NULL OR g.attnum IS NOT NULL OR c.relkind = 'p') \
                   ORDER BY 1";
        Ok(query_planned(sql, &[Some(&function.to_string())])?
            .iter()
            .map(|r| StoredUse { description: r.required(0), table: r.number(1).unwrap_or(0), index: r.text(2) })
            .collect())
    })
}

/// Functions that return rows of a table.
pub fn returning(table: u32) -> Result<Vec<String>> {
    as_owner(|| {
        let sql = "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_class c ON c.reltype = p.prorettype \
                   WHERE c.oid = $1::oid AND c.reltype <> 0 ORDER BY 1 LIMIT 200";
        Ok(query_planned(sql, &[Some(&table.to_string())])?.iter().map(|r| r.required(0)).collect())
    })
}
