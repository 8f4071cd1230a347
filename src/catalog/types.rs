//! Where types are used.

use crate::error::Result;
use crate::pg::spi::{query, query_planned};
use crate::pg::user::as_owner;

/// A column that stores values of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeUse {
    pub table: u32,
    /// `public.t.c`, quoted where needed.
    pub column: String,
}

/// The columns with storage that hold values of a type, also in arrays, domains, ranges and composites: as
/// `find_composite_type_dependencies` finds them.
pub fn uses(type_oid: u32) -> Result<Vec<TypeUse>> {
    list("SELECT $1::oid", type_oid)
}

/// The same for the row type of a table.
pub fn row_type_uses(table: u32) -> Result<Vec<TypeUse>> {
    list("SELECT reltype FROM pg_class WHERE oid = $1::oid AND reltype <> 0", table)
}

fn list(start: &str, oid: u32) -> Result<Vec<TypeUse>> {
    as_owner(|| {
        // Arrays, domains and ranges depend on the type; columns of views and composites lead to their own row types.
        let sql = format!(
            "WITH RECURSIVE holders(oid) AS ({start} UNION SELECT e.oid FROM holders h CROSS JOIN LATERAL ( \
               SELECT d.objid FROM pg_depend d WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid = h.oid \
               AND d.classid = 'pg_type'::regclass \
               UNION ALL \
               SELECT c.reltype FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
               WHERE a.atttypid = h.oid AND NOT a.attisdropped AND c.relkind IN ('v', 'c') AND c.reltype <> 0) e(oid)) \
             SELECT a.attrelid, format('%s.%I', a.attrelid::regclass, a.attname) \
             FROM holders h JOIN pg_attribute a ON a.atttypid = h.oid JOIN pg_class c ON c.oid = a.attrelid \
             WHERE NOT a.attisdropped AND a.attnum > 0 AND c.relkind IN ('r', 'p', 'm', 'f', 'i', 'I') \
             ORDER BY c.relkind NOT IN ('r', 'p'), 2 LIMIT 200"
        );
        Ok(query(&sql, &[Some(&oid.to_string())])?
            .iter()
            .map(|r| TypeUse { table: r.number(0).unwrap_or(0), column: r.required(1) })
            .collect())
    })
}

/// Tables with that composite type: `CREATE TABLE ... OF`.
pub fn typed_tables(type_oid: u32) -> Result<Vec<u32>> {
    as_owner(|| {
        let sql = "SELECT oid FROM pg_class WHERE reloftype = $1::oid";
        Ok(query_planned(sql, &[Some(&type_oid.to_string())])?.iter().filter_map(|r| r.number(0)).collect())
    })
}
