//! lock_timeout for the time of one statement of somebody else's.

use std::cell::Cell;

use pgrx::pg_sys;

use super::convert;

thread_local! {
    /// What [`set_across_commits`] has set, while it is set.
    static ACROSS: Cell<Option<i32>> = const { Cell::new(None) };
}

/// The value in force in milliseconds; 0 is none.
pub fn current() -> i32 {
    // SAFETY: a read of the setting's variable.
    unsafe { pg_sys::LockTimeout }
}

/// After so long in a queue Postgres looks for a deadlock, and ends whoever looked when there is one.
pub fn of_deadlocks() -> std::time::Duration {
    // SAFETY: a read of the setting's variable.
    std::time::Duration::from_millis(u64::try_from(unsafe { pg_sys::DeadlockTimeout }).unwrap_or(1000))
}

/// Sets it as SET LOCAL does: whatever ends the transaction or subtransaction by an error puts it back.
pub fn set_local(milliseconds: i32) {
    let value = convert::c_string(&milliseconds.to_string());
    // SAFETY: a name and a value that the setting accepts.
    unsafe {
        pg_sys::set_config_option(
            c"lock_timeout".as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_LOCAL,
            true,
            0,
            false,
        );
    }
}

/// Sets it for a command that commits on its way, which ends whatever SET LOCAL did. Past the machinery of settings,
/// because a SET for the session would outlive an error; so [`end_across_commits`] must be called at the end of the command and of a
/// transaction that fails.
pub fn set_across_commits(milliseconds: i32) {
    // SAFETY: the setting's variable, which has no assign hook; it was 0, and nothing else sets it meanwhile.
    unsafe { pg_sys::LockTimeout = milliseconds }
    ACROSS.set(Some(milliseconds));
}

/// Back to none, unless somebody else has set another value meanwhile. Never fails.
pub fn end_across_commits() {
    if let Some(milliseconds) = ACROSS.take() {
        // SAFETY: as above.
        unsafe {
            if pg_sys::LockTimeout == milliseconds {
                pg_sys::LockTimeout = 0;
            }
        }
    }
}
