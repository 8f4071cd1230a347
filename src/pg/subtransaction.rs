//! Subtransactions: whatever is opened, locked or left behind by an error in one, is gone afterwards.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use pgrx::pg_sys;

use super::memory::Scratch;
use super::{boundary, raise, raw};
use crate::error::Result;

/// Runs `work` in a subtransaction and rolls it back. What it returns must own its memory.
pub fn rolled_back<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    in_subtransaction(work, false)
}

/// Runs `work` in a subtransaction and keeps what it did, unless it fails. An error is returned, however it was raised.
pub fn contained<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(|| in_subtransaction(work, true))) {
        Ok(result) => result,
        Err(payload) => Err(raise::report_of_panic(payload)),
    }
}

fn in_subtransaction<T>(work: impl FnOnce() -> Result<T>, keep: bool) -> Result<T> {
    let _scratch = Scratch::new();
    // SAFETY: reads and writes of the backend's own variables; raw calls within the boundary. The order is that of
    // PL/pgSQL's exception blocks.
    unsafe {
        let (context, owner) = (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner);
        boundary::catch(|| raw::BeginInternalSubTransaction(std::ptr::null()))?;
        pg_sys::CurrentMemoryContext = context;
        let outcome = catch_unwind(AssertUnwindSafe(work));
        let commits = keep && matches!(outcome, Ok(Ok(_)));
        let ended = boundary::catch(|| {
            if commits { raw::ReleaseCurrentSubTransaction() } else { raw::RollbackAndReleaseCurrentSubTransaction() }
        });
        pg_sys::CurrentMemoryContext = context;
        pg_sys::CurrentResourceOwner = owner;
        match outcome {
            Ok(result) => ended.and(result),
            Err(panic) => resume_unwind(panic),
        }
    }
}
