//! Looking at the signals now and then.

use std::time::{Duration, Instant};

use super::Limits;
use super::judge::{self, Positions};
use crate::catalog::signals::{self, Question};
use crate::error::{Result, SqlState};
use crate::pg::subtransaction;

/// How often the server is asked at most.
const EVERY: Duration = Duration::from_secs(1);
/// `query_canceled`: not something a signal says, but somebody who wants it to end.
const QUERY_CANCELED: SqlState = SqlState(*b"57014");

/// What the backfill should do, with the reason for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Go,
    /// Wait, and look again.
    Pause(String),
    /// End the run.
    Stop(String),
}

/// The limits of a run, and what was seen so far.
pub struct Watch {
    limits: Limits,
    tables: Vec<u32>,
    positions: Positions,
    last: Option<(Instant, Verdict)>,
}

impl Watch {
    /// For a run that walks these tables.
    pub fn new(limits: Limits, tables: Vec<u32>) -> Self {
        Self { limits, tables, positions: Positions::default(), last: None }
    }

    /// Other limits from now on; the next look asks the server.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.last = None;
    }

    /// Whether the next look asks the server and so needs a transaction; otherwise it repeats the last verdict.
    pub fn is_due(&self) -> bool {
        self.last.as_ref().is_none_or(|(when, _)| when.elapsed() >= EVERY)
    }

    /// The verdict now. For a transaction of its own, which the caller ends, and with it the locks on what was read. Fails
    /// only when it is cancelled.
    pub fn look(&mut self) -> Result<Verdict> {
        if let Some((_, verdict)) = self.last.as_ref().filter(|_| !self.is_due()) {
            return Ok(verdict.clone());
        }
        let verdict = self.ask()?;
        self.last = Some((Instant::now(), verdict.clone()));
        Ok(verdict)
    }

    /// A stop wins over a pause, so `stop_if` is asked also when there is a reason to pause.
    fn ask(&mut self) -> Result<Verdict> {
        let built_in = self.ask_server()?;
        if matches!(built_in, Verdict::Stop(_)) {
            return Ok(built_in);
        }
        if let Some(reason) = own_condition("stop_if", self.limits.stop_if.as_deref())? {
            return Ok(Verdict::Stop(reason));
        }
        if built_in != Verdict::Go {
            return Ok(built_in);
        }
        let reason = own_condition("pause_if", self.limits.pause_if.as_deref())?;
        Ok(reason.map_or(Verdict::Go, Verdict::Pause))
    }

    fn ask_server(&mut self) -> Result<Verdict> {
        let question = self.question();
        match subtransaction::contained(|| signals::look(&question)) {
            Ok(found) => {
                let now = Instant::now();
                self.positions.note(now, found.position);
                Ok(judge::verdict(&self.limits, &found, &self.positions, now))
            }
            Err(error) if error.sqlstate == Some(QUERY_CANCELED) => Err(error),
            Err(error) => Ok(Verdict::Pause(format!("the server cannot be asked how it is: {}", error.message))),
        }
    }

    fn question(&self) -> Question {
        let limits = &self.limits;
        Question {
            standbys: limits.lag.is_on() || limits.lag_bytes.is_on(),
            slots: limits.slot_bytes.is_on(),
            archive: limits.archive_segments.is_on(),
            vacuums: limits.autovacuum,
            waiters: limits.waiters,
            window: limits.window.as_ref().map(|w| (w.from.clone(), w.to.clone())),
            tables: self.tables.clone(),
        }
    }
}

/// Why the caller's own condition says to step back, if it does. One that says nothing, or fails, says so too.
fn own_condition(key: &str, condition: Option<&str>) -> Result<Option<String>> {
    let Some(condition) = condition else { return Ok(None) };
    let what = match signals::holds(condition) {
        Ok(Some(false)) => return Ok(None),
        Ok(Some(true)) => format!("is true: {}", judge::one_line(condition, 60)),
        Ok(None) => format!("is NULL: {}", judge::one_line(condition, 60)),
        Err(error) if error.sqlstate == Some(QUERY_CANCELED) => return Err(error),
        Err(error) => format!("fails: {}", judge::one_line(&error.message, 200)),
    };
    Ok(Some(format!("{key} {what}")))
}
