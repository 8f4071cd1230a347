//! Whether other sessions wait for this transaction to end.

use pgrx::pg_sys;

/// True when somebody waits for a row that this transaction has changed or locked. Reads the shared lock table, once.
pub fn wait_for_us() -> bool {
    // SAFETY: a read of the backend's own state; the tag is that of SET_LOCKTAG_TRANSACTION, and a transaction that has an
    // id holds that lock.
    unsafe {
        let transaction = pg_sys::GetTopTransactionIdIfAny();
        if transaction == pg_sys::InvalidTransactionId {
            return false;
        }
        let tag = pg_sys::LOCKTAG {
            locktag_field1: transaction.into_inner(),
            locktag_field2: 0,
            locktag_field3: 0,
            locktag_field4: 0,
            locktag_type: pg_sys::LockTagType::LOCKTAG_TRANSACTION as u8,
            locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
        };
        pg_sys::LockHasWaiters(&raw const tag, pg_sys::ExclusiveLock as i32, false)
    }
}
