//! statement_timeout for a part of a statement. Postgres arms it once for a whole CALL, in which we run thousands of
//! statements.

use std::cell::{Cell, OnceCell};
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pgrx::pg_sys;

use crate::error::Result;

/// `STATEMENT_TIMEOUT` in utils/timeout.h, the same from 15 to 18.
const STATEMENT_TIMEOUT: c_int = 3;
/// At or above `USER_TIMEOUT` in every version: Postgres takes the next that is free.
const ANY_USER_TIMEOUT: c_int = 1000;

unsafe extern "C-unwind" {
    fn enable_timeout_after(id: c_int, delay_ms: c_int);
    fn disable_timeout(id: c_int, keep_indicator: bool);
    fn get_timeout_active(id: c_int) -> bool;
    fn RegisterTimeout(id: c_int, handler: extern "C-unwind" fn()) -> c_int;
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

/// Our own timer has fired, and what it cancels may not have noticed yet.
static FIRED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The number of our timer, once Postgres has given it one.
    static TIMER: OnceCell<c_int> = const { OnceCell::new() };
}

/// Runs `work`, which is cancelled when the time is over. Also returns whether its error is that, and not a person's cancel:
/// the timer is one of its own, and sends no signal to this process. Not to be nested.
pub fn within<T>(limit: Option<Duration>, work: impl FnOnce() -> Result<T>) -> (Result<T>, bool) {
    let Some(limit) = limit else { return (work(), false) };
    let timer = Timer::arm(limit);
    let result = work();
    let is_over = result.is_err() && FIRED.load(Ordering::Relaxed);
    timer.noticed.set(is_over);
    (result, is_over)
}

/// Disarms when it is dropped.
struct Timer {
    id: c_int,
    /// The cancel has been raised as an error, so it is not pending any more.
    noticed: Cell<bool>,
}

impl Timer {
    fn arm(limit: Duration) -> Self {
        disarm();
        FIRED.store(false, Ordering::Relaxed);
        // SAFETY: registers a handler that lives as long as the process, once; then arms it.
        let id = unsafe {
            let id = TIMER.with(|timer| *timer.get_or_init(|| RegisterTimeout(ANY_USER_TIMEOUT, fire)));
            enable_timeout_after(id, c_int::try_from(limit.as_millis()).unwrap_or(c_int::MAX).max(1));
            id
        };
        Self { id, noticed: Cell::new(false) }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: disarms; a cancel that the timer has asked for and nobody has seen yet must not strike what comes next.
        unsafe {
            disable_timeout(self.id, false);
            if FIRED.swap(false, Ordering::Relaxed) && !self.noticed.get() {
                std::ptr::write_volatile(&raw mut pg_sys::QueryCancelPending, 0);
            }
        }
    }
}

/// What a cancel does, in a signal handler: flags and the latch only.
extern "C-unwind" fn fire() {
    FIRED.store(true, Ordering::Relaxed);
    // SAFETY: variables that signal handlers set; a latch may be set in one.
    unsafe {
        std::ptr::write_volatile(&raw mut pg_sys::QueryCancelPending, 1);
        std::ptr::write_volatile(&raw mut pg_sys::InterruptPending, 1);
        pg_sys::SetLatch(pg_sys::MyLatch);
    }
}
