//! The fence: the only place with `unsafe`. Safe functions over Postgres's C API; plain data in and out.
//!
//! Two ways to call Postgres live here. pgrx's wrapped functions turn an error into a panic that keeps
//! message, DETAIL, HINT and standard SQLSTATE; they serve for look-ups that do not fail. Whatever runs a
//! user's SQL, or may fail in a way the user must see whole, goes through [`boundary`] with the raw functions
//! of [`raw`].

pub mod affected;
pub mod analysis;
pub mod append;
pub mod background;
mod boundary;
mod by_hand;
pub mod checked_setting;
pub mod clause;
mod content;
pub mod contention;
mod convert;
pub mod entry;
pub mod event_trigger;
pub mod executor_hook;
pub mod free_name;
pub mod invalidation;
mod lexer;
pub mod lock_timeout;
mod memory;
mod node;
mod object;
mod on_guard;
pub mod outbox;
pub mod parse;
pub mod portal;
pub mod preload;
mod raise;
mod raw;
pub mod relation;
pub mod report;
pub mod sequence;
pub mod session_lock;
pub mod session_worker;
pub mod settings_scope;
pub mod spi;
mod statement_text;
pub mod statement_timer;
pub mod storage;
mod stripe;
pub mod subtransaction;
pub mod top_level;
pub mod transaction;
pub mod transaction_end;
pub mod trigger;
pub mod user;
pub mod utility_hook;
mod versions;
pub mod wait;
pub mod waiters;
pub mod writable;

pub(crate) use background::background_worker;
pub use boundary::reserve as keep_memory_for_errors;
pub(crate) use entry::sql_function;
pub(crate) use session_worker::session_worker;
pub use versions::{FOREIGN_KEY_ON_PARTITIONED_CAN_WAIT, NOT_NULL_CAN_BE_NOT_VALID};

/// Reserves the prefix of our settings: a misspelt `migrator.x` becomes an error.
pub fn reserve_setting_prefix(prefix: &'static std::ffi::CStr) {
    // SAFETY: a static NUL-terminated string; Postgres copies it.
    unsafe { pgrx::pg_sys::MarkGUCPrefixReserved(prefix.as_ptr()) }
}
