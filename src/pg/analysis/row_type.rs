//! Where a table's row type is used as the type of a stored column: Postgres refuses to change the rows then.

use pgrx::pg_sys::{self, Oid};

use super::catalogue::{CLASS, DEPENDENTS_OF, Key};
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
            CLASS if row.integer(c"objsubid") > 0 => match relation::kind_of(oid) {
                pg_sys::RELKIND_RELATION | pg_sys::RELKIND_MATVIEW | pg_sys::RELKIND_PARTITIONED_TABLE => true,
                // SAFETY: a syscache look-up by oid.
                pg_sys::RELKIND_COMPOSITE_TYPE => is_used(unsafe { pg_sys::get_rel_type_id(oid) }, seen),
                _ => false,
            },
            _ => false,
        }
    })
}
