//! Steering a run from another session.

use super::hold::unknown;
use super::limits::Limits;
use super::process::RUN_CLASS;
use super::run::start_again;
use super::settings::{Settings, Wanted};
use crate::catalog::backfill::{control, run};
use crate::error::{Report, Result, code, fail};
use crate::pg::session_lock::{Key, is_free};
use crate::pg::user::current_role;

/// Holds a run after the batch it is in.
pub fn pause(id: Option<i32>) -> Result<String> {
    let run = find(id)?;
    control::wish(run.id, "pause")?;
    Ok(format!("backfill {} of {} pauses; to go on: SELECT migrator.resume_backfill({});", run.id, run.target, run.id))
}

/// Lets a run go on. One that no session runs is started in the background, if it is the caller's own: its clauses run with
/// the rights of whoever runs them.
pub fn resume(id: Option<i32>) -> Result<String> {
    let run = find(id)?;
    control::wish(run.id, "run")?;
    if !is_idle(run.id) {
        return Ok(format!("backfill {} of {} goes on", run.id, run.target));
    }
    if current_role() != run.started_by {
        return fail(
            Report::new(
                code::BACKFILL_TARGET,
                format!("backfill {} of {} cannot be resumed by you", run.id, run.target),
            )
            .detail(format!(
                "No session runs it, and it was begun by role \"{}\"; its clauses would run with your rights.",
                run.started_by
            ))
            .hint("Have that role resume it, or call migrator.backfill with the same clauses if you trust them."),
        );
    }
    start_again(&run)?;
    Ok(format!("backfill {} of {} goes on in the background when this transaction commits", run.id, run.target))
}

/// Ends a run after the batch it is in.
pub fn cancel(id: Option<i32>) -> Result<String> {
    let run = find(id)?;
    control::wish(run.id, "cancel")?;
    if is_idle(run.id) {
        run::cancelled(run.id, &format!("cancelled by {}", current_role()))?;
        return Ok(format!("backfill {} of {} is cancelled", run.id, run.target));
    }
    Ok(format!("backfill {} of {} ends after its batch", run.id, run.target))
}

/// Changes settings from the next batch on.
pub fn alter(id: Option<i32>, wanted: &Wanted) -> Result<String> {
    let run = find(id)?;
    let own = wanted.limits.as_deref().is_some_and(|limits| limits.contains("pause_if") || limits.contains("stop_if"));
    loop {
        let Some(control) = control::read(run.id)? else { return fail(unknown(run.id)) };
        if own && current_role() != control.settings_by {
            return fail(not_yours(run.id, &control.settings_by));
        }
        let settings = Settings::from_json(&control.settings).with(wanted)?;
        Limits::parse(settings.limits.as_deref())?;
        let text = settings.to_json();
        if control::set(run.id, &text, control.version)? {
            return Ok(text);
        }
    }
}

fn not_yours(id: u32, by: &str) -> Report {
    Report::new(code::INVALID_ARGUMENT, format!("pause_if and stop_if of backfill {id} are not yours to set"))
        .detail(format!("They would run with the rights of role \"{by}\", which gave its settings."))
        .hint(format!("Have that role set them, or pause the backfill:\nSELECT migrator.pause_backfill({id});"))
}

fn is_idle(id: u32) -> bool {
    is_free(Key { class: RUN_CLASS, object: id })
}

/// An unfinished run.
fn find(id: Option<i32>) -> Result<run::Run> {
    let known = id.and_then(|id| u32::try_from(id).ok());
    let Some(id) = known else {
        return fail(
            Report::new(code::UNKNOWN_BACKFILL, "no backfill was named")
                .hint("SELECT id, target, state FROM migrator.backfills;"),
        );
    };
    if let Some(run) = run::open(id)? {
        return Ok(run);
    }
    match run::state(id)? {
        Some((target, _)) => fail(
            Report::new(code::UNKNOWN_BACKFILL, format!("backfill {id} of {target} is done"))
                .hint("SELECT id, target, state FROM migrator.backfills;"),
        ),
        None => fail(unknown(id)),
    }
}
