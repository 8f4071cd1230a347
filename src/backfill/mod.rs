//! Changing many rows in small committed batches. `docs/backfill.md` says how, and why it is complete.
//!
//! A run walks one or more tables (`choice`), which are cut into ranges; processes (`process`, `crew`) claim them and
//! change them batch by batch (`batch`, `pace`), holding when a person or a limit says so (`hold`, `limits`). What the walk
//! could not reach is swept up (`sweep`), and a run is done when a look at the whole table finds nothing (`run`).

mod batch;
mod choice;
pub mod control;
mod crew;
mod hold;
mod limits;
mod pace;
mod patience;
mod plan;
mod process;
mod progress;
mod request;
mod rows;
mod run;
mod settings;
mod sweep;

use std::time::Duration;

pub use control::{alter, cancel, pause, resume};
pub use crew::run_worker;
pub use plan::plan;
pub use request::Request;
pub use run::{run, run_started, start};
pub use settings::Wanted;

use crate::pg::{lock_timeout, statement_timer};

/// How long one statement of a batch may take: what the session allows, and, unless the batch cannot be smaller, three
/// times what it should take, because others wait for its rows.
fn statement_limit(target_ms: u32, hurried: bool) -> Option<Duration> {
    let of_session = statement_timer::of_session();
    let ours = hurried.then(|| Duration::from_millis(u64::from(target_ms) * 3));
    match (of_session, ours) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// How long a batch waits for a lock. It has its rows locked while it waits for another one, so it does not wait for long,
/// and never so long that a deadlock would be found, which may end the other session. A row `alone` that no sweep would
/// find again is waited for.
fn lock_patience(target_ms: u32, can_skip: bool, alone: bool) -> Duration {
    let target = Duration::from_millis(target_ms.into());
    let bound = crate::settings::lock_timeout();
    if alone && !can_skip {
        return target.max(bound);
    }
    let patience = if bound.is_zero() { target } else { target.min(bound) };
    patience.min(lock_timeout::of_deadlocks() / 2)
}
