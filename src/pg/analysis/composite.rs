//! ALTER TYPE ... ATTRIBUTE ... CASCADE: every table OF the type is altered with it.

use pgrx::pg_sys::{self, AlterTableType as At, NodeTag, Oid};

use super::alter_table::{Alteration, changes_of};
use super::catalogue::{CLASS, DEPENDENTS_OF, Key};
use super::expression;
use crate::ddl::{Change, ChangeKind, Relation, Work};
use crate::error::Result;
use crate::pg::{convert, node, object, relation, statement_text};

/// pg_type.
const TYPE: u32 = 1247;

/// The commands of an ALTER TYPE on a composite type.
///
/// # Safety
/// `alter` is the parser's tree.
pub unsafe fn changes(alter: &pg_sys::AlterTableStmt) -> Result<Vec<Change>> {
    // SAFETY: the caller's promise; the type's name is part of the tree.
    unsafe {
        if alter.relation.is_null() {
            return Ok(Vec::new());
        }
        let Some(composite) = relation::lookup(alter.relation)? else { return Ok(Vec::new()) };
        if !object::is_guarded(pg_sys::RelationRelationId, composite) {
            return Ok(Vec::new());
        }
        let tables = typed_tables(pg_sys::get_rel_type_id(composite));
        let sql = statement_text::on_one_line(alter);
        let mut changes: Vec<Change> = Vec::new();
        for (i, command) in node::elements(alter.cmds).into_iter().enumerate() {
            let Some(command) = node::cast::<pg_sys::AlterTableCmd>(command, NodeTag::T_AlterTableCmd) else {
                continue;
            };
            let cascade = (*command).behavior == pg_sys::DropBehavior::DROP_CASCADE;
            // Without CASCADE it is refused where such a table is.
            let (on, work) = if cascade { work_on(&tables, alter, i)? } else { (None, Vec::new()) };
            let Some(kind) = kind(composite, &*command, cascade)? else { continue };
            let sql = sql.clone().filter(|_| changes.is_empty());
            changes.push(Change { lock: None, on, kind, sql, work });
        }
        Ok(changes)
    }
}

/// What the command does to the tables of the type: as ALTER TABLE on each of them would.
///
/// # Safety
/// `alter` is the parser's tree.
unsafe fn work_on(
    tables: &[Oid],
    alter: &pg_sys::AlterTableStmt,
    number: usize,
) -> Result<(Option<Relation>, Vec<Work>)> {
    let mut work = Vec::new();
    let mut first = None;
    for table in tables {
        // SAFETY: the caller's promise.
        let Some(alteration) = (unsafe { Alteration::on(*table, true, alter)? }) else { continue };
        // SAFETY: as above.
        let changes = unsafe { changes_of(&alteration)? };
        if let Some(change) = changes.into_iter().nth(number) {
            if first.is_none() && !change.work.is_empty() {
                first = change.on;
            }
            work.extend(change.work);
        }
    }
    Ok((first, work))
}

/// # Safety
/// `command` is the parser's.
unsafe fn kind(composite: Oid, command: &pg_sys::AlterTableCmd, cascade: bool) -> Result<Option<ChangeKind>> {
    // SAFETY: the caller's promise; the tag is checked, names are NULL or NUL-terminated.
    unsafe {
        let of_type = pg_sys::get_rel_type_id(composite);
        let composite = object::object(pg_sys::TypeRelationId, of_type, "TYPE", None);
        let attribute = convert::string(command.name).unwrap_or_default();
        let written = node::cast::<pg_sys::ColumnDef>(command.def, NodeTag::T_ColumnDef);
        Ok(match (command.subtype, written) {
            (At::AT_DropColumn, _) => Some(ChangeKind::DropAttribute { composite, attribute, cascade }),
            (At::AT_AlterColumnType, Some(written)) => {
                let (type_oid, modifier) = expression::resolve_type((*written).typeName)?;
                let to = expression::type_name(type_oid, modifier);
                Some(ChangeKind::AlterAttribute { composite, attribute, to, cascade })
            }
            (At::AT_AddColumn, Some(written)) => {
                let attribute = convert::string((*written).colname).unwrap_or_default();
                Some(ChangeKind::AddAttribute { composite, attribute, cascade })
            }
            _ => None,
        })
    }
}

/// Tables OF a type.
fn typed_tables(type_oid: Oid) -> Vec<Oid> {
    let keys = [Key::Oid(c"refclassid", TYPE), Key::Oid(c"refobjid", type_oid.to_u32())];
    DEPENDENTS_OF
        .rows(&keys)
        .iter()
        .filter(|row| row.oid(c"classid") == CLASS && row.integer(c"objsubid") == 0)
        .map(|row| Oid::from(row.oid(c"objid")))
        .filter(|oid| [pg_sys::RELKIND_RELATION, pg_sys::RELKIND_PARTITIONED_TABLE].contains(&relation::kind_of(*oid)))
        .collect()
}
