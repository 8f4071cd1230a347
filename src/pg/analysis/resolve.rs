//! The objects that names in a parse tree mean now. Nothing is locked; what does not exist is left out, Postgres says so.

use pgrx::pg_sys::{self, NodeTag, ObjectType, Oid};

use super::{other_kinds, prior};
use crate::ddl::Object;
use crate::error::Result;
use crate::pg::{convert, node, object, relation, versions};

/// Class and oid.
type Found = Option<(Oid, Oid)>;

/// The kinds of relations that DROP and ALTER name by a qualified name.
pub fn is_relation(kind: ObjectType::Type) -> bool {
    matches!(
        kind,
        ObjectType::OBJECT_TABLE
            | ObjectType::OBJECT_VIEW
            | ObjectType::OBJECT_MATVIEW
            | ObjectType::OBJECT_FOREIGN_TABLE
            | ObjectType::OBJECT_INDEX
            | ObjectType::OBJECT_SEQUENCE
    )
}

/// Whether a relation is what the statement calls it; Postgres refuses otherwise.
pub fn is_called(kind: ObjectType::Type, oid: Oid) -> bool {
    let name = match kind {
        ObjectType::OBJECT_TABLE => "TABLE",
        ObjectType::OBJECT_VIEW => "VIEW",
        ObjectType::OBJECT_MATVIEW => "MATERIALIZED VIEW",
        ObjectType::OBJECT_FOREIGN_TABLE => "FOREIGN TABLE",
        ObjectType::OBJECT_INDEX => "INDEX",
        ObjectType::OBJECT_SEQUENCE => "SEQUENCE",
        _ => return false,
    };
    object::kind_name(relation::kind_of(oid)) == name
}

/// Whether there is an object that the node names.
///
/// # Safety
/// `name` is the node that the grammar makes for this kind of object.
pub unsafe fn exists(kind: ObjectType::Type, name: *mut pg_sys::Node) -> Result<bool> {
    // SAFETY: the caller's promise.
    Ok(unsafe { find(kind, name)? }.is_some())
}

/// An object by the node that names it; `None` when there is none, or when it is none of the guard's business.
///
/// # Safety
/// As for [`exists`].
pub unsafe fn object(kind: ObjectType::Type, name: *mut pg_sys::Node) -> Result<Option<Object>> {
    // SAFETY: the caller's promise.
    let Some((class, oid)) = (unsafe { find(kind, name)? }) else { return Ok(None) };
    if class == pg_sys::RelationRelationId {
        if !is_called(kind, oid) || !object::is_guarded(class, oid) {
            return Ok(None);
        }
        return object::relation_object(oid).map(Some);
    }
    Ok(object::is_guarded(class, oid).then(|| object::object(class, oid, called(kind), None)))
}

/// What kinds of objects that are no relations are called behind DROP and ALTER.
pub fn called(kind: ObjectType::Type) -> &'static str {
    match kind {
        ObjectType::OBJECT_SCHEMA => "SCHEMA",
        ObjectType::OBJECT_TYPE => "TYPE",
        ObjectType::OBJECT_DOMAIN => "DOMAIN",
        ObjectType::OBJECT_AGGREGATE => "AGGREGATE",
        ObjectType::OBJECT_FUNCTION => "FUNCTION",
        ObjectType::OBJECT_PROCEDURE => "PROCEDURE",
        ObjectType::OBJECT_ROUTINE => "ROUTINE",
        ObjectType::OBJECT_PUBLICATION => "PUBLICATION",
        other => other_kinds::called(other),
    }
}

/// # Safety
/// As for [`object`].
unsafe fn find(kind: ObjectType::Type, name: *mut pg_sys::Node) -> Result<Found> {
    let existing = |class, oid: Oid| (oid != Oid::INVALID).then_some((class, oid));
    // SAFETY: the node's type is the grammar's for this kind, and checked before each cast.
    unsafe {
        Ok(match kind {
            _ if is_relation(kind) => match node::cast::<pg_sys::List>(name, NodeTag::T_List) {
                Some(list) => {
                    let range = pg_sys::makeRangeVarFromNameList(list);
                    relation::lookup(range)?.map(|oid| (pg_sys::RelationRelationId, oid))
                }
                None => None,
            },
            ObjectType::OBJECT_SCHEMA => match node::cast::<pg_sys::String>(name, NodeTag::T_String) {
                Some(text) => existing(pg_sys::NamespaceRelationId, pg_sys::get_namespace_oid((*text).sval, true)),
                None => None,
            },
            ObjectType::OBJECT_PUBLICATION => match node::cast::<pg_sys::String>(name, NodeTag::T_String) {
                Some(text) => existing(pg_sys::PublicationRelationId, pg_sys::get_publication_oid((*text).sval, true)),
                None => None,
            },
            ObjectType::OBJECT_TYPE | ObjectType::OBJECT_DOMAIN => {
                let type_name = match node::cast::<pg_sys::TypeName>(name, NodeTag::T_TypeName) {
                    Some(type_name) => type_name,
                    None => match node::cast::<pg_sys::List>(name, NodeTag::T_List) {
                        Some(list) => pg_sys::makeTypeNameFromNameList(list),
                        None => return Ok(None),
                    },
                };
                existing(pg_sys::TypeRelationId, pg_sys::LookupTypeNameOid(std::ptr::null_mut(), type_name, true))
            }
            ObjectType::OBJECT_FUNCTION
            | ObjectType::OBJECT_PROCEDURE
            | ObjectType::OBJECT_ROUTINE
            | ObjectType::OBJECT_AGGREGATE => {
                match node::cast::<pg_sys::ObjectWithArgs>(name, NodeTag::T_ObjectWithArgs) {
                    Some(function) => {
                        existing(pg_sys::ProcedureRelationId, pg_sys::LookupFuncWithArgs(kind, function, true))
                    }
                    None => None,
                }
            }
            other => other_kinds::find(other, name),
        })
    }
}

/// The type that a qualified name means; `None` when it is none of the guard's business.
///
/// # Safety
/// `names` is a list of String nodes.
pub unsafe fn type_object(names: *mut pg_sys::List) -> Result<Option<Object>> {
    // SAFETY: the caller's promise.
    unsafe { object(ObjectType::OBJECT_TYPE, names.cast()) }
}

/// The type that a qualified name means, when the current user may alter it. One that this transaction made is among
/// them: columns of older tables may have it by now.
///
/// # Safety
/// `names` is a list of String nodes.
pub unsafe fn altered_type(names: *mut pg_sys::List) -> Result<Option<Oid>> {
    // SAFETY: the caller's promise.
    let Some((class, oid)) = (unsafe { find(ObjectType::OBJECT_TYPE, names.cast())? }) else { return Ok(None) };
    let theirs = !prior::in_script() && !versions::is_object_owner(class, oid);
    Ok((!theirs && oid.to_u32() >= pg_sys::FirstNormalObjectId).then_some(oid))
}

/// A trigger's table, when the guard looks at that.
///
/// # Safety
/// `names` is the qualified name of a table followed by that of the trigger, as DROP TRIGGER has it.
pub unsafe fn trigger(names: *mut pg_sys::List) -> Result<Option<Object>> {
    // SAFETY: the strings of the list are the parser's.
    let mut names = unsafe { node::strings(names) };
    let Some(trigger) = names.pop() else { return Ok(None) };
    let Some(table) = named(&names)? else { return Ok(None) };
    let Some(on) = relation::guarded(table, true)? else { return Ok(None) };
    let name = convert::c_string(&trigger);
    // SAFETY: a scan of pg_trigger with a NUL-terminated name.
    let oid = unsafe { pg_sys::get_trigger_oid(table, name.as_ptr(), true) };
    Ok((oid != Oid::INVALID).then(|| object::object(pg_sys::TriggerRelationId, oid, "TRIGGER", Some(on))))
}

/// The relation that the parts of a name mean.
pub fn named(parts: &[String]) -> Result<Option<Oid>> {
    let [schema @ .., name] = parts else { return Ok(None) };
    let schema = schema.last().map(|s| convert::c_string(s));
    let name = convert::c_string(name);
    let schema = schema.as_ref().map_or(std::ptr::null(), |s| s.as_ptr());
    // SAFETY: makeRangeVar keeps the pointers; they outlive the look-up.
    unsafe { relation::lookup(pg_sys::makeRangeVar(schema.cast_mut(), name.as_ptr().cast_mut(), -1)) }
}
