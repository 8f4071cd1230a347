//! Columns, constraints, indexes and types as they will be after the statements of a script so far. Outside of scripts,
//! what the catalogue has.

use pgrx::pg_sys::{self, Oid};

use super::catalogue::{Attribute, stored_attribute};
use super::{expression, prior};
use crate::ddl::{ConstraintKind, NewType, PriorColumn, PriorIndex};
use crate::pg::{convert, node, relation};

/// What a column's name means.
pub enum Named {
    /// A column of the catalogue's, by the name it has there.
    Stored(String),
    /// One that the script adds.
    Added(Attribute),
    Gone,
}

/// What a name means among the columns of a relation.
pub fn named(relation: Oid, name: &str) -> Named {
    let oid = relation.to_u32();
    let found = prior::ask(|prior| {
        if let Some(position) = prior.columns(oid).iter().position(|c| c.name == name) {
            return (Some((position, prior.columns(oid)[position].clone())), None, false);
        }
        let renamed =
            prior.renamed_columns(oid).into_iter().find(|(to, _)| *to == name).map(|(_, from)| from.to_owned());
        (None, renamed, prior.has_removed_column(oid, name))
    });
    match found {
        None | Some((None, None, false)) => Named::Stored(name.to_owned()),
        Some((Some((position, column)), ..)) => Named::Added(as_attribute(relation, position, &column)),
        Some((None, Some(stored), _)) => Named::Stored(stored),
        Some((None, None, true)) => Named::Gone,
    }
}

/// The column of a number behind those of the catalogue.
pub fn added(relation: Oid, number: i16) -> Option<Attribute> {
    let position = usize::try_from(i32::from(number) - 1 - i32::from(stored_columns(relation)?)).ok()?;
    let column = prior::ask(|prior| prior.columns(relation.to_u32()).get(position).cloned()).flatten()?;
    Some(as_attribute(relation, position, &column))
}

/// A column of the catalogue's as it will be.
pub fn changed(relation: Oid, mut attribute: Attribute) -> Attribute {
    let oid = relation.to_u32();
    prior::ask(|prior| {
        let renamed = prior.renamed_columns(oid).into_iter().find(|(_, from)| *from == attribute.name);
        if let Some((to, _)) = renamed {
            attribute.name = to.to_owned();
        } else if prior.has_removed_column(oid, &attribute.name) {
            attribute.dropped = true;
        }
        if let Some(is) = prior.not_null(oid, &attribute.name) {
            attribute.not_null = is;
        }
        if let Some(of) = prior.type_of(oid, &attribute.name) {
            (attribute.type_oid, attribute.modifier, attribute.collation) =
                (of.oid.into(), of.modifier, of.collation.into());
        }
    });
    attribute
}

/// How many columns the catalogue has, dropped ones included; `None` when the script adds none.
fn stored_columns(relation: Oid) -> Option<i16> {
    prior::ask(|prior| !prior.columns(relation.to_u32()).is_empty()).filter(|adds| *adds)?;
    let last =
        (1..=pg_sys::MaxHeapAttributeNumber as i16).take_while(|n| stored_attribute(relation, *n).is_some()).count();
    i16::try_from(last).ok()
}

fn as_attribute(relation: Oid, position: usize, column: &PriorColumn) -> Attribute {
    let before = stored_columns(relation).unwrap_or(0);
    let is_not_null = prior::ask(|prior| prior.not_null(relation.to_u32(), &column.name)).flatten();
    Attribute {
        number: before + i16::try_from(position).unwrap_or(0) + 1,
        name: column.name.clone(),
        type_oid: column.of.oid.into(),
        modifier: column.of.modifier,
        collation: column.of.collation.into(),
        not_null: is_not_null.unwrap_or(column.not_null),
        generated: column.generated,
        identity: false,
        dropped: false,
        only_from: 0,
    }
}

/// Whether a valid constraint that the script made proves that a column holds no NULL.
pub fn proves_not_null(relation: Oid, column: &str) -> bool {
    prior::ask(|prior| prior.proves_not_null(relation.to_u32(), column)) == Some(true)
}

/// The kind of a constraint that the script added, and whether its rows are checked by now.
pub fn constraint(relation: Oid, name: &str) -> Option<(ConstraintKind, bool)> {
    prior::ask(|prior| prior.constraint(relation.to_u32(), name).map(|c| (c.kind, c.valid))).flatten()
}

/// Whether the script has validated a constraint of the catalogue's.
pub fn is_validated(relation: Oid, name: &str) -> bool {
    constraint(relation, name).is_some_and(|(_, valid)| valid)
}

/// Whether the script has dropped a constraint of the catalogue's.
pub fn has_dropped_constraint(relation: Oid, name: &str) -> bool {
    prior::ask(|prior| prior.has_removed_constraint(relation.to_u32(), name)) == Some(true)
}

/// An index that the script made on a table.
pub fn index(table: Oid, name: &str) -> Option<PriorIndex> {
    let (schema, _) = relation::names(table);
    prior::ask(|prior| prior.index(&schema, name).filter(|i| i.table == table.to_u32()).cloned()).flatten()
}

/// The oid of a relation of that name beside another one; `Some(None)` when the script makes it.
pub fn beside(table: Oid, name: &str) -> Option<Option<Oid>> {
    let (schema, _) = relation::names(table);
    prior::at(schema, name).map(|place| place.oid)
}

/// A type that the script makes.
///
/// # Safety
/// `name` is NULL or a TypeName.
pub unsafe fn new_type(name: *const pg_sys::TypeName) -> Option<NewType> {
    if name.is_null() || prior::ask(|prior| prior.makes_types()) != Some(true) {
        return None;
    }
    // SAFETY: the caller's promise.
    let mut parts = unsafe { node::strings((*name).names) };
    let last = parts.pop()?;
    let schemas = parts.pop().map_or_else(prior::search_path, |schema| vec![schema]);
    let own = schemas.iter().find_map(|schema| prior::ask(|prior| prior.new_type(schema, &last)).flatten())?;
    // SAFETY: as above. An array of it is one of what stands for it.
    if unsafe { (*name).arrayBounds.is_null() } {
        return Some(own);
    }
    let mut array = own;
    // SAFETY: a syscache look-up by oid.
    array.stands_for.oid = unsafe { pg_sys::get_array_type(own.stands_for.oid.into()) }.to_u32();
    Some(array)
}

/// The name of a type that the script makes, as SQL: nothing in the catalogue has it yet.
///
/// # Safety
/// `name` is NULL or a TypeName.
pub unsafe fn new_type_name(name: *const pg_sys::TypeName) -> Option<String> {
    // SAFETY: the caller's promise; there is such a type, so it is not NULL.
    unsafe {
        new_type(name)?;
        let array = if (*name).arrayBounds.is_null() { "" } else { "[]" };
        Some(format!("{}{array}", expression::dotted((*name).names)))
    }
}

/// A call of a function without arguments that the script makes, as SQL, and whether that is volatile.
///
/// # Safety
/// `expression` is NULL or the parser's tree.
pub unsafe fn new_function(expression: *mut pg_sys::Node) -> Option<(String, bool)> {
    if !prior::in_script() {
        return None;
    }
    // SAFETY: the cast follows the tag.
    let call = unsafe { &*node::cast::<pg_sys::FuncCall>(expression, pg_sys::NodeTag::T_FuncCall)? };
    if !call.args.is_null() {
        return None;
    }
    // SAFETY: a dotted name.
    let mut parts = unsafe { node::strings(call.funcname) };
    let name = parts.pop()?;
    let schemas = parts.pop().map_or_else(prior::search_path, |schema| vec![schema]);
    schemas.into_iter().find_map(|schema| {
        let volatile = prior::ask(|prior| prior.new_function(&schema, &name)).flatten()?;
        Some((format!("{}()", relation::qualified(&schema, &name)), volatile))
    })
}

/// A name as a C string, for look-ups.
pub fn spelled(name: *const std::ffi::c_char) -> Option<String> {
    // SAFETY: names in parse trees are NULL or NUL-terminated.
    unsafe { convert::string(name) }
}
