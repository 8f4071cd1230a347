//! Trying again what got no lock: rolled back, nothing held while pausing.

use super::backoff;
use super::run::{Failure, Outcome};
use super::task::Task;
use crate::catalog::session;
use crate::guard;
use crate::pg::{report, transaction, wait};
use crate::settings;

/// Repeats `work` while it fails for want of a lock, or because the guard will not have it queue for one: rolled back, nothing held while pausing.
pub fn with_retries(task: &Task, work: impl Fn() -> Outcome) -> Outcome {
    let outside = |error| Failure::outside(task, error);
    let mut retry = 0;
    loop {
        let failure = match work() {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        retry += 1;
        let passes = failure.error.is_transient() || guard::may_pass(&failure.error);
        if !passes || retry > settings::lock_retries() {
            return Err(failure);
        }
        transaction::restart().map_err(outside)?;
        let pause = backoff::pause(retry);
        report::notice(format!(
            "migration {}: {}; retry {retry} of {} in {:.1} s",
            task.version(),
            failure.error.message,
            settings::lock_retries(),
            pause.as_secs_f64()
        ))
        .map_err(outside)?;
        wait::sleep(pause).map_err(outside)?;
    }
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
