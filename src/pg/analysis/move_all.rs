//! SET TABLESPACE of an index, and ALTER ... ALL IN TABLESPACE.

use pgrx::pg_sys::{self, AlterTableType as At, NodeTag, ObjectType, Oid};

use super::alter_table::moves;
use super::catalogue::{CLASS, Catalogue, INDEX_BY_OID, Key};
use super::held;
use crate::ddl::{Change, ChangeKind, LockMode, Work, WorkKind};
use crate::error::Result;
use crate::pg::{convert, node, relation, statement_text, versions};

/// pg_class by oid.
const CLASS_BY_OID: Catalogue = Catalogue { oid: CLASS, index: 2662 };

/// SET TABLESPACE of an index: its lock stops whoever writes to the table. `None` when the statement is something else.
///
/// # Safety
/// `alter` is the parser's tree.
pub unsafe fn of_index(alter: &pg_sys::AlterTableStmt) -> Result<Option<Change>> {
    // SAFETY: the caller's promise; names are NUL-terminated, the tag is checked.
    unsafe {
        if alter.relation.is_null() {
            return Ok(None);
        }
        let Some(index) = relation::lookup(alter.relation)? else { return Ok(None) };
        let command = node::elements(alter.cmds)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::AlterTableCmd>(n, NodeTag::T_AlterTableCmd))
            .find(|c| (**c).subtype == At::AT_SetTableSpace);
        let (Some(command), Some(table)) = (command, table_of(index)) else { return Ok(None) };
        let Some(on) = relation::guarded(table, false)? else { return Ok(None) };
        let wanted = pg_sys::get_tablespace_oid((*command).name, false);
        let name = convert::string((*command).name).unwrap_or_default();
        let mut work: Vec<Work> = Vec::new();
        if moves(index, wanted, pg_sys::MyDatabaseTableSpace) {
            work.extend(held::work(table, WorkKind::Copy, LockMode::AccessExclusive));
        }
        let (quoted, space) = (relation::qualified_name(index.to_u32()), relation::quoted(&name));
        let sql = format!("ALTER INDEX {quoted} SET TABLESPACE {space}");
        let online = Some(format!("REINDEX (CONCURRENTLY, TABLESPACE {space}) INDEX {quoted}"));
        let kind = ChangeKind::SetTablespace { name, online };
        Ok(Some(Change { on: Some(on), kind, lock: None, sql: Some(sql), work }))
    }
}

/// ALTER TABLE / INDEX / MATERIALIZED VIEW ALL IN TABLESPACE.
///
/// # Safety
/// `alter` is the parser's tree.
pub unsafe fn all(alter: &pg_sys::AlterTableMoveAllStmt) -> Result<Option<Change>> {
    // SAFETY: the caller's promise; names are NUL-terminated, roles are RoleSpec nodes.
    unsafe {
        let from = pg_sys::get_tablespace_oid(alter.orig_tablespacename, false);
        let to = pg_sys::get_tablespace_oid(alter.new_tablespacename, false);
        let mut owners = Vec::new();
        for role in node::elements(alter.roles) {
            owners.push(pg_sys::get_rolespec_oid(role.cast::<pg_sys::RoleSpec>(), false).to_u32());
        }
        let default = pg_sys::MyDatabaseTableSpace;
        let stored = if from == default { 0 } else { from.to_u32() };
        let kinds: &[char] = match alter.objtype {
            ObjectType::OBJECT_INDEX => &['i', 'I'],
            ObjectType::OBJECT_MATVIEW => &['m'],
            _ => &['r', 'p'],
        };
        let mut work: Vec<Work> = Vec::new();
        for row in CLASS_BY_OID.rows(&[]) {
            let oid = Oid::from(row.oid(c"oid"));
            let wanted = row.oid(c"reltablespace") == stored
                && kinds.contains(&row.character(c"relkind"))
                && oid.to_u32() >= pg_sys::FirstNormalObjectId
                && (owners.is_empty() || owners.contains(&row.oid(c"relowner")))
                && versions::is_relation_owner(oid);
            if wanted && moves(oid, to, default) {
                let table = table_of(oid).unwrap_or(oid);
                work.extend(held::work(table, WorkKind::Copy, LockMode::AccessExclusive));
            }
        }
        let first = work.first().map(|w| Oid::from(w.relation));
        let on = first.map(|table| relation::describe(table, false)).transpose()?;
        let sql = statement_text::on_one_line(alter);
        let name = convert::string(alter.new_tablespacename).unwrap_or_default();
        let kind = ChangeKind::SetTablespace { name, online: None };
        Ok(Some(Change { on, kind, lock: Some(LockMode::AccessExclusive), sql, work }))
    }
}

/// The table of an index.
fn table_of(index: Oid) -> Option<Oid> {
    let rows = INDEX_BY_OID.rows(&[Key::Oid(c"indexrelid", index.to_u32())]);
    rows.first().map(|row| Oid::from(row.oid(c"indrelid")))
}
