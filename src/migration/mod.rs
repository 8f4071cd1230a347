//! Migrations: what a version and a script are, registering them, running them.

pub mod apply;
pub mod backoff;
mod baseline;
mod blockers;
pub mod caller;
pub mod deploy;
mod folder;
pub mod lint;
pub mod lock;
mod order;
pub mod plan;
pub mod queue;
mod register;
mod resolve;
mod resume;
mod retry;
pub mod rights;
mod run;
mod schedule;
mod script;
mod steps;
mod task;
mod version;

pub use baseline::baseline;
pub use folder::{Permits, register_folder};
pub use register::{Registration, register};
pub use resolve::resolve;
pub use schedule::run_scheduled;

/// What the background worker runs that keeps the failure of an `apply`.
pub fn write_event(row: &str) -> crate::error::Result<()> {
    crate::catalog::events::insert_in_own_session(row)
}

/// Refuses to change the history.
pub fn history_is_append_only() -> crate::error::Result<()> {
    crate::catalog::events::refuse_to_change()
}

/// A version as a SQL literal.
fn quoted(version: &str) -> String {
    let doubled = version.replace('\'', "''");
    if doubled.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn versions_are_quoted_for_typing() {
        assert_eq!(quoted("it's"), "'it''s'");
        assert_eq!(quoted("a\\b"), "E'a\\\\b'");
    }
}
