//! Whether anybody is in the way of a lock, asked of the lock table itself.

use pgrx::pg_sys;

use super::{boundary, raw};
use crate::ddl::LockMode;
use crate::error::Result;

/// Whether another session, or a prepared transaction, holds a lock on the relation that this mode would wait for. Waits for
/// nobody, and takes none.
pub fn is_contended(relation: u32, mode: LockMode) -> Result<bool> {
    // SAFETY: a complete tag, as SET_LOCKTAG_RELATION makes it; the answer is palloc'd and counted.
    unsafe {
        let tag = pg_sys::LOCKTAG {
            locktag_field1: pg_sys::MyDatabaseId.to_u32(),
            locktag_field2: relation,
            locktag_field3: 0,
            locktag_field4: 0,
            locktag_type: pg_sys::LockTagType::LOCKTAG_RELATION as u8,
            locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
        };
        let mut count = 0;
        let (tag, counted) = (&raw const tag, &raw mut count);
        boundary::catch(|| raw::pfree(raw::GetLockConflicts(tag, mode as i32, counted).cast()))?;
        Ok(count > 0)
    }
}
