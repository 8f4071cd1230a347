//! SET LOGGED, SET UNLOGGED, SET ACCESS METHOD, SET TABLESPACE: the named relation only, never its children.

use pgrx::pg_sys::{self, AlterTableType as At, Oid};

use super::Alteration;
use crate::ddl::{Change, ChangeKind, WorkKind};
use crate::error::Result;
use crate::pg::analysis::catalogue::{CLASS, Catalogue, Key};
use crate::pg::{convert, relation};

/// pg_class by oid.
const CLASS_BY_OID: Catalogue = Catalogue { oid: CLASS, index: 2662 };

/// SET LOGGED / UNLOGGED: a rewrite, unless it is so already.
///
/// # Safety
/// `command` is the parser's.
pub unsafe fn persistence(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Result<Change> {
    let logged = command.subtype == At::AT_SetLogged;
    let wanted = if logged { pg_sys::RELPERSISTENCE_PERMANENT } else { pg_sys::RELPERSISTENCE_UNLOGGED };
    // SAFETY: a syscache look-up by oid.
    let now = unsafe { pg_sys::get_rel_persistence(alteration.oid) } as u8;
    let work = if now == wanted { None } else { alteration.work(alteration.oid, WorkKind::Rewrite) };
    let tail = if logged { "SET LOGGED" } else { "SET UNLOGGED" };
    let kind = ChangeKind::SetPersistence { logged };
    Ok(alteration.with_work(kind, Some(tail.to_owned()), work.into_iter().collect()))
}

/// SET ACCESS METHOD: a rewrite, unless it is the same.
///
/// # Safety
/// `command` is the parser's.
pub unsafe fn access_method(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Result<Change> {
    // SAFETY: the name is NULL (DEFAULT, from 17) or NUL-terminated; so is the setting.
    let (given, wanted) = unsafe {
        let name = if command.name.is_null() { pg_sys::default_table_access_method } else { command.name };
        (convert::string(command.name), pg_sys::get_table_am_oid(name, false))
    };
    let now = class(alteration.oid, c"relam");
    let work = if now == wanted { None } else { alteration.work(alteration.oid, WorkKind::Rewrite) };
    let shown = given.as_deref().map_or_else(|| "DEFAULT".to_owned(), relation::quoted);
    let tail = format!("SET ACCESS METHOD {shown}");
    let kind = ChangeKind::SetAccessMethod { name: given.unwrap_or_default() };
    Ok(alteration.with_work(kind, Some(tail), work.into_iter().collect()))
}

/// SET TABLESPACE: the files are copied, unless they are there already.
///
/// # Safety
/// `command` is the parser's.
pub unsafe fn tablespace(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Result<Change> {
    // SAFETY: the name is NUL-terminated; a read of the backend's own database.
    let (name, wanted, default) = unsafe {
        let wanted = pg_sys::get_tablespace_oid(command.name, false);
        (convert::string(command.name).unwrap_or_default(), wanted, pg_sys::MyDatabaseTableSpace)
    };
    let moves = moves(alteration.oid, wanted, default);
    let work = if moves { alteration.work(alteration.oid, WorkKind::Copy) } else { None };
    let tail = format!("SET TABLESPACE {}", relation::quoted(&name));
    Ok(alteration.with_work(ChangeKind::SetTablespace { name, online: None }, Some(tail), work.into_iter().collect()))
}

/// What CheckRelationTableSpaceMove answers: 0 in pg_class stands for the database's own.
pub fn moves(oid: Oid, wanted: Oid, default: Oid) -> bool {
    let now = class(oid, c"reltablespace");
    now != wanted && !(wanted == default && now == Oid::INVALID)
}

fn class(oid: Oid, column: &'static std::ffi::CStr) -> Oid {
    let rows = CLASS_BY_OID.rows(&[Key::Oid(c"oid", oid.to_u32())]);
    Oid::from(rows.first().map_or(0, |row| row.oid(column)))
}
