//! Keys along which the rows of a table can be walked.

use crate::error::Result;
use crate::pg::spi::query;
use crate::pg::user::as_owner;

/// The columns of a unique key none of which can be NULL, in its index's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub columns: Vec<KeyColumn>,
    /// It is the primary key.
    pub primary: bool,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    /// As in pg_attribute.
    pub name: String,
    /// Quoted where needed.
    pub quoted: String,
    /// The type, or that below a domain, schema-qualified.
    pub type_name: String,
    /// The schema of the index's comparison operators, quoted where needed.
    pub operator_schema: String,
    /// An array, a composite, a range or a JSON value: in JSON only its text means it.
    pub nested: bool,
    /// The collation, schema-qualified where needed; `-` for a type that has none.
    pub collation: String,
    /// smallint, integer or bigint.
    pub integer: bool,
}

impl Key {
    /// The names of its columns.
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|c| c.name.clone()).collect()
    }

    /// What the order of its values depends on: another one is another walk.
    pub fn order(&self) -> Vec<String> {
        self.columns.iter().map(|c| format!("{} {} {}", c.quoted, c.type_name, c.collation)).collect()
    }

    /// `(a, b)` for messages.
    pub fn described(&self) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|c| c.quoted.as_str()).collect();
        format!("({})", columns.join(", "))
    }
}

/// The primary key of a table, or else another unique key of NOT NULL columns: the one with the fewest. Left out are keys
/// whose index does not serve `ORDER BY` and row comparison as they are written (partial, expression, another collation or
/// operator class), those whose operators are in different schemas, those with NOT NULL constraints that are NOT VALID, and
/// floats in a session that does not write all their digits.
pub fn of(relation: u32) -> Result<Option<Key>> {
    as_owner(|| {
        // The bare name of the type: character(3) is pg_catalog.bpchar, which does not cut a value as CAST to
        // character would. That below a domain: a key that is there already may be outside of its constraints.
        let sql = "WITH key AS (\
                     SELECT i.indexrelid, i.indisprimary, i.indnkeyatts FROM pg_index i \
                     JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam AND am.amname = 'btree' \
                     WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL \
                     AND i.indexprs IS NULL AND NOT EXISTS (\
                       SELECT FROM unnest(i.indkey::int2[], i.indclass::oid[], i.indcollation::oid[]) \
                         WITH ORDINALITY k(attnum, opclass, coll, ord) \
                       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
                       JOIN pg_opclass c ON c.oid = k.opclass \
                       WHERE k.ord <= i.indnkeyatts \
                       AND (NOT (a.attnotnull AND c.opcdefault AND k.coll = a.attcollation) \
                         OR a.atttypid IN ('float4'::regtype, 'float8'::regtype) \
                            AND current_setting('extra_float_digits')::int < 1 \
                         OR EXISTS (SELECT FROM pg_constraint n WHERE n.conrelid = i.indrelid AND n.contype = 'n' \
                            AND NOT n.convalidated AND a.attnum = ANY (n.conkey)))) \
                     AND 1 = (SELECT count(DISTINCT o.oprnamespace) \
                       FROM unnest(i.indclass::oid[]) k(opclass) JOIN pg_opclass c ON c.oid = k.opclass \
                       JOIN pg_amop m ON m.amopfamily = c.opcfamily AND m.amoplefttype = c.opcintype \
                        AND m.amoprighttype = c.opcintype AND m.amopstrategy = 5 AND m.amoppurpose = 's' \
                       JOIN pg_operator o ON o.oid = m.amopopr) \
                     ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1) \
                   SELECT a.attname, quote_ident(a.attname), format('%I.%I', bn.nspname, b.typname), \
                   quote_ident(n.nspname), b.typcategory IN ('A', 'C', 'R') OR b.typname IN ('json', 'jsonb'), \
                   b.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype), i.indisprimary, \
                   a.attcollation::regcollation \
                   FROM key JOIN pg_index i USING (indexrelid) \
                   CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[]) WITH ORDINALITY k(attnum, opclass, ord) \
                   JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
                   CROSS JOIN LATERAL (WITH RECURSIVE below AS (SELECT a.atttypid AS oid UNION ALL \
                     SELECT t.typbasetype FROM below JOIN pg_type t USING (oid) WHERE t.typtype = 'd') \
                     SELECT t.* FROM below JOIN pg_type t USING (oid) WHERE t.typtype <> 'd') b \
                   JOIN pg_namespace bn ON bn.oid = b.typnamespace \
                   JOIN pg_opclass c ON c.oid = k.opclass \
                   JOIN pg_amop m ON m.amopfamily = c.opcfamily AND m.amoplefttype = c.opcintype \
                    AND m.amoprighttype = c.opcintype AND m.amopstrategy = 5 AND m.amoppurpose = 's' \
                   JOIN pg_operator o ON o.oid = m.amopopr \
                   JOIN pg_namespace n ON n.oid = o.oprnamespace \
                   WHERE k.ord <= i.indnkeyatts ORDER BY k.ord";
        let rows = query(sql, &[Some(&relation.to_string())])?;
        let columns: Vec<KeyColumn> = rows
            .iter()
            .map(|r| KeyColumn {
                name: r.required(0),
                quoted: r.required(1),
                type_name: r.required(2),
                operator_schema: r.required(3),
                nested: r.boolean(4),
                integer: r.boolean(5),
                collation: r.required(7),
            })
            .collect();
        let primary = rows.first().is_some_and(|r| r.boolean(6));
        Ok((!columns.is_empty()).then_some(Key { columns, primary }))
    })
}

/// A column of the key that may be NULL in a child table; rows with a NULL there would not be walked over.
pub fn nullable_in_child(leaves: &[u32], key: &Key) -> Result<Option<String>> {
    as_owner(|| {
        let sql = "SELECT format('%I of %s', attname, attrelid::regclass) FROM pg_attribute \
                   WHERE attrelid = ANY ($1::oid[]) AND (NOT attnotnull OR EXISTS (SELECT FROM pg_constraint n \
                     WHERE n.conrelid = attrelid AND n.contype = 'n' AND NOT n.convalidated AND attnum = ANY (n.conkey))) \
                   AND attname = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) LIMIT 1";
        let names = serde_json::json!(key.names()).to_string();
        let rows = query(sql, &[Some(&oid_array(leaves)), Some(&names)])?;
        Ok(rows.first().and_then(|r| r.text(0)))
    })
}

/// An array of oids in text.
pub fn oid_array(oids: &[u32]) -> String {
    let list: Vec<String> = oids.iter().map(u32::to_string).collect();
    format!("{{{}}}", list.join(","))
}
