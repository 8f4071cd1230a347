//! Settings of the session.

use std::time::Duration;

use crate::error::Result;
use crate::pg::spi::query;

/// The value of a setting; `None` for one that does not exist.
pub fn setting(name: &str) -> Result<Option<String>> {
    let rows = query("SELECT pg_catalog.current_setting($1, true)", &[Some(name)])?;
    Ok(rows.first().and_then(|r| r.text(0)))
}

/// Sets a setting for the session.
pub fn set(name: &str, value: &str) -> Result<()> {
    query("SELECT pg_catalog.set_config($1, $2, false)", &[Some(name), Some(value)]).map(drop)
}

/// Bounds every lock wait until the transaction (or the settings scope) ends; zero leaves the session's own bound.
pub fn set_lock_timeout(bound: Duration) -> Result<()> {
    if bound.is_zero() {
        return Ok(());
    }
    let milliseconds = bound.as_millis().to_string();
    query("SELECT pg_catalog.set_config('lock_timeout', $1, true)", &[Some(&milliseconds)]).map(drop)
}
