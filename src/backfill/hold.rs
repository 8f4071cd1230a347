//! Between two batches: does a person, a limit or the end of the leader's session keep this process from going on?

use std::time::{Duration, Instant};

use super::limits::{Limits, Verdict, Watch};
use super::process::RUN_CLASS;
use super::settings::Settings;
use crate::catalog::backfill::control::{self, Control};
use crate::catalog::backfill::run;
use crate::error::{Report, Result, code, fail};
use crate::migration::backoff;
use crate::pg::session_lock::{Key, is_free};
use crate::pg::user::current_role;
use crate::pg::{report, transaction, wait};
use crate::settings;

/// How long between two looks while it is held.
const PAUSE: Duration = Duration::from_millis(100);
/// People are told of pauses from this length on.
const WORTH_A_WORD: Duration = Duration::from_millis(500);

/// What a process looks at between two batches.
pub struct Hold {
    run: u32,
    target: String,
    settings: Settings,
    version: u32,
    watch: Watch,
    /// `None` is the leader, whose session holds the lock of the run.
    worker: Option<Worker>,
    /// Time it was held, since somebody asked.
    held: Duration,
    /// What it waits for now.
    reason: Option<String>,
}

/// Which of a run's workers a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    /// From 1.
    pub number: u32,
    /// Of the leader, or the walk, that it was started for.
    pub generation: u32,
}

/// What a look came to.
enum Look {
    Go,
    Leave,
    Wait(String),
}

impl Hold {
    /// For a process of a run. Nobody has been asked yet.
    pub fn new(run: u32, target: &str, tables: Vec<u32>, worker: Option<Worker>) -> Self {
        let (settings, watch) = (Settings::default(), Watch::new(Limits::default(), tables));
        let (target, held) = (target.to_owned(), Duration::ZERO);
        Self { run, target, settings, version: 0, watch, worker, held, reason: None }
    }

    /// The settings as of the last look.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it waits for.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The time it was held since the last call.
    pub fn take_held(&mut self) -> Duration {
        std::mem::take(&mut self.held)
    }

    /// Waits before retry number `retry` of what others were in the way of, and lets people know when that becomes long.
    /// False when this process is to leave.
    pub fn step_back(
        &mut self,
        error: &Report,
        retry: u32,
        beat: &mut impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<bool> {
        let pause = backoff::pause(retry);
        if pause >= WORTH_A_WORD {
            run::waits_for(self.run, Some(&format!("{}; retry {retry}", error.message)))?;
            if self.worker.is_none() {
                report::notice(format!(
                    "backfill {} of {}: {}; retry {retry} of {} in {:.1} s",
                    self.run,
                    self.target,
                    error.message,
                    settings::lock_retries(),
                    pause.as_secs_f64()
                ))?;
            }
        }
        self.rest(pause, beat)
    }

    /// Sleeps so long, with nothing in hand, and heeds what people want meanwhile. False when this process is to leave.
    pub fn rest(&mut self, pause: Duration, beat: &mut impl FnMut(&mut Self) -> Result<()>) -> Result<bool> {
        let end = Instant::now() + pause;
        loop {
            transaction::commit()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(true);
            }
            wait::sleep(left.min(PAUSE))?;
            if !self.go_on(beat)? {
                return Ok(false);
            }
        }
    }

    /// Waits no more: what `step_back` said is over.
    pub fn has_stepped_back(&self) -> Result<()> {
        run::waits_for(self.run, None)?;
        transaction::commit()
    }

    /// Returns when the next batch may begin; false when this process is to leave. While it waits it has no snapshot and no
    /// lock but the advisory ones, and `beat` runs now and then.
    pub fn go_on(&mut self, beat: &mut impl FnMut(&mut Self) -> Result<()>) -> Result<bool> {
        loop {
            let reason = match self.look()? {
                Look::Leave => return Ok(false),
                Look::Go => {
                    if self.reason.take().is_some() {
                        run::waits_for(self.run, None)?;
                        transaction::commit()?;
                    }
                    return Ok(true);
                }
                Look::Wait(reason) => reason,
            };
            if self.reason.as_ref() != Some(&reason) {
                run::waits_for(self.run, Some(&reason))?;
                self.reason = Some(reason);
            }
            transaction::commit()?;
            let begun = Instant::now();
            wait::sleep(PAUSE)?;
            self.held += begun.elapsed();
            beat(self)?;
        }
    }

    /// Whether the run has ended, is to end, or has another leader by now, or none.
    fn is_over_for(&self, worker: Worker, control: &Control) -> bool {
        control.generation != worker.generation
            || control.state != "running"
            || control.wish == "cancel"
            || is_free(Key { class: RUN_CLASS, object: self.run })
    }

    /// One look. A look at the limits ends its transaction.
    fn look(&mut self) -> Result<Look> {
        let Some(control) = control::read(self.run)? else { return fail(unknown(self.run)) };
        // Before its settings are looked at: another leader may be another role.
        if self.worker.is_some_and(|worker| self.is_over_for(worker, &control)) {
            return Ok(Look::Leave);
        }
        if control.version != self.version {
            self.settings = Settings::from_json(&control.settings);
            self.watch.set_limits(limits(self.run, &self.target, &self.settings, &control)?);
            self.version = control.version;
        }
        if control.wish == "cancel" {
            return fail(
                Report::new(
                    code::BACKFILL_CANCELLED,
                    format!("backfill {} of {} was cancelled", self.run, self.target),
                )
                .detail(format!("By {}. What is committed stays.", control.by))
                .hint("The same call goes on where it was."),
            );
        }
        match self.worker {
            Some(worker) if worker.number >= self.settings.workers => return Ok(Look::Leave),
            // A worker has met an error and stored it.
            None if control.state != "running" => return Err(Box::new(run::stored_error(self.run)?)),
            _ => {}
        }
        if control.wish == "pause" {
            return Ok(Look::Wait(format!("resume_backfill({}): paused by {}", self.run, control.by)));
        }
        if !self.watch.is_due() && self.reason.is_none() {
            return Ok(Look::Go);
        }
        let verdict = self.watch.look()?;
        transaction::commit()?;
        match verdict {
            Verdict::Go => Ok(Look::Go),
            Verdict::Pause(reason) => Ok(Look::Wait(reason)),
            Verdict::Stop(reason) => fail(
                Report::new(code::BACKFILL_LIMIT, format!("backfill {} of {} was stopped", self.run, self.target))
                    .detail(format!("{reason}."))
                    .hint("When it is well again, the same call goes on where it was."),
            ),
        }
    }
}

/// The limits among the settings, unless they would have us run what another role wrote: who calls gives his own.
fn limits(run: u32, target: &str, settings: &Settings, control: &Control) -> Result<Limits> {
    let limits = Limits::parse(settings.limits.as_deref())?;
    if !limits.run_code() || control.settings_by == current_role() {
        return Ok(limits);
    }
    fail(
        Report::new(code::BACKFILL_TARGET, format!("backfill {run} of {target} has settings of another role"))
            .detail(format!(
                "Role \"{}\" gave them, and its pause_if and stop_if would run with your rights.",
                control.settings_by
            ))
            .hint("Call migrator.backfill or migrator.start_backfill with the same clauses and your own limits."),
    )
}

/// There is no such run.
pub fn unknown(id: u32) -> Report {
    Report::new(code::UNKNOWN_BACKFILL, format!("there is no backfill {id}"))
        .hint("SELECT id, target, state FROM migrator.backfills;")
}
