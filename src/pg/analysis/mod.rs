//! The analysis: what a DDL statement asks for and what work it would make Postgres do, decided the way Postgres decides,
//! before it runs. It takes no lock that another session could make it wait for, and runs no user's code.

mod alter_table;
mod column;
mod create_index;
mod effects;
mod estimate;
mod held;
pub mod index_statement;
mod modify;
pub(super) mod prior;
pub mod script;
mod script_only;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use pgrx::pg_sys::panic::CaughtError;
use pgrx::pg_sys::{self, NodeTag};

use super::{boundary, convert, node, raw, subtransaction};
use crate::ddl::{Change, Ddl};
use crate::error::{Report, Result};

/// Analyses a utility statement.
///
/// # Safety
/// `statement` is the parser's tree, which lives as long as the call.
pub unsafe fn analyse(statement: *mut pg_sys::Node) -> Result<Ddl> {
    // SAFETY: the caller's promise.
    unsafe { analysed(statement, || changes(statement)) }
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
    let work = || subtransaction::rolled_back(changes);
    Ok(Ddl { tag, changes: tolerant(work)?.unwrap_or_default() })
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
            return alter_table::changes(&*alter);
        }
        if let Some(index) = node::cast::<pg_sys::IndexStmt>(statement, NodeTag::T_IndexStmt) {
            return Ok(create_index::change(&*index)?.into_iter().collect());
        }
    }
    Ok(Vec::new())
}
