//! A person's decision about a migration that failed or is in doubt.

use super::task::{Direction, Task};
use super::{lock, queue};
use crate::catalog::events::Attempt;
use crate::catalog::progress;
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
    progress::settle_reverts()?;
    let migration = queue::known(version)?;
    if migration.state == "applied" || migration.state == "pending" || migration.state == "reverted" {
        return fail(
            Report::new(code::INVALID_ARGUMENT, format!("migration \"{version}\" is {}", migration.state))
                .detail("Only a migration that failed or was interrupted leaves something to decide.")
                .hint("SELECT version, state, error FROM migrator.status;"),
        );
    }
    let direction = if migration.reverting { Direction::Down } else { Direction::Up };
    let task = Task::new(migration, direction)?;
    let attempt = Attempt::new(version, task.checksum(), "resolve")?;
    attempt.resolved(&format!("{decision}: {reason}"))?;
    match task.begun().map(|begun| begun.number) {
        Some(number) => of_statement(&task, number, decision, attempt.role()),
        None => of_migration(&task, decision, attempt.role()),
    }
}

/// A statement that was begun took effect, or did not.
fn of_statement(task: &Task, number: usize, decision: &str, role: &str) -> Result<String> {
    let version = task.version();
    progress::forget_begun(version)?;
    progress::mark_open(version)?;
    if decision == "pending" {
        return Ok(format!("{}: statement {number} will be run again", task.name()));
    }
    progress::mark_done(version, number)?;
    if number < task.script.statements.len() {
        return Ok(format!("{}: statement {number} counts as done; the rest is pending", task.name()));
    }
    match task.direction {
        Direction::Up => progress::mark_applied(version, task.checksum(), role, 0.0)?,
        Direction::Down => progress::mark_reverted(&task.migration)?,
    };
    Ok(format!("{}: its last statement counts as done; the migration is {}", task.name(), task.participle()))
}

/// The whole migration is in effect, or is not.
fn of_migration(task: &Task, decision: &str, role: &str) -> Result<String> {
    let version = task.version();
    match (decision, task.direction) {
        ("applied", _) => {
            progress::mark_applied(version, &task.migration.checksum, role, 0.0)?;
            Ok(format!("migration {version} counts as applied"))
        }
        (_, Direction::Up) => {
            progress::mark_open(version)?;
            Ok(format!("migration {version} is pending"))
        }
        (_, Direction::Down) => {
            progress::mark_reverted(&task.migration)?;
            Ok(format!("migration {version} counts as reverted"))
        }
    }
}
