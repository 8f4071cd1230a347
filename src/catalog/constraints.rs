//! Constraints as SQL.

use super::keys::oid_array;
use crate::error::Result;
use crate::pg::spi::query;
use crate::pg::user::as_owner;

/// A constraint and its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Its name, quoted where needed.
    pub quoted: String,
    /// As `pg_get_constraintdef` writes it, everything qualified.
    pub definition: String,
    /// The table it is on.
    pub relation: u32,
    /// Quoted where needed, and schema-qualified.
    pub table: String,
    /// It came with a partitioned table's.
    pub of_partition: bool,
    /// It came from a parent only, and goes with the parent's.
    pub inherited: bool,
}

/// The definition of a table's constraint; `None` when there is none of that name.
pub fn definition(relation: u32, name: &str) -> Result<Option<String>> {
    as_owner(|| {
        let sql = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::oid AND conname = $2";
        Ok(query(sql, &[Some(&relation.to_string()), Some(name)])?.first().and_then(|r| r.text(0)))
    })
}

/// These constraints, in order of name.
pub fn described(oids: &[u32]) -> Result<Vec<Constraint>> {
    if oids.is_empty() {
        return Ok(Vec::new());
    }
    let list = oid_array(oids);
    as_owner(|| {
        let sql = "SELECT quote_ident(k.conname), pg_get_constraintdef(k.oid), k.conrelid, \
                   format('%I.%I', n.nspname, c.relname), k.conparentid <> 0 OR c.relkind = 'p', NOT k.conislocal \
                   FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE k.oid = ANY ($1::oid[]) ORDER BY k.conname, k.oid";
        Ok(query(sql, &[Some(&list)])?
            .iter()
            .map(|r| Constraint {
                quoted: r.required(0),
                definition: r.required(1),
                relation: r.number(2).unwrap_or(0),
                table: r.required(3),
                of_partition: r.boolean(4),
                inherited: r.boolean(5),
            })
            .collect())
    })
}
