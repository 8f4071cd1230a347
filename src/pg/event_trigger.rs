//! From an event trigger's parse tree to plain data.

use pgrx::pg_sys::{self, NodeTag};

use super::entry::Call;
use super::{column, convert, index_statement, node, relation};
use crate::ddl::GuardedDdl;
use crate::error::{Report, Result, code, fail};

/// The DDL that is about to run, if it is of a kind the guard looks at.
pub fn guarded_ddl(call: &Call) -> Result<Option<GuardedDdl>> {
    // SAFETY: the tag says whether the context is EventTriggerData; the parse tree lives as long as the command.
    unsafe {
        let context = (*call.fcinfo).context;
        let Some(data) = node::cast::<pg_sys::EventTriggerData>(context, NodeTag::T_EventTriggerData) else {
            return fail(
                Report::new(
                    code::INVALID_ARGUMENT,
                    "migrator.guard_ddl_command_start was not called by an event trigger",
                )
                .detail("It was called as an ordinary function.")
                .hint("It is called by the event trigger migrator_guard, at the start of DDL commands."),
            );
        };
        let statement = (*data).parsetree;
        if let Some(alter) = node::cast::<pg_sys::AlterTableStmt>(statement, NodeTag::T_AlterTableStmt) {
            return add_required_columns(&*alter);
        }
        if let Some(index) = node::cast::<pg_sys::IndexStmt>(statement, NodeTag::T_IndexStmt) {
            return index_statement::create_index(&*index);
        }
    }
    Ok(None)
}

/// True while objects are restored rather than changed: by pg_upgrade, by an extension's script, or by a session that
/// has set what pg_dump's output sets.
pub fn is_restoring() -> bool {
    // SAFETY: reads of the backend's own settings.
    unsafe {
        let path = convert::string(pg_sys::namespace_search_path).unwrap_or_default();
        let like_pg_dump = !pg_sys::row_security && !pg_sys::check_function_bodies && path.trim().is_empty();
        pg_sys::IsBinaryUpgrade || pg_sys::creating_extension || like_pg_dump
    }
}

/// ALTER TABLE: the columns it adds that are NOT NULL and have nothing to fill them with.
///
/// # Safety
/// `alter` is the parser's tree.
unsafe fn add_required_columns(alter: &pg_sys::AlterTableStmt) -> Result<Option<GuardedDdl>> {
    // SAFETY: every cast follows the tag; the relation's name is part of the tree.
    unsafe {
        let commands: Vec<_> = node::elements(alter.cmds)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::AlterTableCmd>(n, NodeTag::T_AlterTableCmd))
            .collect();
        // The other commands of the statement run after the columns are there, before any row is looked at.
        let made_not_null: Vec<String> = commands.iter().flat_map(|c| column::made_not_null(&**c)).collect();
        let adds: Vec<_> = commands
            .iter()
            .filter(|c| (***c).subtype == pg_sys::AlterTableType::AT_AddColumn)
            .filter_map(|c| node::cast::<pg_sys::ColumnDef>((**c).def, NodeTag::T_ColumnDef))
            .filter(|definition| column::is_required(&**definition, &made_not_null))
            .collect();
        if adds.is_empty() || alter.relation.is_null() {
            return Ok(None);
        }
        let Some(oid) = relation::lookup(alter.relation)? else { return Ok(None) };
        let Some(mut relation) = relation::guarded(oid, (*alter.relation).inh)? else { return Ok(None) };
        let more = commands.len() > adds.len() || adds.iter().any(|d| column::has_constraints(&**d));
        let columns: Vec<_> =
            adds.into_iter().filter_map(|definition| column::required(oid, &relation, &*definition)).collect();
        // A child that has the column already keeps its own.
        relation.leaves.retain(|leaf| columns.iter().any(|c| !column::exists(*leaf, &c.name)));
        Ok((!columns.is_empty()).then_some(GuardedDdl::AddRequiredColumns { relation, columns, more }))
    }
}
