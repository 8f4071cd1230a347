//! What a person sees while it runs.

use std::time::{Duration, Instant};

use super::process::is_due;
use crate::catalog::backfill::run::{self, Run, Totals};
use crate::catalog::session;
use crate::error::Result;
use crate::pg::{report, transaction};

/// How often a person is told.
const EVERY: Duration = Duration::from_secs(2);
/// Characters of the bar.
const BAR: usize = 10;

/// Tells the client of the leader.
pub struct Voice {
    id: u32,
    target: String,
    said: Instant,
    /// The client is psql: a person looks at it.
    bar: bool,
}

impl Voice {
    /// Says nothing yet.
    pub fn new(run: &Run) -> Result<Self> {
        let bar = session::setting("application_name")?.is_some_and(|name| name == "psql");
        Ok(Self { id: run.id, target: run.target.clone(), said: Instant::now(), bar })
    }

    /// A line now and then.
    pub fn speak(&mut self, reason: Option<&str>) -> Result<()> {
        if !is_due(&mut self.said, EVERY) {
            return Ok(());
        }
        let totals = run::totals(self.id)?;
        transaction::commit()?;
        report::notice(if self.bar {
            bar(self.id, &totals, reason)
        } else {
            line(self.id, &self.target, &totals, reason)
        })
    }

    /// The last line.
    pub fn done(&self) -> Result<()> {
        let totals = run::totals(self.id)?;
        report::notice(done(self.id, &self.target, &totals))
    }
}

/// `backfill 3 of public.users: 45.2 %, 452000 rows changed, 81000 rows/s, 97 ms a batch, ETA 0:00:07`.
fn line(id: u32, target: &str, totals: &Totals, reason: Option<&str>) -> String {
    let mut text = format!(
        "backfill {id} of {target}: {:.1} %, {} rows changed, {:.0} rows/s",
        percent(totals),
        totals.rows_done,
        rate(totals)
    );
    if let Some(batch) = totals.batch_ms {
        text += &format!(", {batch:.0} ms a batch");
    }
    match (reason, eta(totals)) {
        (Some(reason), _) => text + ", waiting: " + reason,
        (None, Some(eta)) => text + ", ETA " + &clock(eta),
        (None, None) => text,
    }
}

/// The same for a terminal of 80 columns: `backfill 3 [####......] 45.2 %  452000 rows  81000/s  ETA 0:00:07`.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
fn bar(id: u32, totals: &Totals, reason: Option<&str>) -> String {
    let percent = percent(totals);
    let full = ((percent / 100.0 * BAR as f64) as usize).min(BAR);
    let head = format!("backfill {id} [{}{}] {percent:.1} %", "#".repeat(full), ".".repeat(BAR - full));
    match (reason, eta(totals)) {
        (Some(reason), _) => format!("{head}  waiting: {reason}"),
        (None, Some(eta)) => {
            format!("{head}  {} rows  {:.0}/s  ETA {}", totals.rows_done, rate(totals), clock(eta))
        }
        (None, None) => format!("{head}  {} rows  {:.0}/s", totals.rows_done, rate(totals)),
    }
}

/// `backfill 3 of public.users done: 1000000 rows changed in 12.1 s (82645 rows/s)`.
#[allow(clippy::cast_precision_loss)]
fn done(id: u32, target: &str, totals: &Totals) -> String {
    format!(
        "backfill {id} of {target} done: {} {} changed in {:.1} s ({:.0} rows/s)",
        totals.rows_done,
        if totals.rows_done == 1 { "row" } else { "rows" },
        totals.seconds,
        if totals.seconds > 0.0 { totals.rows_done as f64 / totals.seconds } else { 0.0 }
    )
}

/// Rows visited in a second of running.
fn rate(totals: &Totals) -> f64 {
    if totals.seconds > 0.0 { totals.rows_visited / totals.seconds } else { 0.0 }
}

/// Never 100 before the final check: the estimate may be low.
#[allow(clippy::cast_precision_loss)]
fn percent(totals: &Totals) -> f64 {
    let estimate = totals.rows_estimate as f64;
    if estimate == 0.0 { 0.0 } else { (100.0 * totals.rows_visited / estimate).min(99.9) }
}

#[allow(clippy::cast_precision_loss)]
fn eta(totals: &Totals) -> Option<Duration> {
    let left = totals.rows_estimate as f64 - totals.rows_visited;
    let rate = rate(totals);
    (rate > 0.0 && left > 0.0).then(|| Duration::from_secs_f64(left / rate))
}

fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(visited: f64, estimate: u64, seconds: f64) -> Totals {
        Totals { rows_visited: visited, rows_done: 250, rows_estimate: estimate, seconds, ..Totals::default() }
    }

    #[test]
    fn a_line_has_percent_rate_and_eta() {
        let found = Totals { batch_ms: Some(97.4), ..totals(500.0, 2000, 5.0) };
        let text = line(3, "public.t", &found, None);
        assert_eq!(text, "backfill 3 of public.t: 25.0 %, 250 rows changed, 100 rows/s, 97 ms a batch, ETA 0:00:15");
    }

    #[test]
    fn an_estimate_that_was_too_low_promises_nothing() {
        let text = line(3, "public.t", &totals(5000.0, 2000, 5.0), None);
        assert_eq!(text, "backfill 3 of public.t: 99.9 %, 250 rows changed, 1000 rows/s");
        assert!(line(3, "t", &totals(0.0, 0, 0.0), None).contains("0.0 %"));
    }

    #[test]
    fn what_it_waits_for_is_said() {
        assert!(line(3, "t", &totals(1.0, 10, 1.0), Some("standby a")).ends_with(", waiting: standby a"));
        assert!(bar(3, &totals(1.0, 10, 1.0), Some("standby a")).ends_with("10.0 %  waiting: standby a"));
    }

    #[test]
    fn in_the_end_what_was_changed_counts() {
        assert_eq!(
            done(3, "t", &totals(500.0, 2000, 5.0)),
            "backfill 3 of t done: 250 rows changed in 5.0 s (50 rows/s)"
        );
        assert_eq!(done(3, "t", &totals(0.0, 0, 0.0)), "backfill 3 of t done: 250 rows changed in 0.0 s (0 rows/s)");
    }

    #[test]
    fn the_bar_fits_a_terminal() {
        let found = Totals { rows_done: 500_000_000, ..totals(5e8, 1_000_000_000, 5000.0) };
        let text = bar(12, &found, None);
        assert_eq!(text, "backfill 12 [#####.....] 50.0 %  500000000 rows  100000/s  ETA 1:23:20");
        assert!("NOTICE:  ".len() + text.len() <= 80);
    }
}
