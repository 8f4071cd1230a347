//! statement_timeout for a part of a statement. Postgres arms it once for a whole CALL, in which we run thousands of
//! statements.

use std::ffi::c_int;
use std::time::{Duration, Instant};

use pgrx::pg_sys;

/// `STATEMENT_TIMEOUT` in utils/timeout.h, the same from 15 to 18.
const STATEMENT_TIMEOUT: c_int = 3;

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

/// While it lives, no time runs for the client's statement; afterwards it begins anew.
pub struct Suspended {
    was_active: bool,
}

impl Suspended {
    /// Begins.
    pub fn begin() -> Self {
        Self { was_active: disarm() }
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        if let (true, Some(limit)) = (self.was_active, of_session()) {
            arm(limit);
        }
    }
}

/// Ends the time that runs, as Postgres does itself when a statement ends. Whether one ran.
fn disarm() -> bool {
    // SAFETY: what disable_statement_timeout() of tcop/postgres.c does.
    unsafe {
        let active = get_timeout_active(STATEMENT_TIMEOUT);
        if active {
            disable_timeout(STATEMENT_TIMEOUT, false);
        }
        active
    }
}

fn arm(limit: Duration) {
    let milliseconds = c_int::try_from(limit.as_millis()).unwrap_or(c_int::MAX).max(1);
    // SAFETY: every backend registers this timeout when it starts, background workers included.
    unsafe { enable_timeout_after(STATEMENT_TIMEOUT, milliseconds) }
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
        arm(limit);
        Self { begun: Instant::now(), limit }
    }

    /// Whether the time is over; then a cancel was ours.
    pub fn is_over(&self) -> bool {
        self.begun.elapsed() >= self.limit
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
