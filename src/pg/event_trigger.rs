//! What an event trigger is called with.

use std::ffi::CStr;

use pgrx::pg_sys::{self, NodeTag};

use super::entry::Call;
use super::{analysis, convert, node, parse, statement_text};
use crate::ddl::Ddl;
use crate::error::{Report, Result, code, fail};

/// One call of an event trigger: a statement that is about to run, does something, or has run.
pub struct Event {
    tree: *mut pg_sys::Node,
    tag: pg_sys::CommandTag::Type,
}

/// The event of a call.
pub fn event(call: &Call) -> Result<Event> {
    // SAFETY: the tag says whether the context is EventTriggerData; the parse tree lives as long as the command.
    unsafe {
        let context = (*call.fcinfo).context;
        let Some(data) = node::cast::<pg_sys::EventTriggerData>(context, NodeTag::T_EventTriggerData) else {
            return fail(
                Report::new(code::INVALID_ARGUMENT, "a function of the guard was not called by an event trigger")
                    .detail("It was called as an ordinary function.")
                    .hint("Leave it to the event triggers migrator_guard, migrator_guard_rewrite, migrator_log and migrator_log_drop."),
            );
        };
        // So it is at login.
        if (*data).parsetree.is_null() {
            return fail(
                Report::new(
                    code::INVALID_ARGUMENT,
                    "a function of the guard was called for an event without a statement",
                )
                .detail(format!("The event is {}.", convert::string((*data).event).unwrap_or_default()))
                .hint("Connect with PGOPTIONS='-c event_triggers=off', and drop the event trigger that calls it."),
            );
        }
        Ok(Event { tree: (*data).parsetree, tag: (*data).tag })
    }
}

impl Event {
    /// The same for all events of one statement, and for no other statement that runs at the time.
    pub fn statement(&self) -> usize {
        self.tree as usize
    }

    /// The command tag, such as `ALTER TABLE`.
    pub fn tag(&self) -> String {
        // SAFETY: names of tags are static.
        unsafe { convert::string(pg_sys::GetCommandTagName(self.tag)) }.unwrap_or_default()
    }

    /// The analysis of the statement, at its start.
    pub fn analyse(&self) -> Result<Ddl> {
        // SAFETY: the tree lives as long as the command.
        unsafe { analysis::analyse(self.tree) }
    }

    /// The text of the statement, at its start; `None` when it cannot be told for certain.
    pub fn text(&self) -> Option<String> {
        // SAFETY: as above, and nothing has changed it yet.
        unsafe { statement_text::of(self.tree) }
    }

    /// Whether it commits on its way: CREATE, DROP and REINDEX CONCURRENTLY, DETACH PARTITION CONCURRENTLY. An error at its
    /// end would leave the half of it behind.
    pub fn commits_on_its_way(&self) -> bool {
        // SAFETY: as above.
        unsafe { parse::is_concurrent(self.tree) }
    }
}

/// True while objects are restored rather than changed: by pg_upgrade, by an extension's script, or by a session that
/// has set what pg_dump's output sets.
pub fn is_restoring() -> bool {
    // SAFETY: reads of the backend's own settings.
    unsafe {
        let like_pg_dump = !pg_sys::row_security && !pg_sys::check_function_bodies && has_no_path();
        pg_sys::IsBinaryUpgrade || pg_sys::creating_extension || like_pg_dump
    }
}

fn has_no_path() -> bool {
    // SAFETY: a setting's variable, NUL-terminated or NULL.
    unsafe {
        pg_sys::namespace_search_path.is_null()
            || CStr::from_ptr(pg_sys::namespace_search_path).to_bytes().trim_ascii().is_empty()
    }
}
