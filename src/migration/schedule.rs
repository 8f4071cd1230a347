//! Handing migrations that cannot run in the caller's transaction to a background worker that begins when it commits.

use serde_json::{Value, json};

use super::caller;
use super::deploy::run_all;
use super::lock::{self, Running};
use super::queue::Wish;
use super::quoted;
use super::task::Task;
use crate::catalog::events::{At, Attempt};
use crate::catalog::{ledger, progress, roles};
use crate::error::{Report, Result, SqlState, code, fail};
use crate::pg::{report, session_worker, transaction};

/// The C symbol of the worker's entry.
const ENTRY: &str = "migrator_run_scheduled";
/// The type of its backend, which migrator.status looks for.
const BACKEND_TYPE: &str = "migrator runner";

/// Hands over a migration and the ones behind it (`count` in all). What tells the worker that the caller has committed is
/// the mark in the ledger, which it sees then and only then. Returns a sentence for the person who called.
pub fn hand_over(wish: &Wish, first: &Task, count: usize) -> Result<String> {
    let (session_role, role) = roles::session_and_current()?;
    if !roles::can_become_current()? {
        return fail(
            Report::new(code::NEEDS_DEPLOY, format!("{} cannot be handed to a background worker", first.name()))
                .detail(format!(
                    "{} It would run as role \"{role}\", which \"{session_role}\" is only inside a SECURITY DEFINER function.",
                    why(first)
                ))
                .hint(format!("As a role that may: {}", wish.call(first.version()))),
        );
    }
    let attempt = Attempt::new(first.version(), first.checksum(), wish.function())?;
    attempt.scheduled()?;
    progress::mark_scheduled(first.version(), attempt.id())?;
    let handed = json!({
        "wish": wish.to_json(),
        "version": first.version(),
        "attempt": attempt.id(),
        "caller": caller::describe()?,
    });
    session_worker::start(BACKEND_TYPE, ENTRY, &handed.to_string())?;
    let told = format!("{} will run in the background when this transaction commits", first.name());
    report::notice_of(
        &Report::new(SqlState::SUCCESS, told)
            .detail(format!("It cannot run in a transaction block. {}", why(first)))
            .hint("Watch it: SELECT version, state, progress, error FROM migrator.status;"),
    )?;
    Ok(match count {
        1 => format!("migration {} scheduled", first.version()),
        n => format!("{n} migrations scheduled, from {}", first.version()),
    })
}

/// What keeps a script out of the caller's transaction.
fn why(task: &Task) -> String {
    match task.script.top_level() {
        Some(s) => format!("Statement {} at line {}: {}", s.number, s.line, s.summary()),
        None => "Part of it is done already, statement by statement.".to_owned(),
    }
}

/// The worker's side: becomes the session that handed it over, and goes on where that stopped.
pub fn run_scheduled(handed: &str) -> Result<()> {
    let handed: Value = serde_json::from_str(handed).unwrap_or_default();
    let text = |field: &str| handed[field].as_str().unwrap_or_default();
    let (Some(wish), Ok(id)) = (Wish::from_json(&handed["wish"]), text("attempt").parse::<i64>()) else {
        return fail(Report::new(SqlState::INTERNAL_ERROR, "what a background worker was handed cannot be read"));
    };
    let version = text("version");
    let prepared = caller::become_like(&handed["caller"]);
    let outcome = prepared.and_then(|()| run_if_committed(&wish, version, id));
    let Err(error) = outcome else { return Ok(()) };
    transaction::restart()?;
    write_failure(&wish, version, id, &error)?;
    Err(error)
}

fn run_if_committed(wish: &Wish, version: &str, id: i64) -> Result<()> {
    // Nothing to wait for after a rollback; while it waits for the lock, another run may take the migration over.
    if !is_still_ours(version, id)? {
        return Ok(());
    }
    let _running = Running::enter()?;
    let _lock = lock::wait_for_session_lock()?;
    transaction::commit()?;
    if !is_still_ours(version, id)? {
        return Ok(());
    }
    run_all(wish, &|task| {
        let resumed = (task.version() == version).then_some(id);
        // Replaced after the look above: nobody has handed that script over.
        if resumed.is_some() && task.scheduled_attempt() != resumed {
            return fail(
                Report::new(code::BUSY, format!("the script of migration \"{version}\" was replaced"))
                    .detail("It was handed to this background worker before that.")
                    .hint("Read what it is now, then CALL migrator.deploy();"),
            );
        }
        Attempt::resumed(resumed, task.version(), task.checksum(), wish.function())
    })
}

/// False when the caller rolled back, and when another run has taken the migration over meanwhile.
fn is_still_ours(version: &str, id: i64) -> Result<bool> {
    Ok(ledger::of_version(version)?.is_some_and(|m| m.scheduled_attempt == Some(id)))
}

/// An error outside of any migration (a lock that was not to be had, a script that was tampered with) is not in the
/// history yet.
fn write_failure(wish: &Wish, version: &str, id: i64, error: &Report) -> Result<()> {
    if let Some(migration) = ledger::of_version(version)?
        && migration.scheduled_attempt == Some(id)
    {
        let task = Task::new(migration, wish.direction())?;
        let attempt = Attempt::resumed(Some(id), version, task.checksum(), wish.function())?;
        if attempt.is_open()? {
            attempt.failed(0.0, None::<At<'_>>, error)?;
            progress::mark_unscheduled(version)?;
        }
    }
    transaction::commit()
}

impl Wish {
    fn to_json(&self) -> Value {
        match self {
            Self::Apply(target) => json!({ "apply": target }),
            Self::Revert { target, including } => json!({ "revert": target, "including": including }),
        }
    }

    fn from_json(value: &Value) -> Option<Self> {
        match value.get("revert") {
            None => value.get("apply").map(|target| Self::Apply(target.as_str().map(str::to_owned))),
            Some(target) => Some(Self::Revert {
                target: target.as_str()?.to_owned(),
                including: value["including"].as_bool().unwrap_or(false),
            }),
        }
    }

    /// What to type for the same up to a version, as a statement of its own.
    fn call(&self, version: &str) -> String {
        match self {
            Self::Apply(_) => format!("CALL migrator.deploy({});", quoted(version)),
            Self::Revert { .. } => format!("CALL migrator.revert_to({}, including => true);", quoted(version)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_survive_the_way_to_the_worker() {
        for wish in [
            Wish::Apply(None),
            Wish::Apply(Some("a'b".into())),
            Wish::Revert { target: "2".into(), including: true },
            Wish::Revert { target: "2".into(), including: false },
        ] {
            assert_eq!(Wish::from_json(&wish.to_json()), Some(wish));
        }
        assert_eq!(Wish::from_json(&json!({})), None);
    }
}
