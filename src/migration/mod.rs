//! Migrations: what a version and a script are, registering them, running them.

pub mod apply;
pub mod backoff;
pub mod deploy;
mod folder;
mod lock;
mod queue;
mod register;
mod resolve;
mod resume;
mod run;
mod script;
mod version;

pub use crate::catalog::events::insert_in_own_session as write_event;
pub use folder::register_folder;
pub use register::{Registration, register};
pub use resolve::resolve;
