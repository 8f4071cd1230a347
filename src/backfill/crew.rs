//! The other processes of a run: background workers that become sessions like the caller's and claim ranges.

use serde_json::{Value, json};

use super::choice;
use super::hold::Hold;
use super::process::{self, Process};
use crate::catalog::backfill::{run, unit};
use crate::error::{Report, Result, SqlState, fail};
use crate::migration::caller;
use crate::pg::{report, session_worker, transaction};

/// The C symbol of a worker's entry.
const ENTRY: &str = "migrator_backfill_worker";
/// The type of its backend, in pg_stat_activity.
pub const BACKEND_TYPE: &str = "migrator backfill";

/// The workers that a leader has started.
pub struct Crew {
    run: u32,
    started: u32,
    /// No more can be had.
    short: bool,
    /// The table is this session's only.
    temporary: bool,
}

impl Crew {
    /// None yet; none ever for a temporary table.
    pub fn new(run: u32, temporary: bool) -> Self {
        Self { run, started: 0, short: false, temporary }
    }

    /// The walk is over, and all have left.
    pub fn disband(&mut self) {
        self.started = 0;
    }

    /// Starts what is missing of so many processes, the leader being one of them. They begin when this transaction ends.
    pub fn fill(&mut self, processes: u32) -> Result<()> {
        while self.started + 1 < processes && !self.short {
            let number = self.started + 1;
            if self.temporary {
                self.short = true;
                return report::notice_of(
                    &Report::new(SqlState::SUCCESS, format!("backfill {} runs without other workers", self.run))
                        .detail("No other process can read a temporary table."),
                );
            }
            let handed = json!({ "run": self.run, "number": number, "caller": caller::describe()? });
            match session_worker::start(BACKEND_TYPE, ENTRY, &handed.to_string()) {
                Ok(()) => self.started = number,
                Err(error) if error.sqlstate == Some(SqlState(*b"53000")) => {
                    self.short = true;
                    report::notice_of(
                        &Report::new(
                            SqlState::SUCCESS,
                            format!("backfill {} runs with {number} of {processes} workers", self.run),
                        )
                        .detail(format!("{}.", error.message))
                        .hint("Raise max_worker_processes; it takes effect after a restart."),
                    )?;
                }
                Err(error) => return Err(error),
            }
        }
        // A worker that was not wanted has left; wanted again, it is started again.
        self.started = self.started.min(processes.saturating_sub(1));
        Ok(())
    }
}

/// A worker's side. What goes wrong is kept in the run, where the leader finds it.
pub fn run_worker(handed: &str) -> Result<()> {
    let handed: Value = serde_json::from_str(handed).unwrap_or_default();
    let number = |field: &str| handed[field].as_u64().and_then(|n| u32::try_from(n).ok());
    let (Some(id), Some(number)) = (number("run"), number("number")) else {
        return fail(Report::new(SqlState::INTERNAL_ERROR, "what a background worker was handed cannot be read"));
    };
    let outcome = caller::become_like(&handed["caller"]).and_then(|()| work(id, number));
    let Err(error) = outcome else { return Ok(()) };
    transaction::restart()?;
    run::stop(id, &error, false)?;
    transaction::commit()?;
    Err(error)
}

fn work(id: u32, number: u32) -> Result<()> {
    let Some(found) = run::open(id)? else { return Ok(()) };
    let units = choice::restore(found.relation, &unit::all(id)?)?;
    let tables = process::watched(&found, &units);
    let hold = Hold::new(id, &found.target, tables, number)?;
    transaction::commit()?;
    Process::new(&found, units, hold)?.work(|_| Ok(()))?;
    transaction::commit()
}
