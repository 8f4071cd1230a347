//! Primary keys.

use crate::error::Result;
use crate::pg::spi::query;
use crate::pg::user::as_owner;

/// The columns of a primary key, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrimaryKey {
    pub columns: Vec<KeyColumn>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    /// As in pg_attribute.
    pub name: String,
    /// Quoted where needed.
    pub quoted: String,
    /// The type, schema-qualified where needed.
    pub type_name: String,
    /// The schema of the index's comparison operators, quoted where needed.
    pub operator_schema: String,
    /// An array, a composite or JSON value: it has no single text that a cursor could hold.
    pub nested: bool,
}

/// The primary key of a table, if it has one.
pub fn primary_key(relation: u32) -> Result<Option<PrimaryKey>> {
    as_owner(|| {
        // The bare name of the type: character(3) is pg_catalog.bpchar, which does not cut a value as CAST to
        // character would.
        let sql = "SELECT a.attname, quote_ident(a.attname), format('%I.%I', tn.nspname, t.typname), \
                   quote_ident(n.nspname), t.typcategory IN ('A', 'C') OR b.typname IN ('json', 'jsonb') \
                   FROM pg_index i \
                   CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[]) WITH ORDINALITY k(attnum, opclass, ord) \
                   JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
                   JOIN pg_type t ON t.oid = a.atttypid \
                   JOIN pg_namespace tn ON tn.oid = t.typnamespace \
                   JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END \
                   JOIN pg_opclass c ON c.oid = k.opclass \
                   JOIN pg_amop m ON m.amopfamily = c.opcfamily AND m.amoplefttype = c.opcintype \
                    AND m.amoprighttype = c.opcintype AND m.amopstrategy = 5 AND m.amoppurpose = 's' \
                   JOIN pg_operator o ON o.oid = m.amopopr \
                   JOIN pg_namespace n ON n.oid = o.oprnamespace \
                   WHERE i.indrelid = $1::oid AND i.indisprimary AND i.indisvalid AND k.ord <= i.indnkeyatts \
                   ORDER BY k.ord";
        let rows = query(sql, &[Some(&relation.to_string())])?;
        let columns: Vec<KeyColumn> = rows
            .iter()
            .map(|r| KeyColumn {
                name: r.required(0),
                quoted: r.required(1),
                type_name: r.required(2),
                operator_schema: r.required(3),
                nested: r.boolean(4),
            })
            .collect();
        Ok((!columns.is_empty()).then_some(PrimaryKey { columns }))
    })
}

/// A column of the key that may be NULL in a child table; rows with a NULL there would not be walked over.
pub fn nullable_in_child(leaves: &[u32], key: &PrimaryKey) -> Result<Option<String>> {
    let names: Vec<&str> = key.columns.iter().map(|c| c.name.as_str()).collect();
    as_owner(|| {
        let sql = "SELECT format('%I of %s', attname, attrelid::regclass) FROM pg_attribute \
                   WHERE attrelid = ANY ($1::oid[]) AND NOT attnotnull \
                   AND attname = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) LIMIT 1";
        let rows = query(sql, &[Some(&oid_array(leaves)), Some(&serde_json::json!(names).to_string())])?;
        Ok(rows.first().and_then(|r| r.text(0)))
    })
}

/// An array of oids in text.
pub fn oid_array(oids: &[u32]) -> String {
    let list: Vec<String> = oids.iter().map(u32::to_string).collect();
    format!("{{{}}}", list.join(","))
}

/// What a relation is, for messages: kind, quoted name, and whether it belongs to the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// pg_class.relkind.
    pub kind: char,
    pub quoted: String,
    pub system: bool,
}

/// Describes a relation; `None` when there is none of that oid.
pub fn describe(relation: u32) -> Result<Option<Described>> {
    as_owner(|| {
        let sql = "SELECT c.relkind, format('%I.%I', n.nspname, c.relname), \
                   c.oid < 16384 OR n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast', 'migrator') \
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid";
        let rows = query(sql, &[Some(&relation.to_string())])?;
        Ok(rows.first().map(|r| Described {
            kind: r.required(0).chars().next().unwrap_or(' '),
            quoted: r.required(1),
            system: r.boolean(2),
        }))
    })
}
