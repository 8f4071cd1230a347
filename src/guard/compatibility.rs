//! A view that keeps an old name alive after a rename.

use crate::catalog::{indexes, ownership, references};
use crate::ddl::{Name, Relation};
use crate::error::Result;
use crate::pg;

/// A view of the old name on what has a new one, with its owner and the rights that others had; both names are qualified and quoted.
/// It checks the rights of whoever uses it, as the table did.
pub fn view(old: &str, new: &str, columns: &str, of: u32) -> Result<Vec<String>> {
    let mut statements =
        vec![format!("CREATE VIEW {old} WITH (security_invoker = true) AS SELECT {columns} FROM {new};")];
    // First: a right that the current user has would otherwise go over to the owner.
    statements.extend(ownership::of_relation(of)?.map(|owner| owner.given("VIEW", old)));
    for (privileges, grantee) in references::grants(of)? {
        statements.push(format!("GRANT {privileges} ON {old} TO {grantee};"));
    }
    Ok(statements)
}

/// A name for a table beside a view that takes its place, which nothing in its schema has: quoted and qualified, and
/// quoted alone.
pub fn spare_name(relation: &Relation) -> Result<(String, String)> {
    // An identifier has 63 bytes.
    let stem: String = relation
        .name
        .chars()
        .scan(0, |bytes, c| {
            *bytes += c.len_utf8();
            (*bytes <= 50).then_some(c)
        })
        .collect();
    let mut name = format!("{stem}_table");
    let mut number = 1;
    while indexes::lookup(&Name { schema: Some(relation.schema.clone()), name: name.clone() })?.is_some() {
        number += 1;
        name = format!("{stem}_table{number}");
    }
    Ok((pg::relation::qualified(&relation.schema, &name), pg::relation::quoted(&name)))
}
