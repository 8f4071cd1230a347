//! SET LOGGED, SET UNLOGGED, SET ACCESS METHOD, SET TABLESPACE: the named relation only, never its children.

use pgrx::pg_sys::{self, AlterTableType as At, Oid};

use super::Alteration;
use crate::ddl::{Change, ChangeKind, WorkKind};
use crate::error::Result;
use crate::pg::analysis::catalogue::{self, CLASS, CONSTRAINT, CONSTRAINTS_OF, Catalogue, DEPENDENTS_OF, Key, Row};
use crate::pg::analysis::prior;
use crate::pg::{convert, relation};

/// pg_publication_rel by prrelid and prpubid.
const PUBLICATIONS_OF: Catalogue = Catalogue { oid: 6106, index: 6113 };

/// SET LOGGED / UNLOGGED: a rewrite, unless it is so already.
///
/// # Safety
/// `command` is the parser's.
pub unsafe fn persistence(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Result<Change> {
    let logged = command.subtype == At::AT_SetLogged;
    let wanted = if logged { pg_sys::RELPERSISTENCE_PERMANENT } else { pg_sys::RELPERSISTENCE_UNLOGGED };
    // SAFETY: a syscache look-up by oid.
    let now = unsafe { pg_sys::get_rel_persistence(alteration.oid) } as u8;
    let once = is_said_once(alteration, &[At::AT_SetLogged, At::AT_SetUnLogged]);
    let work = if now == wanted || !once || is_kept_from(alteration.oid, logged) {
        None
    } else {
        alteration.work(alteration.oid, WorkKind::Rewrite)
    };
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
    let work = if now == wanted || !is_said_once(alteration, &[At::AT_SetAccessMethod]) {
        None
    } else {
        alteration.work(alteration.oid, WorkKind::Rewrite)
    };
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
    let moves = is_said_once(alteration, &[At::AT_SetTableSpace]) && moves(alteration.oid, wanted, default);
    let work = if moves { alteration.work(alteration.oid, WorkKind::Copy) } else { None };
    let tail = format!("SET TABLESPACE {}", relation::quoted(&name));
    let kind = ChangeKind::SetTablespace { name, what: None, online: Vec::new() };
    Ok(alteration.with_work(kind, Some(tail), work.into_iter().collect()))
}

/// What CheckRelationTableSpaceMove answers: 0 in pg_class stands for the database's own. It refuses the one of shared
/// catalogues.
pub fn moves(oid: Oid, wanted: Oid, default: Oid) -> bool {
    let now = class(oid, c"reltablespace");
    now != wanted && wanted != pg_sys::GLOBALTABLESPACE_OID && !(wanted == default && now == Oid::INVALID)
}

/// What the statement may say once only; Postgres refuses it otherwise.
fn is_said_once(alteration: &Alteration<'_>, subtypes: &[At::Type]) -> bool {
    alteration.commands.iter().filter(|command| subtypes.contains(&command.subtype)).count() == 1
}

/// What ATPrepChangePersistence refuses: an unlogged table is not published, and no logged one references it.
fn is_kept_from(table: Oid, logged: bool) -> bool {
    // A script may have changed that.
    if prior::in_script() {
        return false;
    }
    let own = Key::Oid(c"prrelid", table.to_u32());
    if !logged && !PUBLICATIONS_OF.rows(&[own]).is_empty() {
        return true;
    }
    let (keys, other) = if logged {
        (CONSTRAINTS_OF.rows(&[Key::Oid(c"conrelid", table.to_u32())]), c"confrelid")
    } else {
        (referencing(table), c"conrelid")
    };
    keys.iter().filter(|key| key.character(c"contype") == 'f').any(|key| {
        let peer = Oid::from(key.oid(other));
        // SAFETY: a syscache look-up by oid.
        let permanent = unsafe { pg_sys::get_rel_persistence(peer) } as u8 == pg_sys::RELPERSISTENCE_PERMANENT;
        peer != table && permanent != logged
    })
}

/// The foreign keys that reference a table.
fn referencing(table: Oid) -> Vec<Row> {
    let dependents = [Key::Oid(c"refclassid", CLASS), Key::Oid(c"refobjid", table.to_u32())];
    let mut constraints: Vec<u32> = DEPENDENTS_OF
        .rows(&dependents)
        .iter()
        .filter(|row| row.oid(c"classid") == CONSTRAINT)
        .map(|row| row.oid(c"objid"))
        .collect();
    constraints.sort_unstable();
    constraints.dedup();
    let rows = constraints.into_iter().filter_map(|oid| catalogue::constraint(Oid::from(oid)));
    rows.filter(|row| row.oid(c"confrelid") == table.to_u32()).collect()
}

fn class(oid: Oid, column: &'static std::ffi::CStr) -> Oid {
    Oid::from(catalogue::class(oid).map_or(0, |row| row.oid(column)))
}
