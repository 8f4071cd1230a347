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

/// Has what is deferred checked now, and from here on with each statement.
pub fn check_constraints_at_once() -> Result<()> {
    query("SET CONSTRAINTS ALL IMMEDIATE", &[]).map(drop)
}

/// What this session has SET, or its client asked for when it connected: name and value. Left out is what belongs to the
/// connection or the transaction.
pub fn own_settings() -> Result<Vec<(String, String)>> {
    const LEFT_OUT: [&str; 8] = [
        "role",
        "session_authorization",
        "transaction_isolation",
        "transaction_read_only",
        "transaction_deferrable",
        "client_encoding",
        "client_min_messages",
        "seed",
    ];
    // Without an operator, which would be looked up in the caller's search_path; that path is one of the settings.
    let rows = query("SELECT name, setting, source, context FROM pg_catalog.pg_settings", &[])?;
    let own = rows.iter().filter(|row| {
        matches!(row.required(2).as_str(), "session" | "client")
            && matches!(row.required(3).as_str(), "user" | "superuser")
            && !LEFT_OUT.contains(&row.required(0).as_str())
    });
    Ok(own.map(|row| (row.required(0), row.required(1))).collect())
}
