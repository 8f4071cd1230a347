//! Advisory locks: visible in pg_locks, gone with the backend that held them.

use pgrx::pg_sys;

/// What a lock is for: the two keys of `pg_advisory_lock(int, int)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    pub class: u32,
    pub object: u32,
}

/// A session-level lock, held across commits until it is dropped.
pub struct SessionLock {
    key: Key,
}

impl SessionLock {
    /// Takes it if nobody else has it. Never waits: a blocking waiter and a concurrent index build would deadlock.
    pub fn try_acquire(key: Key) -> Option<Self> {
        acquire(key, true).then(|| Self { key })
    }
}

impl Drop for SessionLock {
    fn drop(&mut self) {
        let tag = tag(self.key);
        // SAFETY: a well-formed tag. A script may have released it; Postgres would warn of releasing it once more.
        unsafe {
            if super::versions::is_lock_held(&tag, pg_sys::ExclusiveLock as i32) {
                pg_sys::LockRelease(&raw const tag, pg_sys::ExclusiveLock as i32, true);
            }
        }
    }
}

/// Whether nobody holds the lock exclusively. Never waits; others may find it taken for a moment.
pub fn is_free(key: Key) -> bool {
    let tag = tag(key);
    // SAFETY: a well-formed tag, never waiting; what was taken is released.
    unsafe {
        let result = pg_sys::LockAcquire(&raw const tag, pg_sys::ShareLock as i32, true, true);
        let free = result != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL;
        if free {
            pg_sys::LockRelease(&raw const tag, pg_sys::ShareLock as i32, true);
        }
        free
    }
}

/// Takes the lock until the end of the current transaction if nobody else has it.
pub fn try_acquire_for_transaction(key: Key) -> bool {
    acquire(key, false)
}

fn acquire(key: Key, for_session: bool) -> bool {
    let tag = tag(key);
    // SAFETY: a well-formed tag, never waiting.
    let result = unsafe { pg_sys::LockAcquire(&raw const tag, pg_sys::ExclusiveLock as i32, for_session, true) };
    result != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL
}

/// What SET_LOCKTAG_ADVISORY makes of a pair of keys.
fn tag(key: Key) -> pg_sys::LOCKTAG {
    pg_sys::LOCKTAG {
        // SAFETY: a read; set when the backend connected.
        locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
        locktag_field2: key.class,
        locktag_field3: key.object,
        locktag_field4: 2,
        locktag_type: pg_sys::LockTagType::LOCKTAG_ADVISORY as u8,
        locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
    }
}
