//! A person's decision about a migration that failed or is in doubt.

use super::{lock, queue};
use crate::catalog::events::Attempt;
use crate::catalog::ledger;
use crate::error::{Report, Result, code, fail};

/// Decides. Of a migration with a statement in doubt, the decision is about that statement: `applied` goes on behind
/// it, `pending` runs it again. Otherwise it is about the whole migration. Returns a sentence that says which.
pub fn resolve(version: Option<&str>, decision: Option<&str>, reason: Option<&str>) -> Result<String> {
    let migration = queue::known(version.unwrap_or_default())?;
    let version = &migration.version;
    let bad = |message: String, found: &str, hint: &str| {
        fail(Report::new(code::INVALID_ARGUMENT, message).detail(found).hint(hint))
    };
    let Some(reason) = reason.filter(|r| !r.trim().is_empty()) else {
        return bad(
            "a decision needs a reason".into(),
            "It is NULL or empty.",
            "Say what you found, for whoever reads the history.",
        );
    };
    let Some(decision @ ("applied" | "pending")) = decision else {
        return bad(
            format!("invalid decision \"{}\"", decision.unwrap_or("NULL")),
            "A migration in doubt either took effect or did not.",
            "Say 'applied' or 'pending'.",
        );
    };
    lock::transaction_lock()?;
    let migration = queue::known(version)?;
    if migration.state == "applied" || migration.state == "pending" {
        return fail(
            Report::new(code::INVALID_ARGUMENT, format!("migration \"{version}\" is {}", migration.state))
                .detail("Only a migration that failed or was interrupted leaves something to decide.")
                .hint("SELECT version, state, error FROM migrator.status;"),
        );
    }
    let attempt = Attempt::new(version, &migration.checksum, "resolve")?;
    attempt.resolved(&format!("{decision}: {reason}"))?;
    match (migration.begun.as_ref().map(|b| b.number), decision) {
        (Some(number), "applied") => {
            ledger::mark_pending(version)?;
            ledger::mark_done(version, number)?;
            if number == migration.statements {
                ledger::mark_applied(version, &migration.checksum, attempt.role(), 0.0)?;
                return Ok(format!("migration {version}: its last statement counts as applied, and so does it"));
            }
            Ok(format!("migration {version}: statement {number} counts as applied; the rest is pending"))
        }
        (Some(number), _) => {
            ledger::mark_pending(version)?;
            Ok(format!("migration {version}: statement {number} will be run again"))
        }
        (None, "applied") => {
            ledger::mark_applied(version, &migration.checksum, attempt.role(), 0.0)?;
            Ok(format!("migration {version} counts as applied"))
        }
        (None, _) => {
            ledger::mark_pending(version)?;
            Ok(format!("migration {version} is pending"))
        }
    }
}
