//! RENAME and SET SCHEMA.

use pgrx::pg_sys::{self, ObjectType};

use super::resolve;
use crate::ddl::{Change, ChangeKind, Column, LockMode, Object};
use crate::error::Result;
use crate::pg::{convert, object, relation};

/// RENAME of a relation, a column, a schema, a type or a function; `None` for other things, which nobody names in SQL.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn change(statement: &pg_sys::RenameStmt) -> Result<Option<Change>> {
    // SAFETY: names are NULL or NUL-terminated.
    let (Some(to), subname) = (unsafe { (convert::string(statement.newname), convert::string(statement.subname)) })
    else {
        return Ok(None);
    };
    let quoted = relation::quoted(&to);
    // SAFETY: the caller's promise.
    unsafe {
        match statement.renameType {
            ObjectType::OBJECT_COLUMN => {
                let Some(of) = relation_of(statement.relation)? else { return Ok(None) };
                let Some(column) = subname.and_then(|name| column(of.oid, &name)) else { return Ok(None) };
                let sql = format!("ALTER {} {} RENAME COLUMN {} TO {quoted}", of.kind, of.identity, column.quoted);
                Ok(Some(made(of, sql, |of| ChangeKind::Rename { of, column: Some(column), to })))
            }
            kind if resolve::is_relation(kind) => {
                let Some(of) = relation_of(statement.relation)? else { return Ok(None) };
                let sql = format!("ALTER {} {} RENAME TO {quoted}", of.kind, of.identity);
                Ok(Some(made(of, sql, |of| ChangeKind::Rename { of, column: None, to })))
            }
            ObjectType::OBJECT_SCHEMA => {
                let Some(name) = subname.map(|name| convert::c_string(&name)) else { return Ok(None) };
                let oid = pg_sys::get_namespace_oid(name.as_ptr(), true);
                if oid == pg_sys::Oid::INVALID || !object::is_guarded(pg_sys::NamespaceRelationId, oid) {
                    return Ok(None);
                }
                let of = object::object(pg_sys::NamespaceRelationId, oid, "SCHEMA", None);
                let sql = format!("ALTER SCHEMA {} RENAME TO {quoted}", of.identity);
                Ok(Some(made(of, sql, |of| ChangeKind::Rename { of, column: None, to })))
            }
            kind => {
                let Some(of) = resolve::object(kind, statement.object)? else { return Ok(None) };
                let sql = format!("ALTER {} {} RENAME TO {quoted}", of.kind, of.identity);
                Ok(Some(made(of, sql, |of| ChangeKind::Rename { of, column: None, to })))
            }
        }
    }
}

/// SET SCHEMA.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn set_schema(statement: &pg_sys::AlterObjectSchemaStmt) -> Result<Option<Change>> {
    // SAFETY: the caller's promise; the name is NULL or NUL-terminated.
    unsafe {
        let Some(to) = convert::string(statement.newschema) else { return Ok(None) };
        let of = if resolve::is_relation(statement.objectType) {
            relation_of(statement.relation)?
        } else {
            resolve::object(statement.objectType, statement.object)?
        };
        let Some(of) = of else { return Ok(None) };
        let sql = format!("ALTER {} {} SET SCHEMA {}", of.kind, of.identity, relation::quoted(&to));
        Ok(Some(made(of, sql, |of| ChangeKind::SetSchema { of, to })))
    }
}

/// The relation a name means, when the guard looks at it. ALTER TABLE also renames views and indexes, so the kind is
/// what it is.
///
/// # Safety
/// `name` is NULL or a RangeVar.
unsafe fn relation_of(name: *const pg_sys::RangeVar) -> Result<Option<Object>> {
    if name.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let Some(oid) = (unsafe { relation::lookup(name)? }) else { return Ok(None) };
    if !object::is_guarded(pg_sys::RelationRelationId, oid) {
        return Ok(None);
    }
    object::relation_object(oid).map(Some)
}

/// A column that exists.
fn column(table: u32, name: &str) -> Option<Column> {
    let table = pg_sys::Oid::from(table);
    let c_name = convert::c_string(name);
    // SAFETY: syscache look-ups; the type's name is palloc'd.
    unsafe {
        let number = pg_sys::get_attnum(table, c_name.as_ptr());
        if number <= 0 {
            return None;
        }
        let (mut type_oid, mut modifier, mut collation) = (pg_sys::Oid::INVALID, -1, pg_sys::Oid::INVALID);
        pg_sys::get_atttypetypmodcoll(table, number, &raw mut type_oid, &raw mut modifier, &raw mut collation);
        let flags = pg_sys::FORMAT_TYPE_TYPEMOD_GIVEN as u16;
        let type_name = convert::string(pg_sys::format_type_extended(type_oid, modifier, flags))?;
        Some(Column { number, name: name.to_owned(), quoted: relation::quoted(name), type_name, not_null: false })
    }
}

fn made(of: Object, sql: String, kind: impl FnOnce(Object) -> ChangeKind) -> Change {
    let on = of.relation.clone();
    Change {
        lock: on.as_ref().map(|_| LockMode::AccessExclusive),
        on,
        kind: kind(of),
        sql: Some(sql),
        work: Vec::new(),
    }
}
