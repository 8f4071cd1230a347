//! Waiting for a lock of others: for a bounded time in the queue, then again later.

use std::time::Duration;

use super::hold::Hold;
use crate::catalog::session;
use crate::error::Result;
use crate::pg::transaction;
use crate::settings;

/// Runs `work`, which changes no row and may have to wait for a lock, and commits. Where it gets none in time it is rolled
/// back, and tried again after a pause in which people are heeded. `None` when this process is to leave.
pub fn patiently<C, T>(
    context: &mut C,
    hold: fn(&mut C) -> &mut Hold,
    beat: &mut impl FnMut(&mut Hold) -> Result<()>,
    mut work: impl FnMut(&mut C) -> Result<T>,
) -> Result<Option<T>> {
    let mut retries = 0;
    loop {
        // Also when the setting asks for no bound: somebody may want to cancel.
        let bound = settings::lock_timeout();
        session::set_lock_timeout(if bound.is_zero() { Duration::from_secs(1) } else { bound })?;
        match work(context) {
            Ok(done) => {
                transaction::commit()?;
                if retries > 0 {
                    hold(context).has_stepped_back()?;
                }
                return Ok(Some(done));
            }
            Err(error) if error.is_transient() && retries < settings::lock_retries() => {
                retries += 1;
                transaction::restart()?;
                if !hold(context).step_back(&error, retries, beat)? {
                    return Ok(None);
                }
            }
            Err(error) => return Err(error),
        }
    }
}
