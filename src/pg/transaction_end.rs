//! Being told when a transaction ends or a subtransaction fails.

use std::ffi::c_void;
use std::sync::OnceLock;

use pgrx::pg_sys;

/// What has happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The transaction is committed, or prepared.
    Committed,
    /// The transaction has failed.
    Failed,
    /// The subtransaction of this number has failed, and all that were begun in it, which have higher ones.
    SubtransactionFailed(u32),
}

static LISTENER: OnceLock<fn(End)> = OnceLock::new();

/// Names who is told, once per backend. It must not fail, and must not touch the catalogue: the transaction is over.
pub fn listen(listener: fn(End)) {
    if LISTENER.set(listener).is_ok() {
        // SAFETY: functions that live as long as the library, which is never unloaded.
        unsafe {
            pg_sys::RegisterXactCallback(Some(transaction), std::ptr::null_mut());
            pg_sys::RegisterSubXactCallback(Some(subtransaction), std::ptr::null_mut());
        }
    }
}

/// The number of the current subtransaction.
pub fn current_subtransaction() -> u32 {
    // SAFETY: a read; 1 outside of any.
    unsafe { pg_sys::GetCurrentSubTransactionId() }
}

unsafe extern "C-unwind" fn transaction(event: pg_sys::XactEvent::Type, _: *mut c_void) {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_COMMIT, XACT_EVENT_PREPARE};
    match event {
        XACT_EVENT_ABORT => tell(End::Failed),
        XACT_EVENT_COMMIT | XACT_EVENT_PREPARE => tell(End::Committed),
        _ => {}
    }
}

unsafe extern "C-unwind" fn subtransaction(
    event: pg_sys::SubXactEvent::Type,
    own: pg_sys::SubTransactionId,
    _: pg_sys::SubTransactionId,
    _: *mut c_void,
) {
    if event == pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB {
        tell(End::SubtransactionFailed(own));
    }
}

fn tell(what: End) {
    if let Some(listener) = LISTENER.get() {
        listener(what);
    }
}
