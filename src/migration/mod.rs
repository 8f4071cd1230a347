//! Migrations: what a version and a script are, registering them, running them.

pub mod apply;
pub mod backoff;
pub mod deploy;
mod folder;
pub mod lint;
pub mod lock;
pub mod plan;
mod queue;
mod register;
mod resolve;
mod resume;
mod run;
mod script;
mod version;

pub use folder::register_folder;
pub use register::{Registration, register};
pub use resolve::resolve;

/// What the background worker runs that keeps the failure of an `apply`.
pub fn write_event(row: &str) -> crate::error::Result<()> {
    crate::catalog::events::insert_in_own_session(row)
}
