//! `CALL migrator.deploy(...)` and `migrator.revert_to(...)`: each migration in its own transaction, top-level statements at
//! top level.

use std::time::Instant;

use super::lock::{self, Running};
use super::queue::Wish;
use super::retry::with_retries;
use super::run::{self, Failure};
use super::task::Task;
use super::{apply, resume, steps};
use crate::catalog::events::Attempt;
use crate::catalog::ledger::Stored;
use crate::catalog::{progress, session};
use crate::ddl::Nature;
use crate::error::{Result, code};
use crate::pg::statement_timer::Suspended;
use crate::pg::{report, transaction};

/// Runs what is wished for. The caller has checked that this is a direct top-level CALL.
pub fn deploy(wish: &Wish) -> Result<()> {
    let _running = Running::enter()?;
    transaction::commit()?;
    let _lock = lock::wait_for_session_lock()?;
    transaction::commit()?;
    run_all(wish, &|task| Attempt::new(task.version(), task.checksum(), wish.procedure()))
}

/// Runs what is wished for, one migration after the other; `attempt` says as what each appears in the history. The caller
/// holds the runner's lock, and this session may commit.
pub fn run_all(wish: &Wish, attempt: &dyn Fn(&Task) -> Result<Attempt>) -> Result<()> {
    progress::settle_reverts()?;
    let queue = wish.queue()?;
    let begun = Instant::now();
    let mut done = Vec::new();
    for queued in &queue {
        if let Some(task) = take(wish, queued)? {
            run_one(&task, &attempt(&task)?)?;
            done.push(task.version().to_owned());
        }
    }
    // A single one has been announced already.
    if done.len() == 1 {
        return Ok(());
    }
    report::notice(apply::summary(&done, wish.direction().participle(), begun.elapsed().as_secs_f64()))
}

/// Reads a migration again and marks it as running in the same transaction. `None` when nothing is left to do about it.
fn take(wish: &Wish, queued: &Stored) -> Result<Option<Task>> {
    loop {
        let Some(task) = wish.task(queued)? else { return Ok(None) };
        if task.mark_running()? {
            return Ok(Some(task));
        }
        transaction::commit()?;
    }
}

/// One migration: its start is committed first, its end with its last statement, its failure after the rollback.
fn run_one(task: &Task, attempt: &Attempt) -> Result<()> {
    let begun = Instant::now();
    let seconds = || begun.elapsed().as_secs_f64();
    // Ends after what the script has SET is put back.
    let _suspended = task.script.sets_statement_timeout().then(Suspended::begin);
    attempt.started()?;
    transaction::commit()?;
    let before = settings_before(task)?;
    let outcome = if task.runs_in_one_transaction() {
        with_retries(task, || {
            run::in_one_transaction(task, attempt, seconds)?;
            transaction::commit().map_err(|e| Failure::outside(task, e))
        })
    } else {
        steps::statement_by_statement(task, attempt, seconds)
    };
    match outcome {
        Ok(()) => restore(&before).and_then(|()| {
            report::notice(format!(
                "migration {} {}: {} in {:.2} s",
                task.version(),
                task.participle(),
                statements(task.script.statements.len()),
                seconds()
            ))
        }),
        Err(failure) => {
            // First: what the script has SET may keep this session from writing.
            transaction::restart()?;
            let restored = restore(&before);
            let recorded = record_failure(task, attempt, &failure, seconds());
            if let Err(unrecorded) = recorded.and(restored) {
                failure.warn_unrecorded(unrecorded)?;
            }
            Err(failure.raised())
        }
    }
}

/// What the SETs of a migration will change. Of one that runs in one transaction they end with it anyway.
fn settings_before(task: &Task) -> Result<Vec<(String, String)>> {
    let mut before = Vec::new();
    if !task.runs_in_one_transaction() {
        for name in task.script.statements.iter().filter_map(|s| s.setting.as_deref()) {
            // A setting that an extension or an application makes up is empty before.
            let unset = || name.contains('.').then(String::new);
            before.extend(session::setting(name)?.or_else(unset).map(|value| (name.to_owned(), value)));
        }
        transaction::commit()?;
    }
    Ok(before)
}

/// Puts them back, the first change last.
fn restore(before: &[(String, String)]) -> Result<()> {
    for (name, value) in before.iter().rev() {
        session::set(name, value)?;
    }
    if before.is_empty() { Ok(()) } else { transaction::commit() }
}

fn statements(count: usize) -> String {
    if count == 1 { "1 statement".to_owned() } else { format!("{count} statements") }
}

/// Rolls back and writes what happened. What was noted of a top-level statement stays, for the next run to settle, unless
/// its error says that it left nothing.
fn record_failure(task: &Task, attempt: &Attempt, failure: &Failure, seconds: f64) -> Result<()> {
    transaction::restart()?;
    failure.record(attempt, seconds)?;
    let in_doubt = failure.error.sqlstate == Some(code::IN_DOUBT);
    if let Some(Nature::TopLevel(interruption)) = failure.statement.as_ref().map(|s| &s.nature)
        && !in_doubt
        && resume::error_undoes(interruption, &failure.error)
    {
        progress::forget_begun(task.version())?;
    }
    progress::mark_failed(task.version())?;
    transaction::commit()
}
