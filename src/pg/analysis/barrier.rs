//! The analysis plans and transforms expressions that a user wrote. Folding constants may call IMMUTABLE functions, and
//! reading a literal of a domain runs its CHECK, whatever functions that calls. While the barrier is up, a function that is not
//! part of Postgres, or that may do more than compute (lo_export, pg_terminate_backend), raises an error instead of running.

use std::cell::Cell;
use std::ffi::{c_int, c_void};

use pgrx::pg_sys::{self, Oid};

use crate::error::{Report, SqlState};
use crate::pg::{raise, raw};

thread_local! {
    /// The function that was stopped last.
    static STOPPED: Cell<u32> = const { Cell::new(0) };
    /// What the hook was before.
    static PREVIOUS: Cell<pg_sys::object_access_hook_type> = const { Cell::new(None) };
}

/// Raised for a stopped function. Never seen by a user.
const STOPPED_STATE: SqlState = SqlState(*b"MG000");

/// Whether an error is the barrier's.
pub fn is_stop(error: &Report) -> bool {
    error.sqlstate == Some(STOPPED_STATE)
}

/// The type of the hook.
type Hook = unsafe extern "C-unwind" fn(pg_sys::ObjectAccessType::Type, Oid, Oid, c_int, *mut c_void);

/// Up while it lives.
pub struct Barrier {
    previous: pg_sys::object_access_hook_type,
}

impl Barrier {
    /// Raises it.
    pub fn up() -> Self {
        STOPPED.set(0);
        // SAFETY: a variable of this backend's, put back by drop().
        unsafe {
            let previous = pg_sys::object_access_hook;
            // Within another barrier there is no hook of somebody else's to remember.
            if !previous.is_some_and(|hook| std::ptr::fn_addr_eq(hook, stop as Hook)) {
                PREVIOUS.set(previous);
                pg_sys::object_access_hook = Some(stop);
            }
            Self { previous }
        }
    }

    /// The function that was stopped since, if any.
    pub fn stopped(&self) -> Option<Oid> {
        Some(STOPPED.replace(0)).filter(|oid| *oid != 0).map(Oid::from)
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { pg_sys::object_access_hook = self.previous }
    }
}

/// Called by the executor before it runs a function.
unsafe extern "C-unwind" fn stop(
    access: pg_sys::ObjectAccessType::Type,
    class: Oid,
    object: Oid,
    sub: c_int,
    argument: *mut c_void,
) {
    // SAFETY: a raw syscache look-up by oid: Postgres called, and nothing in this frame has a destructor.
    let stops = || unsafe {
        object.to_u32() >= pg_sys::FirstNormalObjectId
            || raw::func_volatile(object) as u8 == pg_sys::PROVOLATILE_VOLATILE
    };
    if access == pg_sys::ObjectAccessType::OAT_FUNCTION_EXECUTE && stops() {
        STOPPED.set(object.to_u32());
        let error = raise::prepare(Box::new(Report::new(STOPPED_STATE, "a function was not run during the analysis")));
        // SAFETY: nothing in this frame has a destructor any more.
        unsafe { raise::raise(error) }
    }
    if let Some(previous) = PREVIOUS.get() {
        // SAFETY: the hook that was installed before, called as Postgres would.
        unsafe { previous(access, class, object, sub, argument) }
    }
}
