//! DROP.

use pgrx::pg_sys::{self, NodeTag, ObjectType};

use super::super::resolve;
use super::{peers, taken::Taken};
use crate::ddl::LockMode;
use crate::error::Result;
use crate::pg::{node, relation};

/// False where CASCADE takes along what is not known here.
///
/// # Safety
/// The parser's tree.
pub unsafe fn objects(statement: &pg_sys::DropStmt, taken: &mut Taken) -> Result<bool> {
    let kind = statement.removeType;
    let cascade = statement.behavior == pg_sys::DropBehavior::DROP_CASCADE;
    // SAFETY: the elements are the nodes that the grammar makes for this kind.
    unsafe {
        for name in node::elements(statement.objects) {
            let list = node::cast::<pg_sys::List>(name, NodeTag::T_List);
            match (kind, list) {
                (ObjectType::OBJECT_TRIGGER | ObjectType::OBJECT_RULE | ObjectType::OBJECT_POLICY, Some(list)) => {
                    taken.dotted(&node::strings(list), 1, LockMode::AccessExclusive)?;
                }
                (ObjectType::OBJECT_STATISTIC_EXT, Some(list)) => {
                    if let Some(table) = peers::of_statistics(&node::strings(list)) {
                        taken.oid(table, LockMode::ShareUpdateExclusive, true);
                    }
                }
                (kind, Some(list)) if resolve::is_relation(kind) => {
                    relation_goes(&node::strings(list), statement.concurrent, taken)?;
                }
                // The objects of an extension go without CASCADE.
                (ObjectType::OBJECT_EXTENSION, _) => return Ok(false),
                _ if cascade => return Ok(false),
                _ => {}
            }
        }
    }
    Ok(true)
}

/// A relation with what is tied to it.
fn relation_goes(name: &[String], concurrently: bool, taken: &mut Taken) -> Result<()> {
    let mode = if concurrently { LockMode::ShareUpdateExclusive } else { LockMode::AccessExclusive };
    let Some(place) = taken.dotted(name, 0, mode)? else { return Ok(()) };
    let Some(oid) = place.oid else {
        peers::table_of_new_index(&place, mode, taken);
        return Ok(());
    };
    match relation::kind_of(oid) {
        pg_sys::RELKIND_INDEX | pg_sys::RELKIND_PARTITIONED_INDEX => {
            // SAFETY: a syscache look-up by oid.
            let table = unsafe { pg_sys::IndexGetRelation(oid, true) };
            if table != pg_sys::Oid::INVALID {
                taken.oid(table, mode, true);
            }
        }
        pg_sys::RELKIND_RELATION | pg_sys::RELKIND_PARTITIONED_TABLE => {
            for table in relation::inheritors(oid)? {
                peers::by_foreign_keys(table, None, taken);
            }
            peers::of_partition(oid, taken)?;
        }
        _ => {}
    }
    Ok(())
}
