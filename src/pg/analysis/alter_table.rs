//! ALTER TABLE.

use pgrx::pg_sys::{self, NodeTag};

use super::{column, held};
use crate::ddl::{Change, ChangeKind, LockMode, WorkKind};
use crate::error::Result;
use crate::pg::{node, relation};

/// The commands of an ALTER TABLE.
///
/// # Safety
/// `alter` is the parser's tree.
pub unsafe fn changes(alter: &pg_sys::AlterTableStmt) -> Result<Vec<Change>> {
    // SAFETY: every cast follows the tag; the relation's name is part of the tree.
    unsafe {
        let commands: Vec<_> = node::elements(alter.cmds)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::AlterTableCmd>(n, NodeTag::T_AlterTableCmd))
            .collect();
        if alter.relation.is_null() {
            return Ok(Vec::new());
        }
        let Some(oid) = relation::lookup(alter.relation)? else { return Ok(Vec::new()) };
        let Some(on) = relation::guarded(oid, (*alter.relation).inh)? else { return Ok(Vec::new()) };
        let made_not_null: Vec<String> = commands.iter().flat_map(|c| column::made_not_null(&**c)).collect();
        let mut changes = Vec::new();
        for command in &commands {
            let mut on = on.clone();
            let mut change =
                Change { on: Some(on.clone()), kind: ChangeKind::OtherAlter, lock: None, sql: None, work: Vec::new() };
            if (**command).subtype == pg_sys::AlterTableType::AT_AddColumn
                && let Some(definition) = node::cast::<pg_sys::ColumnDef>((**command).def, NodeTag::T_ColumnDef)
                && column::is_required(&*definition, &made_not_null)
                && let Some(new) = column::required(oid, &on, &*definition)
            {
                // A child that has the column already keeps its own.
                on.leaves.retain(|leaf| !column::exists(*leaf, &new.column.name));
                change.work = on
                    .leaves
                    .iter()
                    .filter_map(|leaf| held::work(pg_sys::Oid::from(*leaf), WorkKind::Scan, LockMode::AccessExclusive))
                    .collect();
                change.on = Some(on);
                change.kind = ChangeKind::AddColumn { new, if_not_exists: (**command).missing_ok };
            }
            changes.push(change);
        }
        Ok(changes)
    }
}
