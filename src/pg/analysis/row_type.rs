//! Where a table's row type is used as the type of a stored column: Postgres refuses to change the rows then.

use pgrx::pg_sys::{self, Oid};

use super::catalogue::{self, CLASS, DEPENDENTS_OF, Key};
use crate::pg::relation;

/// pg_type.
const TYPE: u32 = 1247;

/// What find_composite_type_dependencies finds, through arrays, domains and other composite types.
pub fn is_stored_elsewhere(table: Oid) -> bool {
    // SAFETY: a syscache look-up by oid.
    let row_type = unsafe { pg_sys::get_rel_type_id(table) };
    row_type != Oid::INVALID && is_used(row_type, &mut Vec::new())
}

/// Whether a column somewhere has the type, or holds it in an array, a domain or a row.
pub fn is_type_stored(type_oid: Oid) -> bool {
    is_used(type_oid, &mut Vec::new())
}

fn is_used(type_oid: Oid, seen: &mut Vec<Oid>) -> bool {
    if seen.contains(&type_oid) {
        return false;
    }
    seen.push(type_oid);
    let keys = [Key::Oid(c"refclassid", TYPE), Key::Oid(c"refobjid", type_oid.to_u32())];
    DEPENDENTS_OF.rows(&keys).iter().any(|row| {
        let oid = Oid::from(row.oid(c"objid"));
        match row.oid(c"classid") {
            TYPE => is_used(oid, seen),
            // An index is noted as a whole when one of its expressions is of the type, or only mentions it.
            CLASS if row.integer(c"objsubid") > 0 || has_column_of(oid, type_oid) => match relation::kind_of(oid) {
                // Rows of views, foreign tables and composite types are stored where a column is of that type.
                pg_sys::RELKIND_VIEW | pg_sys::RELKIND_FOREIGN_TABLE | pg_sys::RELKIND_COMPOSITE_TYPE => {
                    // SAFETY: a syscache look-up by oid.
                    is_used(unsafe { pg_sys::get_rel_type_id(oid) }, seen)
                }
                _ => true,
            },
            _ => false,
        }
    })
}

fn has_column_of(relation: Oid, type_oid: Oid) -> bool {
    catalogue::attributes(relation).iter().any(|column| !column.dropped && column.type_oid == type_oid)
}
