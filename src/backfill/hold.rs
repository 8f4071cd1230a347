//! Between two batches: does a person, a limit or the end of the leader's session keep this process from going on?

use std::time::{Duration, Instant};

use super::limits::{Limits, Verdict, Watch};
use super::process::RUN_CLASS;
use super::settings::Settings;
use crate::catalog::backfill::control::{self, Control};
use crate::catalog::backfill::run;
use crate::error::{Report, Result, code, fail};
use crate::pg::session_lock::{Key, is_free};
use crate::pg::user::current_role;
use crate::pg::{report, transaction, wait};
use crate::settings;

/// How long between two looks while it is held.
const PAUSE: Duration = Duration::from_millis(100);

/// What a process looks at between two batches.
pub struct Hold {
    run: u32,
    target: String,
    settings: Settings,
    version: u32,
    watch: Watch,
    /// 0 is the leader, whose session holds the lock of the run.
    number: u32,
    /// Time it was held, since somebody asked.
    held: Duration,
    /// What it waits for now.
    reason: Option<String>,
}

/// What a look came to.
enum Look {
    Go,
    Leave,
    Wait(String),
}

impl Hold {
    /// For process `number` of a run.
    pub fn new(run: u32, target: &str, tables: Vec<u32>, number: u32) -> Result<Self> {
        let Some(control) = control::read(run)? else { return fail(unknown(run)) };
        let settings = Settings::from_json(&control.settings);
        let watch = Watch::new(limits(run, target, &settings, &control)?, tables);
        let (version, held) = (control.version, Duration::ZERO);
        Ok(Self { run, target: target.to_owned(), settings, version, watch, number, held, reason: None })
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

    /// Tells the person who called that something takes longer.
    pub fn says(&self, what: &str, retry: u32, pause: Duration) -> Result<()> {
        if self.number > 0 {
            return Ok(());
        }
        report::notice(format!(
            "backfill {} of {}: {what}; retry {retry} of {} in {:.1} s",
            self.run,
            self.target,
            settings::lock_retries(),
            pause.as_secs_f64()
        ))
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

    /// One look. A look at the limits ends its transaction.
    fn look(&mut self) -> Result<Look> {
        let Some(control) = control::read(self.run)? else { return fail(unknown(self.run)) };
        if control.version != self.version {
            self.settings = Settings::from_json(&control.settings);
            self.watch.set_limits(limits(self.run, &self.target, &self.settings, &control)?);
            self.version = control.version;
        }
        if control.wish == "cancel" && self.number > 0 {
            return Ok(Look::Leave);
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
        if self.number > 0 {
            let orphaned = is_free(Key { class: RUN_CLASS, object: self.run });
            if orphaned || control.state != "running" || self.number >= self.settings.workers {
                return Ok(Look::Leave);
            }
        } else if control.state != "running" {
            // A worker has met an error and stored it.
            return Err(Box::new(run::stored_error(self.run)?));
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

/// The limits among the settings, unless they would have us run what another role wrote: who calls gives his own, but a
/// worker may find that somebody else has called since it was started.
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
