//! Being told that something in the catalogue, or in one table of ours, has changed: so that what was read once need not be
//! read again.

use std::cell::Cell;
use std::ffi::c_int;

use pgrx::pg_sys::{self, Datum, Oid};

thread_local! {
    static LISTENING: Cell<bool> = const { Cell::new(false) };
    static LISTENER: Cell<Option<fn()>> = const { Cell::new(None) };
    /// The table.
    static TABLE: Cell<Oid> = const { Cell::new(Oid::INVALID) };
}

/// Has `listener` called whenever an event trigger was made, changed or dropped, or `table` (which may be none) was
/// announced by [`announce`]. It may set variables of its own and nothing else.
pub(super) fn watch(table: Oid, listener: fn()) {
    TABLE.set(table);
    LISTENER.set(Some(listener));
    if !LISTENING.replace(true) {
        let cache = pg_sys::SysCacheIdentifier::EVENTTRIGGEROID as c_int;
        // SAFETY: functions that live as long as the library; once per process.
        unsafe {
            pg_sys::CacheRegisterRelcacheCallback(Some(relation_changed), Datum::from(0));
            pg_sys::CacheRegisterSyscacheCallback(cache, Some(trigger_changed), Datum::from(0));
        }
    }
}

/// Tells every session, once this transaction is committed, that rows of a table have changed.
pub fn announce(table: u32) {
    // SAFETY: queues a message; the relation need not be open.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(Oid::from(table)) }
}

unsafe extern "C-unwind" fn relation_changed(_: Datum, relation: Oid) {
    // None means all.
    if relation == Oid::INVALID || relation == TABLE.get() {
        tell();
    }
}

unsafe extern "C-unwind" fn trigger_changed(_: Datum, _: c_int, _: pg_sys::uint32) {
    tell();
}

fn tell() {
    if let Some(listener) = LISTENER.get() {
        listener();
    }
}
