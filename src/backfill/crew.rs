//! The other processes of a run: background workers that become sessions like the caller's and claim ranges.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::choice;
use super::hold::{Hold, Worker};
use super::process::{self, Process};
use crate::catalog::backfill::{run, unit};
use crate::error::{Report, Result, SqlState, fail};
use crate::migration::caller;
use crate::pg::session_lock::{Key, SessionLock, is_free};
use crate::pg::{report, session_worker, transaction};

/// The C symbol of a worker's entry.
const ENTRY: &str = "migrator_backfill_worker";
/// The type of its backend, in pg_stat_activity.
pub const BACKEND_TYPE: &str = "migrator backfill";

/// Class of the advisory locks of workers (`migw`); the object tells run and number.
const WORKER_CLASS: u32 = 0x6d69_6777;
/// A worker that was started is waited for so long before another one is started in its place.
const PATIENCE: Duration = Duration::from_secs(2);

/// The workers of a leader. Who is there holds a lock; so who has gone, for whatever reason, is missed.
pub struct Crew {
    run: u32,
    generation: u32,
    /// When the worker of that number was started last.
    started: HashMap<u32, Instant>,
    /// That fewer can be had has been said.
    said: bool,
    /// The table is this session's only.
    temporary: bool,
}

impl Crew {
    /// None yet; none ever for a temporary table.
    pub fn new(run: u32, generation: u32, temporary: bool) -> Self {
        Self { run, generation, started: HashMap::new(), said: false, temporary }
    }

    /// The next walk's workers are other ones.
    pub fn renew(&mut self, generation: u32) {
        self.generation = generation;
        self.started.clear();
    }

    /// Starts what is missing of so many processes, the leader being one of them, as long as there is something that they
    /// could claim. They begin when this transaction ends.
    pub fn fill(&mut self, processes: u32) -> Result<()> {
        let missing: Vec<u32> = (1..processes).filter(|number| self.is_missing(*number)).collect();
        if missing.is_empty() || !unit::is_open(self.run)? {
            return Ok(());
        }
        if self.temporary {
            return self.say(
                &Report::new(SqlState::SUCCESS, format!("backfill {} runs without other workers", self.run))
                    .detail("No other process can read a temporary table."),
            );
        }
        for number in missing {
            let handed = json!({
                "run": self.run, "number": number, "generation": self.generation, "caller": caller::describe()?,
            });
            match session_worker::start(BACKEND_TYPE, ENTRY, &handed.to_string()) {
                Ok(()) => drop(self.started.insert(number, Instant::now())),
                Err(error) if error.sqlstate == Some(SqlState(*b"53000")) => {
                    let title = format!("backfill {} runs with {number} of {processes} workers", self.run);
                    return self.say(
                        &Report::new(SqlState::SUCCESS, title)
                            .detail(format!("{}.", error.message))
                            .hint("Raise max_worker_processes; it takes effect after a restart."),
                    );
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn is_missing(&self, number: u32) -> bool {
        is_free(key(self.run, number)) && self.started.get(&number).is_none_or(|when| when.elapsed() >= PATIENCE)
    }

    /// Once.
    fn say(&mut self, report: &Report) -> Result<()> {
        if std::mem::replace(&mut self.said, true) { Ok(()) } else { report::notice_of(report) }
    }
}

/// There are fewer than 64 workers to a run.
fn key(run: u32, number: u32) -> Key {
    Key { class: WORKER_CLASS, object: run.wrapping_mul(64).wrapping_add(number) }
}

/// A worker's side. What goes wrong is kept in the run, where the leader finds it.
pub fn run_worker(handed: &str) -> Result<()> {
    let handed: Value = serde_json::from_str(handed).unwrap_or_default();
    let number = |field: &str| handed[field].as_u64().and_then(|n| u32::try_from(n).ok());
    let (Some(id), Some(number), Some(generation)) = (number("run"), number("number"), number("generation")) else {
        return fail(Report::new(SqlState::INTERNAL_ERROR, "what a background worker was handed cannot be read"));
    };
    let worker = Worker { number, generation };
    let outcome = caller::become_like(&handed["caller"]).and_then(|()| work(id, worker));
    let Err(error) = outcome else { return Ok(()) };
    transaction::restart()?;
    run::stop_generation(id, generation, &error)?;
    transaction::commit()?;
    Err(error)
}

fn work(id: u32, worker: Worker) -> Result<()> {
    // Another one has come in its place.
    let Some(_lock) = SessionLock::try_acquire(key(id, worker.number)) else { return Ok(()) };
    let Some(found) = run::open(id)? else { return Ok(()) };
    let units = choice::restore(found.relation, &unit::all(id)?)?;
    let hold = Hold::new(id, &found.target, process::watched(&found, &units), Some(worker));
    transaction::commit()?;
    Process::new(&found, units, hold)?.work(&mut |_| Ok(()))?;
    transaction::commit()
}
