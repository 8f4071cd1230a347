//! `SELECT migrator.apply(...)`: everything in the caller's transaction.

use std::time::Instant;

use super::lock::{self, Running};
use super::{queue, run};
use crate::catalog::events::Attempt;
use crate::catalog::ledger::Stored;
use crate::error::{Report, Result, code, fail};

/// Applies what is pending up to `target`. Returns a sentence for the person who called.
pub fn apply(target: Option<&str>) -> Result<String> {
    let _running = Running::enter()?;
    lock::transaction_lock()?;
    let pending = queue::pending(target)?;
    if let Some(migration) = pending.iter().find(|m| !m.runs_in_one_transaction()) {
        return fail(needs_deploy(migration)?);
    }
    let begun = Instant::now();
    for migration in &pending {
        let begun = Instant::now();
        let attempt = Attempt::new(&migration.version, &migration.checksum, "apply")?;
        let seconds = || begun.elapsed().as_secs_f64();
        if let Err(failure) = run::in_one_transaction(migration, &attempt, seconds) {
            if let Err(unrecorded) = failure.record_in_lost_transaction(&attempt, seconds()) {
                failure.warn_unrecorded(unrecorded)?;
            }
            return Err(failure.raised());
        }
    }
    Ok(summary(&pending, begun.elapsed().as_secs_f64()))
}

/// `3 migrations applied, up to 0003 (0.12 s)`.
pub fn summary(applied: &[Stored], seconds: f64) -> String {
    match applied {
        [] => "nothing is pending".to_owned(),
        [only] => format!("migration {} applied ({seconds:.2} s)", only.version),
        [.., last] => format!("{} migrations applied, up to {} ({seconds:.2} s)", applied.len(), last.version),
    }
}

/// Why `apply` cannot run it, and the CALL that can.
fn needs_deploy(migration: &Stored) -> Result<Report> {
    let script = run::script_of(migration)?;
    let alone = script.statements.iter().find(|s| s.nature != crate::ddl::Nature::Transactional);
    let why = match alone {
        Some(s) => format!("Statement {} at line {} runs only outside of one: {}", s.number, s.line, s.summary()),
        None => "Part of it is applied already, statement by statement.".to_owned(),
    };
    Ok(Report::new(
        code::NEEDS_DEPLOY,
        format!("migration \"{}\" cannot be applied inside a transaction", migration.version),
    )
    .detail(why)
    .hint(format!("CALL migrator.deploy({});", quoted(&migration.version))))
}

/// A version as a SQL literal.
fn quoted(version: &str) -> String {
    let doubled = version.replace('\'', "''");
    if doubled.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_name_the_last_version() {
        let stored = |version: &str| Stored { version: version.into(), ..Stored::default() };
        assert_eq!(summary(&[], 0.0), "nothing is pending");
        assert_eq!(summary(&[stored("1")], 0.123), "migration 1 applied (0.12 s)");
        assert_eq!(summary(&[stored("1"), stored("2")], 1.0), "2 migrations applied, up to 2 (1.00 s)");
    }

    #[test]
    fn versions_are_quoted_for_typing() {
        assert_eq!(quoted("it's"), "'it''s'");
        assert_eq!(quoted("a\\b"), "E'a\\\\b'");
    }
}
