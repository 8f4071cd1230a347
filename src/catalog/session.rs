//! Settings of the session.

use std::time::Duration;

use crate::error::Result;
use crate::pg::spi::query;

/// Bounds every lock wait until the transaction (or the settings scope) ends; zero leaves the session's own bound.
pub fn set_lock_timeout(bound: Duration) -> Result<()> {
    if bound.is_zero() {
        return Ok(());
    }
    let milliseconds = bound.as_millis().to_string();
    query("SELECT pg_catalog.set_config('lock_timeout', $1, true)", &[Some(&milliseconds)]).map(drop)
}
