//! Relations that are locked because the catalogue ties them to another one: foreign keys, partitions, typed tables.

use pgrx::pg_sys::{self, Oid};

use super::super::catalogue::{
    self, CLASS, CONSTRAINT, CONSTRAINTS_OF, DEPENDENTS_OF, INDEXES_OF, Key, Row, STATISTICS_BY_OID,
};
use super::super::overlay;
use super::super::prior::{self, Place};
use super::taken::Taken;
use crate::ddl::LockMode;
use crate::error::Result;
use crate::pg::{boundary, convert, raw, relation};

/// The tables at the other end of a table's foreign keys, in either direction; of those that use a column, when one is
/// named. Their triggers go, which takes ACCESS EXCLUSIVE.
pub fn by_foreign_keys(table: Oid, column: Option<&str>, taken: &mut Taken) {
    let number = match column {
        None => None,
        Some(name) => match catalogue::attribute_named(table, name) {
            Some(attribute) => Some(i32::from(attribute.number)),
            None => return,
        },
    };
    let keys = [Key::Oid(c"refclassid", CLASS), Key::Oid(c"refobjid", table.to_u32())];
    let dependents = DEPENDENTS_OF.rows(&keys);
    let mut constraints: Vec<u32> = dependents
        .iter()
        .filter(|row| row.oid(c"classid") == CONSTRAINT)
        .filter(|row| number.is_none_or(|number| row.integer(c"refobjsubid") == number))
        .map(|row| row.oid(c"objid"))
        .collect();
    constraints.sort_unstable();
    constraints.dedup();
    for constraint in constraints {
        other_end(constraint, table, taken);
    }
}

/// The table at the other end of one foreign key.
fn other_end(constraint: u32, table: Oid, taken: &mut Taken) {
    let Some(row) = catalogue::constraint(Oid::from(constraint)).filter(|row| row.character(c"contype") == 'f') else {
        return;
    };
    // An earlier statement of the script may have dropped it.
    if overlay::has_dropped_constraint(Oid::from(row.oid(c"conrelid")), &row.name(c"conname")) {
        return;
    }
    for end in [row.oid(c"conrelid"), row.oid(c"confrelid")] {
        if end != table.to_u32() {
            taken.oid(Oid::from(end), LockMode::AccessExclusive, false);
        }
    }
}

/// The table that a constraint of a name references.
pub fn referenced_by(table: Oid, constraint: &str, mode: LockMode, taken: &mut Taken) {
    let rows = CONSTRAINTS_OF.rows(&[Key::Oid(c"conrelid", table.to_u32())]);
    let keys = rows.iter().filter(|row| row.character(c"contype") == 'f' && row.name(c"conname") == constraint);
    for key in keys {
        let referenced = Oid::from(key.oid(c"confrelid"));
        if referenced != table {
            taken.oid(referenced, mode, false);
        }
    }
}

/// The tables whose foreign keys reference a table, and those that reference them, which TRUNCATE ... CASCADE empties.
pub fn referencing(table: Oid, taken: &mut Taken) {
    let mut tables = vec![table];
    while let Some(table) = tables.pop() {
        let keys = [Key::Oid(c"refclassid", CLASS), Key::Oid(c"refobjid", table.to_u32())];
        let dependents = DEPENDENTS_OF.rows(&keys);
        for row in dependents.iter().filter(|row| row.oid(c"classid") == CONSTRAINT) {
            let Some(key) = catalogue::constraint(Oid::from(row.oid(c"objid"))) else { continue };
            let (from, to) = (key.oid(c"conrelid"), key.oid(c"confrelid"));
            let known = taken.locks.iter().any(|lock| lock.relation == Some(from));
            if key.character(c"contype") == 'f' && to == table.to_u32() && !known {
                taken.oid(Oid::from(from), LockMode::AccessExclusive, true);
                tables.push(Oid::from(from));
            }
        }
    }
}

/// The table of an index that the script makes.
pub fn table_of_new_index(index: &Place, mode: LockMode, taken: &mut Taken) {
    let table = prior::ask(|prior| prior.index(&index.schema, &index.name).map(|i| i.table)).flatten();
    if let Some(table) = table {
        taken.oid(Oid::from(table), mode, true);
    }
}

/// The indexes of a table that REINDEX builds anew: CONCURRENTLY leaves out those that are invalid, and those of exclusion
/// constraints.
pub fn reindexed(table: Oid, concurrently: bool, mode: LockMode, taken: &mut Taken) {
    let built = |row: &Row| {
        !concurrently || (row.boolean(c"indisvalid") == Some(true) && row.boolean(c"indisexclusion") != Some(true))
    };
    for row in INDEXES_OF.rows(&[Key::Oid(c"indrelid", table.to_u32())]).into_iter().filter(built) {
        taken.oid(Oid::from(row.oid(c"indexrelid")), mode, false);
    }
}

/// The DEFAULT partition, whose rows another partition's bound concerns.
pub fn default_partition(parent: Oid, taken: &mut Taken) -> Result<()> {
    if relation::kind_of(parent) != pg_sys::RELKIND_PARTITIONED_TABLE {
        return Ok(());
    }
    // SAFETY: one raw call; a syscache look-up.
    let default = unsafe { boundary::catch(|| raw::get_default_partition_oid(parent))? };
    if default != Oid::INVALID {
        taken.oid(default, LockMode::AccessExclusive, false);
    }
    Ok(())
}

/// What a partition that goes leaves behind.
pub fn of_partition(partition: Oid, taken: &mut Taken) -> Result<()> {
    // SAFETY: a syscache look-up; a partition has a parent.
    unsafe {
        if !pg_sys::get_rel_relispartition(partition) {
            return Ok(());
        }
        let parent = boundary::catch(|| raw::get_partition_parent(partition, true))?;
        taken.oid(parent, LockMode::AccessExclusive, false);
        default_partition(parent, taken)
    }
}

/// The tables made of a composite type.
pub fn typed_tables(composite: Oid, taken: &mut Taken) {
    // SAFETY: a syscache look-up by oid.
    let type_oid = unsafe { pg_sys::get_rel_type_id(composite) };
    let keys = [Key::Oid(c"refclassid", pg_sys::TypeRelationId.to_u32()), Key::Oid(c"refobjid", type_oid.to_u32())];
    for row in DEPENDENTS_OF.rows(&keys) {
        // A column of the type depends on it under its own number.
        if row.oid(c"classid") == CLASS && row.integer(c"objsubid") == 0 {
            let table = Oid::from(row.oid(c"objid"));
            if relation::has_storage(table) || relation::kind_of(table) == pg_sys::RELKIND_PARTITIONED_TABLE {
                taken.oid(table, LockMode::AccessExclusive, false);
            }
        }
    }
}

/// The table that extended statistics are about.
pub fn of_statistics(names: &[String]) -> Option<Oid> {
    let wanted: Vec<_> = names.iter().map(|name| convert::c_string(name)).collect();
    // SAFETY: a list of String nodes made of NUL-terminated names that outlive the look-up.
    let oid = unsafe {
        let mut list = std::ptr::null_mut();
        for name in &wanted {
            list = pg_sys::lappend(list, pg_sys::makeString(name.as_ptr().cast_mut()).cast());
        }
        pg_sys::get_statistics_object_oid(list, true)
    };
    let row = STATISTICS_BY_OID.rows(&[Key::Oid(c"oid", oid.to_u32())]).pop()?;
    Some(Oid::from(row.oid(c"stxrelid")))
}
