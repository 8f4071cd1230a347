//! A background worker that is a session like the caller's and begins when the caller's transaction has ended.
//!
//! It connects as the role that the caller's session authenticated as, so that nothing in it can rise above what the caller
//! could: RESET ROLE leads where it would lead the caller. Who waits for a worker inside a transaction would hang: an index
//! that is built concurrently waits for the caller's snapshot. So the caller goes on, and the worker waits.

use std::ffi::{CStr, c_int};
use std::time::Duration;

use pgrx::pg_sys;

use super::background::{Job, Segment, register};
use super::{boundary, raise, raw, user, versions, wait};
use crate::error::Result;

/// How long between two looks at the caller's transaction.
const PAUSE: Duration = Duration::from_millis(50);

/// Registers a worker whose entry is given the text, once this transaction has ended, whichever way: the worker has to find
/// out. `kind` is the type of its backend in pg_stat_activity. Fails when there is no free slot (`max_worker_processes`).
pub fn start(kind: &str, entry: &str, payload: &str) -> Result<()> {
    // SAFETY: reads of the backend's own state.
    let (database, user) = unsafe { (pg_sys::MyDatabaseId, pg_sys::GetAuthenticatedUserId()) };
    let (process, transaction) = versions::virtual_transaction();
    let ids = [database.to_u32(), user.to_u32(), user::owner().to_u32()].map(|oid| oid.to_string()).join(" ");
    let segment = Segment::with(payload.as_bytes(), true)?;
    let job = Job { kind, entry, extra: format!("{ids} {process} {transaction}"), notify: false };
    register(&job, &segment).inspect_err(|_| segment.unpin()).map(drop)
}

/// The worker's side.
///
/// # Safety
/// Called from a frame made by [`session_worker!`], as the main function of a worker that [`start`] registered.
pub unsafe fn main(handle: pg_sys::Datum, activity: &'static CStr, body: fn(&str) -> Result<()>) {
    // SAFETY: the start-up sequence of every worker; the entry is ours and NUL-terminated.
    unsafe {
        let extra = super::convert::string((*pg_sys::MyBgworkerEntry).bgw_extra.as_ptr()).unwrap_or_default();
        let numbers: Vec<i64> = extra.split(' ').filter_map(|n| n.parse().ok()).collect();
        let &[database, user, owner, process, transaction] = numbers.as_slice() else { return };
        let oid = |number: i64| pg_sys::Oid::from(u32::try_from(number).unwrap_or(0));
        versions::end_at_sigterm();
        pg_sys::BackgroundWorkerUnblockSignals();
        // Attached before connecting: if that fails, the memory goes with this process.
        let Some(segment) = Segment::attach(handle.value() as u32) else { return };
        pg_sys::BackgroundWorkerInitializeConnectionByOid(oid(database), oid(user), 0);
        user::set_owner(oid(owner));
        while !versions::is_over(process as i32, transaction as u32) {
            if let Err(error) = wait::sleep(PAUSE) {
                log(&error);
                return;
            }
        }
        // What lives across transactions lives here.
        let context = super::memory::new_context(pg_sys::TopMemoryContext);
        pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, activity.as_ptr());
        pg_sys::SetCurrentStatementStartTimestamp();
        let begun = boundary::catch(|| raw::StartTransactionCommand());
        pg_sys::CurrentMemoryContext = context;
        let outcome = begun.and_then(|()| body(&segment.text()));
        // What an error has left behind is not to be committed.
        let failed = outcome.is_err();
        let ended =
            boundary::catch(|| if failed { raw::AbortCurrentTransaction() } else { raw::CommitTransactionCommand() });
        for error in [outcome.err(), ended.err()].into_iter().flatten() {
            log(&error);
        }
    }
}

/// Nobody listens but the server's log.
fn log(error: &crate::error::Report) {
    let _ = raise::emit(error, pgrx::PgLogLevel::LOG as c_int);
}

/// Defines the C symbol of a worker's main function, and what pg_stat_activity shows as its query.
macro_rules! session_worker {
    ($symbol:ident, $activity:literal, $body:path) => {
        /// The main function of a background worker.
        ///
        /// # Safety
        /// Postgres calls it in a worker that `pg::session_worker::start` registered.
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        #[pgrx::pg_guard]
        pub unsafe extern "C-unwind" fn $symbol(handle: pgrx::pg_sys::Datum) {
            // SAFETY: entered from Postgres.
            unsafe { $crate::pg::session_worker::main(handle, $activity, $body) }
        }
    };
}
pub(crate) use session_worker;
