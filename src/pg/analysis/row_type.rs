//! Where a table's row type is used as the type of a stored column: Postgres refuses to change the rows then.

use std::collections::HashSet;

use pgrx::pg_sys::{self, Oid};

use super::catalogue::{self, CLASS, DEPENDENTS_OF, Key};
use crate::pg::relation;

/// pg_type.
const TYPE: u32 = 1247;

/// What find_composite_type_dependencies finds, through arrays, domains and other composite types.
pub fn is_stored_elsewhere(table: Oid) -> bool {
    // SAFETY: a syscache look-up by oid.
    let row_type = unsafe { pg_sys::get_rel_type_id(table) };
    row_type != Oid::INVALID && is_type_stored(row_type)
}

/// Whether a column somewhere has the type, or holds it in an array, a domain or a row. Types within types may go deep: no call
/// within a call.
pub fn is_type_stored(type_oid: Oid) -> bool {
    let mut types = vec![type_oid];
    let mut seen = HashSet::new();
    while let Some(type_oid) = types.pop() {
        if seen.insert(type_oid) && is_stored_directly(type_oid, &mut types) {
            return true;
        }
    }
    false
}

/// The same of one type alone; the types that hold it are added to those that are to be looked at.
fn is_stored_directly(type_oid: Oid, types: &mut Vec<Oid>) -> bool {
    let keys = [Key::Oid(c"refclassid", TYPE), Key::Oid(c"refobjid", type_oid.to_u32())];
    DEPENDENTS_OF.rows(&keys).iter().any(|row| {
        let oid = Oid::from(row.oid(c"objid"));
        let holder = match row.oid(c"classid") {
            TYPE => oid,
            // An index is noted as a whole when one of its expressions is of the type, or only mentions it.
            CLASS if row.integer(c"objsubid") > 0 || has_column_of(oid, type_oid) => match relation::kind_of(oid) {
                // Rows of views, foreign tables and composite types are stored where a column is of that type.
                pg_sys::RELKIND_VIEW | pg_sys::RELKIND_FOREIGN_TABLE | pg_sys::RELKIND_COMPOSITE_TYPE => {
                    // SAFETY: a syscache look-up by oid.
                    unsafe { pg_sys::get_rel_type_id(oid) }
                }
                _ => return true,
            },
            _ => return false,
        };
        types.push(holder);
        false
    })
}

fn has_column_of(relation: Oid, type_oid: Oid) -> bool {
    catalogue::attributes(relation).iter().any(|column| !column.dropped && column.type_oid == type_oid)
}
