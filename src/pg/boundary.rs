//! A `sigsetjmp` boundary that keeps the whole error.
//!
//! pgrx's own boundary keeps message, DETAIL, HINT and a SQLSTATE from Postgres's list. What a migration's
//! statement raises must arrive unaltered, CONTEXT, positions, object fields and user-defined SQLSTATEs included.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicPtr, Ordering};

use cee_scape::{SigJmpBufFields, call_with_sigsetjmp};
use pgrx::pg_sys;

use super::{convert, raw};
use crate::error::Result;

static ERRORS: AtomicPtr<pg_sys::MemoryContextData> = AtomicPtr::new(std::ptr::null_mut());
/// So much of an error finds room when there is no memory left.
const RESERVE: usize = 64 * 1024;

/// Keeps memory for errors, as the library is loaded.
pub fn reserve() {
    // SAFETY: the name is static; made once, and never deleted.
    let context = unsafe {
        pg_sys::AllocSetContextCreateInternal(
            pg_sys::TopMemoryContext,
            c"migrator errors".as_ptr(),
            RESERVE,
            RESERVE,
            pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
        )
    };
    ERRORS.store(context, Ordering::Relaxed);
}

/// The context that errors are copied into.
fn errors() -> pg_sys::MemoryContext {
    ERRORS.load(Ordering::Relaxed)
}

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
        // Not in ErrorContext: CopyErrorData must not copy into what FlushErrorState resets. Nor where memory may have run
        // out: that would be an error in an error.
        pg_sys::CurrentMemoryContext = errors();
        let data = raw::CopyErrorData();
        let report = convert::report_of(&*data);
        raw::FlushErrorState();
        pg_sys::MemoryContextReset(pg_sys::CurrentMemoryContext);
        pg_sys::CurrentMemoryContext = context;
        Err(Box::new(report))
    }
}
