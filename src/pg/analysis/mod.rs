//! The analysis: what a DDL statement asks for and what work it would make Postgres do, decided the way Postgres decides,
//! before it runs. It takes no lock that another session could make it wait for, and runs no user's code.

mod alter_table;
mod barrier;
mod bound;
pub(super) mod catalogue;
mod column;
mod composite;
pub mod create_index;
mod create_table;
mod domain;
mod drop;
mod effects;
mod enumeration;
mod estimate;
mod expression;
mod function;
mod held;
mod index_name;
pub mod index_statement;
mod locks;
mod modify;
mod move_all;
mod other_kinds;
mod overlay;
mod partition;
mod partition_fit;
mod partition_index;
mod partition_key;
pub(super) mod prior;
mod proof;
mod publication;
mod refresh;
mod reindex;
mod rename;
mod resolve;
mod row_type;
pub mod script;
mod script_only;
mod sequence;
mod trigger;
mod unseen;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use pgrx::pg_sys::panic::CaughtError;
use pgrx::pg_sys::{self, NodeTag};

use super::{boundary, convert, node, raw, settings_scope, subtransaction};
use crate::ddl::{Change, Ddl};
use crate::error::{Report, Result};

/// Analyses a utility statement.
///
/// # Safety
/// `statement` is the parser's tree, which lives as long as the call.
pub unsafe fn analyse(statement: *mut pg_sys::Node) -> Result<Ddl> {
    // SAFETY: the caller's promise.
    unsafe {
        if unseen::is(statement) {
            return Ok(Ddl::default());
        }
        analysed(statement, || changes(statement))
    }
}

/// The width of a column of a table by its type, guessed as the planner does; `None` when it is dropped.
pub(super) fn column_width(table: pg_sys::Oid, number: i16) -> Option<f64> {
    let column = catalogue::stored_attribute(table, number).filter(|column| !column.dropped)?;
    // SAFETY: a syscache look-up by oid.
    let width = unsafe { pg_sys::get_typlen(column.type_oid) };
    Some(if width > 0 { f64::from(width) } else { 32.0 })
}

/// Analyses a utility statement that is about to run and for which Postgres fires no event.
///
/// # Safety
/// As for [`analyse`].
pub unsafe fn analyse_unseen(statement: *mut pg_sys::Node) -> Result<Ddl> {
    // SAFETY: the caller's promise.
    unsafe {
        analysed(statement, || {
            let mut all = changes(statement)?;
            all.extend(script_only::changes(statement)?);
            Ok(all)
        })
    }
}

/// Analyses a statement that is not about to run, or for which Postgres fires no event. `text` is the statement.
///
/// # Safety
/// As for [`analyse`].
unsafe fn analyse_text(statement: *mut pg_sys::Node, text: &str) -> Result<Ddl> {
    // SAFETY: the caller's promise.
    unsafe {
        analysed(statement, || {
            let mut all = changes(statement)?;
            all.extend(script_only::changes(statement)?);
            all.extend(modify::changes(statement, text)?);
            Ok(all)
        })
    }
}

/// # Safety
/// As for [`analyse`].
unsafe fn analysed(statement: *mut pg_sys::Node, changes: impl FnOnce() -> Result<Vec<Change>>) -> Result<Ddl> {
    // SAFETY: the caller's promise; a tag's name is static.
    let tag = unsafe {
        let tag = boundary::catch(|| raw::CreateCommandTag(statement))?;
        convert::string(pg_sys::GetCommandTagName(tag)).unwrap_or_default()
    };
    let work = || {
        // Whatever else Postgres evaluates on the way, such as the bounds of a partition, runs no user's function.
        let _barrier = barrier::Barrier::up();
        subtransaction::rolled_back(|| {
            settings_scope::write_unambiguously();
            settings_scope::be_silent();
            changes()
        })
    };
    Ok(Ddl { tag, changes: tolerant(work)?.unwrap_or_default(), ..Ddl::default() })
}

/// Runs a part of the analysis; `None` when it met what the statement raises itself in a moment, better than we could.
fn tolerant<T>(work: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(found)) => Ok(Some(found)),
        Ok(Err(error)) if is_statements_own(&error) => Ok(None),
        Ok(Err(error)) => Err(error),
        Err(panic) => match panic.downcast_ref::<CaughtError>() {
            Some(CaughtError::PostgresError(e) | CaughtError::ErrorReport(e))
                if is_statements_own(&Report::new(convert::unpack(e.sql_error_code() as i32), "")) =>
            {
                Ok(None)
            }
            _ => resume_unwind(panic),
        },
    }
}

/// Whether an error met during the analysis is the statement's own: unknown names, wrong types, missing rights. Cancels,
/// shutdowns and exhausted resources are not.
fn is_statements_own(error: &Report) -> bool {
    let class = error.sqlstate.map(|s| [s.0[0], s.0[1]]);
    !matches!(class, Some([b'5', b'3' | b'4' | b'7' | b'8']))
}

/// # Safety
/// As for [`analyse`].
unsafe fn changes(statement: *mut pg_sys::Node) -> Result<Vec<Change>> {
    // SAFETY: every cast follows the tag.
    unsafe {
        if let Some(alter) = node::cast::<pg_sys::AlterTableStmt>(statement, NodeTag::T_AlterTableStmt) {
            if (*alter).objtype == pg_sys::ObjectType::OBJECT_TYPE {
                return composite::changes(&*alter);
            }
            if let Some(change) = move_all::of_index(&*alter)? {
                return Ok(vec![change]);
            }
            return alter_table::changes(&*alter);
        }
        if let Some(all) = node::cast::<pg_sys::AlterTableMoveAllStmt>(statement, NodeTag::T_AlterTableMoveAllStmt) {
            return Ok(move_all::all(&*all)?.into_iter().collect());
        }
        if let Some(create) = node::cast::<pg_sys::CreateStmt>(statement, NodeTag::T_CreateStmt) {
            return Ok(create_table::change(&*create, false)?.into_iter().collect());
        }
        if let Some(create) = node::cast::<pg_sys::CreateForeignTableStmt>(statement, NodeTag::T_CreateForeignTableStmt)
        {
            return Ok(create_table::change(&(*create).base, true)?.into_iter().collect());
        }
        if let Some(domain) = node::cast::<pg_sys::AlterDomainStmt>(statement, NodeTag::T_AlterDomainStmt) {
            return Ok(domain::change(&*domain)?.into_iter().collect());
        }
        if let Some(refresh) = node::cast::<pg_sys::RefreshMatViewStmt>(statement, NodeTag::T_RefreshMatViewStmt) {
            return Ok(refresh::change(&*refresh)?.into_iter().collect());
        }
        if let Some(reindex) = node::cast::<pg_sys::ReindexStmt>(statement, NodeTag::T_ReindexStmt) {
            return Ok(reindex::change(&*reindex)?.into_iter().collect());
        }
        if let Some(index) = node::cast::<pg_sys::IndexStmt>(statement, NodeTag::T_IndexStmt) {
            return Ok(create_index::change(&*index)?.into_iter().collect());
        }
        if let Some(drop) = node::cast::<pg_sys::DropStmt>(statement, NodeTag::T_DropStmt) {
            return Ok(drop::change(&*drop)?.into_iter().collect());
        }
        if let Some(owned) = node::cast::<pg_sys::DropOwnedStmt>(statement, NodeTag::T_DropOwnedStmt) {
            return Ok(drop::owned(&*owned)?.into_iter().collect());
        }
        if let Some(rename) = node::cast::<pg_sys::RenameStmt>(statement, NodeTag::T_RenameStmt) {
            return Ok(rename::change(&*rename)?.into_iter().collect());
        }
        if let Some(moved) = node::cast::<pg_sys::AlterObjectSchemaStmt>(statement, NodeTag::T_AlterObjectSchemaStmt) {
            return Ok(rename::set_schema(&*moved)?.into_iter().collect());
        }
        if let Some(made) = node::cast::<pg_sys::CreateEnumStmt>(statement, NodeTag::T_CreateEnumStmt) {
            return Ok(enumeration::created(&*made).into_iter().collect());
        }
        if let Some(altered) = node::cast::<pg_sys::AlterEnumStmt>(statement, NodeTag::T_AlterEnumStmt) {
            return Ok(enumeration::altered(&*altered)?.into_iter().collect());
        }
        if let Some(domain) = node::cast::<pg_sys::CreateDomainStmt>(statement, NodeTag::T_CreateDomainStmt) {
            return Ok(enumeration::domain(&*domain).into_iter().collect());
        }
        if let Some(function) = node::cast::<pg_sys::CreateFunctionStmt>(statement, NodeTag::T_CreateFunctionStmt) {
            return Ok(function::change(&*function)?.into_iter().collect());
        }
        if let Some(made) = node::cast::<pg_sys::CreatePublicationStmt>(statement, NodeTag::T_CreatePublicationStmt) {
            return Ok(publication::created(&*made)?.into_iter().collect());
        }
        if let Some(altered) = node::cast::<pg_sys::AlterPublicationStmt>(statement, NodeTag::T_AlterPublicationStmt) {
            return Ok(publication::altered(&*altered)?.into_iter().collect());
        }
        if let Some(sequence) = node::cast::<pg_sys::AlterSeqStmt>(statement, NodeTag::T_AlterSeqStmt) {
            return Ok(sequence::change(&*sequence)?.into_iter().collect());
        }
        if let Some(trigger) = node::cast::<pg_sys::CreateTrigStmt>(statement, NodeTag::T_CreateTrigStmt) {
            return Ok(trigger::change(&*trigger)?.into_iter().collect());
        }
    }
    Ok(Vec::new())
}
