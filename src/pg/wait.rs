//! Waiting without holding anything, and letting Ctrl-C through.

use std::time::{Duration, Instant};

use pgrx::pg_sys;

use super::{boundary, raw};
use crate::error::Result;

/// Gives a pending cancel or termination its chance; a cancel comes back as an error.
pub fn check_interrupts() -> Result<()> {
    // SAFETY: a read of a flag that signal handlers set, then one raw call.
    unsafe {
        if std::ptr::read_volatile(&raw const pg_sys::InterruptPending) != 0 {
            boundary::catch(|| raw::ProcessInterrupts())?;
        }
    }
    Ok(())
}

/// Sleeps. The caller holds no snapshot and no lock on a relation. A cancel ends it at once.
pub fn sleep(duration: Duration) -> Result<()> {
    let end = Instant::now() + duration;
    // A catalogue look-up leaves its snapshot behind for the next one. A concurrent index build would wait for it.
    // SAFETY: forgets a cached snapshot; the next look-up takes a new one.
    unsafe { pg_sys::InvalidateCatalogSnapshot() };
    loop {
        check_interrupts()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        let milliseconds = i64::try_from(left.as_millis()).unwrap_or(i64::MAX).max(1);
        // SAFETY: our own latch; the events end the wait on signal, timeout or the postmaster's death.
        unsafe {
            let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
            pg_sys::WaitLatch(pg_sys::MyLatch, events as i32, milliseconds, pg_sys::PG_WAIT_EXTENSION);
            pg_sys::ResetLatch(pg_sys::MyLatch);
        }
    }
}
