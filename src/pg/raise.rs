//! Raising a report as a Postgres error, NOTICE or WARNING.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pgrx::pg_sys;

use super::{boundary, convert, raw};
use crate::error::{Report, Result, SqlState};

/// An error ready to be raised: plain memory of Postgres's, nothing to drop.
pub struct Raisable {
    data: *mut pg_sys::ErrorData,
}

/// Moves a report into Postgres's memory and drops the Rust value. Never unwinds.
pub fn prepare(report: Box<Report>) -> Raisable {
    let elevel = pgrx::PgLogLevel::ERROR as c_int;
    let built = catch_unwind(AssertUnwindSafe(|| convert::error_data(&report, elevel)));
    Raisable { data: built.unwrap_or(std::ptr::null_mut()) }
}

/// Raises it. The frames outside of ours add their CONTEXT below what it has.
///
/// # Safety
/// No frame between here and the nearest C frame owns anything with a destructor.
pub unsafe fn raise(error: Raisable) -> ! {
    // SAFETY: the data is complete ErrorData in a live memory context, or NULL when memory ran out.
    unsafe {
        if error.data.is_null() {
            let mut minimal: pg_sys::ErrorData = std::mem::zeroed();
            minimal.elevel = pgrx::PgLogLevel::ERROR as c_int;
            minimal.sqlerrcode = convert::pack(SqlState(*b"53200"));
            minimal.message = c"out of memory while reporting an error".as_ptr().cast_mut();
            raw::ThrowErrorData(&raw mut minimal);
        } else {
            raw::ThrowErrorData(error.data);
        }
    }
    unreachable!("Postgres raises ERROR and does not return")
}

/// Sends a message below ERROR. Fails only when sending it was interrupted (Ctrl-C).
pub fn emit(report: &Report, elevel: c_int) -> Result<()> {
    let data = convert::error_data(report, elevel);
    // SAFETY: one raw call on complete ErrorData; nothing in the closure has a destructor.
    unsafe { boundary::catch(|| raw::ThrowErrorData(data)) }
}

/// What a panic that reached an entry says: a Postgres error that came through one of pgrx's wrapped functions,
/// or a fault of ours. Either way an ordinary ERROR without a backtrace.
pub fn report_of_panic(payload: Box<dyn std::any::Any + Send>) -> Box<Report> {
    use pgrx::pg_sys::panic::CaughtError;
    let report = match payload.downcast::<CaughtError>() {
        Ok(caught) => match *caught {
            CaughtError::PostgresError(e) | CaughtError::ErrorReport(e) => Report {
                detail: e.detail().map(str::to_owned),
                hint: e.hint().map(str::to_owned),
                ..Report::new(convert::unpack(e.sql_error_code() as c_int), e.message())
            },
            CaughtError::RustPanic { ereport, .. } => internal(ereport.message()),
        },
        Err(payload) => match payload.downcast::<String>() {
            Ok(text) => internal(&text),
            Err(payload) => internal(payload.downcast_ref::<&str>().unwrap_or(&"unknown panic")),
        },
    };
    Box::new(report)
}

fn internal(message: &str) -> Report {
    Report::new(SqlState::INTERNAL_ERROR, format!("internal error in migrator: {message}"))
        .hint("This is a fault of migrator. Please report it with the statement that caused it.")
}
