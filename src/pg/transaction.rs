//! Ending one transaction and beginning the next, as a procedure may that was called at top level.

use pgrx::pg_sys;

use super::{boundary, raw};
use crate::error::Result;

/// Commits and begins anew. Nothing of the old transaction's memory, snapshots or portals may be in use,
/// save the portal that runs our CALL. On an error the transaction is broken: call [`restart`].
pub fn commit() -> Result<()> {
    keeping_memory_context(|| {
        // SAFETY: raw calls only. The caller stands in a direct top-level CALL (see top_level.rs), where
        // Postgres itself would allow COMMIT; the order is that of SPI_commit.
        unsafe {
            // What a commit leaves in the current memory context goes with the transaction; in ours it would pile up.
            pg_sys::CurrentMemoryContext = pg_sys::TopTransactionContext;
            boundary::catch(|| {
                raw::ForgetPortalSnapshots();
                raw::CommitTransactionCommand();
                raw::StartTransactionCommand();
                read_committed();
            })
        }
    })
}

/// Rolls back whatever is left of the transaction after an error and begins anew.
///
/// Not SPI_rollback: a failed portal's snapshots are still on the stack, and it would raise for them.
pub fn restart() -> Result<()> {
    keeping_memory_context(|| {
        // SAFETY: as above; this is what the main loop of a backend does after an error.
        unsafe {
            boundary::catch(|| {
                raw::AbortCurrentTransaction();
                raw::StartTransactionCommand();
                read_committed();
            })
        }
    })
}

/// A session may default to REPEATABLE READ; then every transaction of ours would keep one snapshot and a
/// concurrent update would fail a batch.
fn read_committed() {
    // SAFETY: no snapshot has been taken in this transaction yet.
    unsafe { pg_sys::XactIsoLevel = pg_sys::XACT_READ_COMMITTED as i32 }
}

/// Begin and end of a transaction leave another memory context current than the one our caller relies on.
fn keeping_memory_context(work: impl FnOnce() -> Result<()>) -> Result<()> {
    // SAFETY: the context belongs to the portal of our CALL (or the function call) and outlives the transaction.
    let context = unsafe { pg_sys::CurrentMemoryContext };
    // So that now() and the age of the transaction are those of the new one, not of the CALL.
    // SAFETY: sets a variable.
    unsafe { pg_sys::SetCurrentStatementStartTimestamp() };
    let result = work();
    // SAFETY: as above.
    unsafe { pg_sys::CurrentMemoryContext = context };
    result
}

/// Whether the client has begun a transaction block, or a function runs in a transaction of its caller's.
pub fn in_block() -> bool {
    // SAFETY: a read of the backend's own state.
    unsafe { pg_sys::IsTransactionBlock() }
}
