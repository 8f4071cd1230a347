//! From an event trigger's call to the analysis of its statement.

use pgrx::pg_sys::{self, NodeTag};

use super::entry::Call;
use super::{analysis, convert, node};
use crate::ddl::Ddl;
use crate::error::{Report, Result, code, fail};

/// The analysis of the statement that is about to run.
pub fn statement(call: &Call) -> Result<Ddl> {
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
        analysis::analyse((*data).parsetree)
    }
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
