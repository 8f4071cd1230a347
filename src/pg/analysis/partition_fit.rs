//! Whether Postgres refuses a table as a partition before it looks at a row: then it is not the guard's turn.

use pgrx::pg_sys::{self, Oid};

use super::catalogue::{self, Attribute, CONSTRAINTS_OF, Key, Row};
use super::expression::Namespace;
use crate::error::Result;
use crate::pg::relation::{self, Peek};
use crate::pg::versions;

/// Whether it does. `table` is the child, if it could be opened.
pub fn is_refused(child: Oid, parent: Oid, table: Option<&Peek>) -> Result<bool> {
    Ok(is_bound_otherwise(child, parent)?
        || table.is_some_and(has_unfit_trigger)
        || !columns_fit(child, parent)
        || !constraints_fit(child, parent))
}

/// A row trigger with transition tables.
fn has_unfit_trigger(table: &Peek) -> bool {
    // SAFETY: an open relation.
    unsafe { !pg_sys::FindTriggerIncompatibleWithInheritance((*table.entry()).trigdesc).is_null() }
}

/// It is typed, inherits, is inherited from, has the parent below itself, or is temporary where the other is not.
fn is_bound_otherwise(oid: Oid, parent: Oid) -> Result<bool> {
    let children = relation::children(oid)?;
    let is_plain = relation::kind_of(oid) == pg_sys::RELKIND_RELATION;
    // SAFETY: a syscache look-up by oid.
    let is_temporary = |oid| unsafe { pg_sys::get_rel_persistence(oid) } as u8 == pg_sys::RELPERSISTENCE_TEMP;
    Ok(catalogue::class(oid).is_some_and(|row| row.oid(c"reloftype") != 0)
        || inherits(oid)
        || (is_plain && !children.is_empty())
        || relation::inheritors(oid)?.contains(&parent)
        || is_temporary(oid) != is_temporary(parent))
}

/// pg_inherits has it as a child.
fn inherits(oid: Oid) -> bool {
    !catalogue::PARENTS_OF.rows(&[Key::Oid(c"inhrelid", oid.to_u32())]).is_empty()
}

/// The same columns, whatever their order.
fn columns_fit(child: Oid, parent: Oid) -> bool {
    let live = |oid| -> Vec<Attribute> { catalogue::attributes(oid).into_iter().filter(|a| !a.dropped).collect() };
    let (own, theirs) = (live(child), live(parent));
    let fits = |theirs: &Attribute| {
        own.iter().any(|own| {
            own.name == theirs.name
                && own.type_oid == theirs.type_oid
                && own.modifier == theirs.modifier
                && own.collation == theirs.collation
                && (own.not_null || !theirs.not_null)
                && own.generated == theirs.generated
        })
    };
    theirs.iter().all(fits)
        && own.len() == theirs.len()
        && !(versions::PARTITIONS_SHARE_IDENTITY && own.iter().any(|column| column.identity))
}

/// Each constraint of the parent that is inherited is there, and says and does the same.
fn constraints_fit(child: Oid, parent: Oid) -> bool {
    let of = |oid: Oid| CONSTRAINTS_OF.rows(&[Key::Oid(c"conrelid", oid.to_u32())]);
    let own = of(child);
    of(parent).iter().all(|theirs| {
        match theirs.character(c"contype") {
            'c' | 'n' if theirs.boolean(c"connoinherit") != Some(true) => {}
            // A partition cannot be what its own parent references.
            'f' => return theirs.oid(c"confrelid") != child.to_u32(),
            _ => return true,
        }
        own.iter().any(|own| {
            own.character(c"contype") == theirs.character(c"contype")
                && same(own, child, theirs, parent)
                && own.boolean(c"connoinherit") != Some(true)
                && (theirs.boolean(c"convalidated") != Some(true)
                    || own.boolean(c"convalidated") == Some(true)
                    || own.boolean(c"conenforced") == Some(false))
                && (theirs.boolean(c"conenforced") == Some(false) || own.boolean(c"conenforced") != Some(false))
        })
    })
}

/// A CHECK of the same name and text, or a NOT NULL of the same column.
fn same(own: &Row, child: Oid, theirs: &Row, parent: Oid) -> bool {
    if own.character(c"contype") == 'n' {
        let column = |row: &Row, oid| {
            let number = row.small_array(c"conkey").first().copied();
            number.and_then(|number| catalogue::attribute(oid, number)).map(|attribute| attribute.name)
        };
        return column(own, child) == column(theirs, parent);
    }
    own.name(c"conname") == theirs.name(c"conname") && text(own, child) == text(theirs, parent)
}

/// A CHECK as SQL, with its columns' names only.
fn text(row: &Row, table: Oid) -> String {
    let namespace = Namespace::new("t", &catalogue::attributes(table));
    // SAFETY: what Postgres stored, over the columns of the table.
    unsafe { namespace.write(row.tree(c"conbin")) }
}
