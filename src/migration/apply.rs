//! `SELECT migrator.apply(...)` and `migrator.revert(...)`: everything in the caller's transaction.

use std::time::Instant;

use super::lock::{self, Running};
use super::queue::Wish;
use super::schedule;
use super::task::Task;
use super::{quoted, run};
use crate::catalog::events::Attempt;
use crate::catalog::progress;
use crate::error::Result;

/// Runs what is wished for. What cannot run in a transaction, and what comes after it, is handed to a background worker that
/// begins when the caller commits. Returns a sentence for the person who called.
pub fn apply(wish: &Wish) -> Result<String> {
    let _running = Running::enter()?;
    lock::transaction_lock()?;
    progress::settle_reverts()?;
    let queue = wish.queue()?;
    let begun = Instant::now();
    let mut done: Vec<String> = Vec::new();
    for queued in &queue {
        let task = Task::new(queued.clone(), wish.direction())?;
        if !task.runs_in_one_transaction() {
            let handed = schedule::hand_over(wish, &task, queue.len() - done.len())?;
            let before = (!done.is_empty()).then(|| summary(&done, task.participle(), begun.elapsed().as_secs_f64()));
            return Ok(before.into_iter().chain([handed]).collect::<Vec<_>>().join("; "));
        }
        let begun = Instant::now();
        let attempt = Attempt::new(task.version(), task.checksum(), wish.function())?;
        let seconds = || begun.elapsed().as_secs_f64();
        if let Err(failure) = run::in_one_transaction(&task, &attempt, seconds) {
            if let Err(unrecorded) = failure.record_in_lost_transaction(&attempt, seconds()) {
                failure.warn_unrecorded(unrecorded)?;
            }
            let transient = failure.error.is_transient();
            let mut error = failure.raised();
            if transient {
                // In a transaction that is lost nobody can look.
                let version = quoted(task.version());
                let look =
                    format!("See who is in the way:\nSELECT statement, waits_for FROM migrator.plan({version});");
                error.hint.get_or_insert(look);
            }
            return Err(error);
        }
        done.push(task.version().to_owned());
    }
    Ok(summary(&done, wish.direction().participle(), begun.elapsed().as_secs_f64()))
}

/// `3 migrations applied, up to 0003 (0.12 s)`.
pub fn summary(versions: &[String], participle: &str, seconds: f64) -> String {
    match versions {
        [] if participle == "applied" => "nothing is pending".to_owned(),
        [] => "nothing is to be reverted".to_owned(),
        [only] => format!("migration {only} {participle} ({seconds:.2} s)"),
        [.., last] => {
            let limit = if participle == "applied" { "up" } else { "down" };
            format!("{} migrations {participle}, {limit} to {last} ({seconds:.2} s)", versions.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_name_the_last_version() {
        let summary = |versions: &[&str], participle| {
            summary(&versions.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>(), participle, 0.123)
        };
        assert_eq!(summary(&[], "applied"), "nothing is pending");
        assert_eq!(summary(&["1"], "applied"), "migration 1 applied (0.12 s)");
        assert_eq!(summary(&["1", "2"], "applied"), "2 migrations applied, up to 2 (0.12 s)");
        assert_eq!(summary(&["2", "1"], "reverted"), "2 migrations reverted, down to 1 (0.12 s)");
    }
}
