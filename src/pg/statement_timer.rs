//! statement_timeout for a part of a statement. Postgres arms it once for a whole CALL, in which we run thousands of
//! statements.

use std::ffi::c_int;
use std::time::{Duration, Instant};

use pgrx::pg_sys;

/// `STATEMENT_TIMEOUT` in utils/timeout.h, the same from 15 to 18.
const STATEMENT_TIMEOUT: c_int = 3;

/// Postgres's timer goes by another clock than ours.
const CLOCKS_DIFFER: Duration = Duration::from_micros(500);

unsafe extern "C-unwind" {
    fn enable_timeout_after(id: c_int, delay_ms: c_int);
    fn disable_timeout(id: c_int, keep_indicator: bool);
    fn get_timeout_active(id: c_int) -> bool;
    fn get_timeout_indicator(id: c_int, reset_indicator: bool) -> bool;
}

/// The session's statement_timeout; `None` when there is none.
pub fn of_session() -> Option<Duration> {
    // SAFETY: a read of the setting's variable.
    let milliseconds = unsafe { pg_sys::StatementTimeout };
    u64::try_from(milliseconds).ok().filter(|ms| *ms > 0).map(Duration::from_millis)
}

/// Ends the time that runs for the client's statement, as Postgres does itself when a statement ends.
pub fn disarm() {
    // SAFETY: what disable_statement_timeout() of tcop/postgres.c does.
    unsafe {
        if get_timeout_active(STATEMENT_TIMEOUT) {
            disable_timeout(STATEMENT_TIMEOUT, false);
        }
    }
}

/// While it lives, what this backend runs is cancelled when the time is over.
pub struct StatementTimer {
    begun: Instant,
    limit: Duration,
}

impl StatementTimer {
    /// Begins. No other may be armed.
    pub fn arm(limit: Duration) -> Self {
        disarm();
        // Before the timer begins, which must not be over before we say so.
        let begun = Instant::now();
        let milliseconds = c_int::try_from(limit.as_millis()).unwrap_or(c_int::MAX).max(1);
        // SAFETY: every backend registers this timeout when it starts, background workers included.
        unsafe { enable_timeout_after(STATEMENT_TIMEOUT, milliseconds) };
        Self { begun, limit }
    }

    /// Whether the time is over; then a cancel was ours.
    pub fn is_over(&self) -> bool {
        self.begun.elapsed() + CLOCKS_DIFFER >= self.limit
    }
}

impl Drop for StatementTimer {
    fn drop(&mut self) {
        // SAFETY: disarms; a cancel that the timer has asked for and nobody has seen yet must not strike what comes next.
        unsafe {
            if get_timeout_active(STATEMENT_TIMEOUT) {
                disable_timeout(STATEMENT_TIMEOUT, true);
            }
            if get_timeout_indicator(STATEMENT_TIMEOUT, true) {
                std::ptr::write_volatile(&raw mut pg_sys::QueryCancelPending, 0);
            }
        }
    }
}
