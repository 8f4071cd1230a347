//! A background worker that goes on for a session: with its roles and settings, and with no rights that it had not.

use serde_json::{Value, json};

use crate::catalog::{roles, session};
use crate::error::Result;
use crate::pg::{subtransaction, transaction};

/// What of this session a worker has to know.
pub fn describe() -> Result<Value> {
    let (session_role, role) = roles::session_and_current()?;
    Ok(json!({ "session_role": session_role, "role": role, "settings": session::own_settings()? }))
}

/// Makes this worker a session like the one described. Settings first, with the rights of the session; some may be the
/// role's to set. Commits.
pub fn become_like(described: &Value) -> Result<()> {
    let pairs = described["settings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut left = Vec::new();
    for pair in pairs {
        let (name, value) = (pair[0].as_str().unwrap_or_default(), pair[1].as_str().unwrap_or_default());
        if subtransaction::contained(|| session::set(name, value)).is_err() {
            left.push((name, value));
        }
    }
    let text = |field: &str| described[field].as_str().unwrap_or_default();
    let now = roles::session_and_current()?;
    if now.0 != text("session_role") {
        session::set("session_authorization", text("session_role"))?;
    }
    if text("role") != text("session_role") {
        session::set("role", text("role"))?;
    }
    for (name, value) in left {
        session::set(name, value)?;
    }
    transaction::commit()
}
