//! Trying again what got no lock: rolled back, nothing held while pausing.

use std::time::Duration;

use super::backoff;
use super::blockers;
use super::run::{Failure, Outcome};
use super::task::Task;
use crate::catalog::session;
use crate::error::{Report, SqlState};
use crate::guard;
use crate::pg::{report, transaction, wait};
use crate::settings;

/// Repeats `work` while it fails for want of a lock, or because the guard will not have it queue for one: rolled back, nothing held while pausing.
pub fn with_retries(task: &Task, work: impl Fn() -> Outcome) -> Outcome {
    let outside = |error| Failure::outside(task, error);
    let mut retry = 0;
    loop {
        let mut failure = match work() {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        if !failure.error.is_transient() && !guard::may_pass(&failure.error) {
            return Err(failure);
        }
        retry += 1;
        transaction::restart().map_err(outside)?;
        let blockers = blockers::of(task, &failure).map_err(outside)?;
        if retry > settings::lock_retries() {
            blockers.explain(&mut failure);
            return Err(failure);
        }
        let pause = backoff::pause(retry);
        report::notice_of(&told(task, &failure, retry, pause).detail(blockers.detail())).map_err(outside)?;
        wait::sleep(pause).map_err(outside)?;
    }
}

fn told(task: &Task, failure: &Failure, retry: u32, pause: Duration) -> Report {
    let (message, retries, seconds) = (&failure.error.message, settings::lock_retries(), pause.as_secs_f64());
    let text = format!("{}: {message}; retry {retry} of {retries} in {seconds:.1} s", task.name());
    Report::new(SqlState::SUCCESS, text)
}

/// VACUUM FULL, CLUSTER and the like queue for ACCESS EXCLUSIVE: bounded and tried again, as everything else. The bound is
/// the session's while they run, because they begin transactions of their own.
pub fn with_bounded_locks(task: &Task, work: impl Fn() -> Outcome) -> Outcome {
    let outside = |error| Failure::outside(task, error);
    let bound = settings::lock_timeout();
    if bound.is_zero() {
        return work();
    }
    let before = session::setting("lock_timeout").map_err(outside)?.unwrap_or_default();
    let set = |value: &str| session::set("lock_timeout", value).and_then(|()| transaction::commit()).map_err(outside);
    set(&bound.as_millis().to_string())?;
    let outcome = with_retries(task, || {
        work()?;
        transaction::commit().map_err(outside)
    });
    if outcome.is_err() {
        transaction::restart().map_err(outside)?;
    }
    set(&before)?;
    outcome
}
