//! NOTICE and WARNING.

use std::ffi::c_int;

use pgrx::PgLogLevel;

use super::raise::emit;
use crate::error::{Report, Result, SqlState};

/// Sends a NOTICE.
pub fn notice(message: impl Into<String>) -> Result<()> {
    emit(&Report::new(SqlState::SUCCESS, message), PgLogLevel::NOTICE as c_int)
}

/// Sends a NOTICE with DETAIL and HINT.
pub fn notice_of(report: &Report) -> Result<()> {
    emit(report, PgLogLevel::NOTICE as c_int)
}

/// Sends a WARNING with all fields of the report; its SQLSTATE is kept.
pub fn warning(report: &Report) -> Result<()> {
    emit(report, PgLogLevel::WARNING as c_int)
}
