//! Locks that are held, and transactions that hold them. 17 renamed what a virtual transaction is made of.

use pgrx::pg_sys;

/// Whether this transaction holds exactly this lock mode on a relation of this database.
pub fn holds_relation_lock(relation: pg_sys::Oid, mode: i32) -> bool {
    // SAFETY: numbers only; completed below as SET_LOCKTAG_RELATION does it.
    let mut tag: pg_sys::LOCKTAG = unsafe { std::mem::zeroed() };
    // SAFETY: a global.
    tag.locktag_field1 = unsafe { pg_sys::MyDatabaseId }.to_u32();
    tag.locktag_field2 = relation.to_u32();
    tag.locktag_type = pg_sys::LockTagType::LOCKTAG_RELATION as u8;
    tag.locktag_lockmethodid = pg_sys::DEFAULT_LOCKMETHOD as u8;
    is_lock_held(&tag, mode)
}

/// This backend's virtual transaction: the number of its process, and the transaction's. 17 renamed both.
pub fn virtual_transaction() -> (i32, u32) {
    // SAFETY: reads of the backend's own entry.
    unsafe {
        let process = &*pg_sys::MyProc;
        #[cfg(any(feature = "pg15", feature = "pg16"))]
        return (process.backendId, process.lxid);
        #[cfg(not(any(feature = "pg15", feature = "pg16")))]
        return (process.vxid.procNumber, process.vxid.lxid);
    }
}

/// Whether a virtual transaction has ended; one that is prepared has not. Never waits.
pub fn is_over(process: i32, transaction: u32) -> bool {
    #[cfg(any(feature = "pg15", feature = "pg16"))]
    let id = pg_sys::VirtualTransactionId { backendId: process, localTransactionId: transaction };
    #[cfg(not(any(feature = "pg15", feature = "pg16")))]
    let id = pg_sys::VirtualTransactionId { procNumber: process, localTransactionId: transaction };
    // SAFETY: looks into shared memory.
    unsafe { pg_sys::VirtualXactLock(id, false) }
}

/// Whether this session holds a lock in exactly this mode.
pub fn is_lock_held(tag: &pg_sys::LOCKTAG, mode: pg_sys::LOCKMODE) -> bool {
    // SAFETY: a look into this backend's own table of locks.
    unsafe {
        #[cfg(any(feature = "pg15", feature = "pg16"))]
        return pg_sys::LockHeldByMe(tag, mode);
        #[cfg(not(any(feature = "pg15", feature = "pg16")))]
        pg_sys::LockHeldByMe(tag, mode, false)
    }
}
