//! A `sigsetjmp` boundary that keeps the whole error.
//!
//! pgrx's own boundary keeps message, DETAIL, HINT and a SQLSTATE from Postgres's list. What a migration's
//! statement raises must arrive unaltered, CONTEXT, positions, object fields and user-defined SQLSTATEs included.

use std::mem::MaybeUninit;

use cee_scape::{SigJmpBufFields, call_with_sigsetjmp};
use pgrx::pg_sys;

use super::{convert, raw};
use crate::error::Result;

/// Runs `body` and returns what Postgres raised in it, if anything, as an error with all its fields.
/// Postgres's error state is clean afterwards; the transaction, if it was in one, is not.
///
/// # Safety
/// `body` calls raw C functions only. It must not own anything with a destructor, and must not panic.
pub unsafe fn catch<T, F: FnOnce() -> T>(body: F) -> Result<T> {
    // SAFETY: backends are single-threaded, so these globals are ours. Both stacks are put back on either way
    // out, as PG_TRY does; the closure's frame is trivially deallocated (the caller's promise).
    unsafe {
        let context = pg_sys::CurrentMemoryContext;
        let exception_stack = pg_sys::PG_exception_stack;
        let context_stack = pg_sys::error_context_stack;
        let mut value: MaybeUninit<T> = MaybeUninit::uninit();

        let jumped = call_with_sigsetjmp(false, |jump_buffer| {
            pg_sys::PG_exception_stack = (jump_buffer as *const SigJmpBufFields).cast_mut().cast();
            // Frames outside of ours would take our positions for positions in their own query. They add their
            // CONTEXT when the error is raised from the outermost frame.
            pg_sys::error_context_stack = std::ptr::null_mut();
            value.write(body());
            0
        });
        pg_sys::PG_exception_stack = exception_stack;
        pg_sys::error_context_stack = context_stack;

        if jumped == 0 {
            return Ok(value.assume_init());
        }
        // Not in ErrorContext: CopyErrorData must not copy into what FlushErrorState resets.
        pg_sys::CurrentMemoryContext = context;
        let data = raw::CopyErrorData();
        let report = convert::report_of(&*data);
        raw::FreeErrorData(data);
        raw::FlushErrorState();
        Err(Box::new(report))
    }
}
