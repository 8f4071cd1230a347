//! One batch: some rows of one stripe of a range, committed together with how far the range has come.

use std::time::{Duration, Instant};

use super::hold::Hold;
use super::process::{self, Process, block_after, blocks, gone, spread};
use super::rows::{self, Fate};
use super::{lock_patience, statement_limit};
use crate::catalog::backfill::range::{self, Gain, Range};
use crate::catalog::backfill::{Span, Stripe, Unit, Walk, errors, run, statement};
use crate::catalog::session;
use crate::error::{Error, Report, Result, SqlState, code, fail};
use crate::pg::{statement_timer, subtransaction, transaction, waiters};
use crate::settings;

/// `query_canceled`: by our own timer, or by a person.
pub const QUERY_CANCELED: SqlState = SqlState(*b"57014");
/// Failed attempts after which the rows are tried one by one.
const PATIENCE: u32 = 3;
/// So few pages, or rows by key, are tried one by one when one of them cannot be changed.
const FEW_PAGES: u64 = 4;
const FEW_ROWS: u64 = 100;
/// A row that somebody has locked is left to the sweep after so long.
const ROW_PATIENCE: Duration = Duration::from_millis(10);
/// Failed rows below which a high share of them says nothing yet.
const FEW_ERRORS: u64 = 10;

/// What is to be changed next, and how much that is in the unit of the pace.
struct Next {
    span: Span,
    size: u64,
    stripe: Stripe,
}

/// How an attempt ended that did not fail.
#[derive(Default)]
struct Outcome {
    rows: u64,
    skipped: u64,
    failed: u64,
}

/// Why an attempt failed, and so what to do about it.
enum Failure {
    /// Took too long.
    Slow(Error),
    /// Others were in the way.
    Contended(Error),
    /// A row cannot be changed.
    Row(Error),
    /// Not the batch's fault.
    Fatal(Error),
}

impl Process<'_> {
    /// Tries until a batch of the range is committed, ever smaller, in the end row by row. False when this process is to
    /// leave.
    pub(super) fn batch(&mut self, range: &mut Range, beat: &mut impl FnMut(&mut Hold) -> Result<()>) -> Result<bool> {
        let (mut one_by_one, mut hurried, mut retries) = (false, true, 0);
        loop {
            self.heed_settings();
            let begun = Instant::now();
            let failure = match self.attempt(range, one_by_one, hurried, begun) {
                Ok(()) if retries == 0 => return Ok(true),
                Ok(()) => return self.hold.has_stepped_back().map(|()| true),
                Err(failure) => failure,
            };
            transaction::restart()?;
            if !self.hold.go_on(beat)? {
                return Ok(false);
            }
            let small = self.is_small(range)?;
            match failure {
                Failure::Fatal(error) => return Err(error),
                // It is not the change of a row that failed: where_clause fails for one, or the commit.
                Failure::Slow(error) | Failure::Row(error) if one_by_one => return Err(error),
                Failure::Slow(_) if !self.pace(range).is_smallest() => self.pace(range).shrink(4.0),
                Failure::Slow(_) if hurried => hurried = false,
                Failure::Slow(_) => one_by_one = true,
                Failure::Row(_) if small => one_by_one = true,
                Failure::Row(_) => self.pace(range).shrink(8.0),
                Failure::Contended(error) => {
                    retries += 1;
                    // Rows that are locked can be left at the last, unless it is the table that is locked.
                    let last = retries > settings::lock_retries();
                    if last && (one_by_one || !self.can_skip()) {
                        return Err(error);
                    }
                    one_by_one = one_by_one || last || (small && retries >= PATIENCE && self.can_skip());
                    self.pace(range).shrink(if last { f64::INFINITY } else { 4.0 });
                    if !self.hold.step_back(&error, retries, beat)? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Rows that are locked may be left to the sweep only when a condition finds them there.
    fn can_skip(&self) -> bool {
        self.run.clauses.condition.is_some()
    }

    fn is_small(&mut self, range: &Range) -> Result<bool> {
        let few = match self.unit_of(range)?.walk {
            Walk::Physical => FEW_PAGES,
            Walk::Key => FEW_ROWS,
        };
        Ok(self.pace(range).size() <= few)
    }

    fn attempt(
        &mut self,
        range: &mut Range,
        one_by_one: bool,
        hurried: bool,
        begun: Instant,
    ) -> std::result::Result<(), Failure> {
        let fatal = Failure::Fatal;
        let unit = self.unit_of(range).map_err(fatal)?.clone();
        let alone = self.pace(range).is_smallest() && unit.walk == Walk::Key;
        let patience = lock_patience(self.settings().target_ms, self.can_skip(), alone);
        session::set_lock_timeout(patience).map_err(fatal)?;
        let limit = if one_by_one { None } else { statement_limit(self.settings().target_ms, hurried) };
        let size = spread(&unit, range, self.pace(range).size(), self.settings().workers);
        let (outcome, over) = statement_timer::within(limit, || {
            let next = next(&unit, range, size)?;
            session::check_constraints_at_once()?;
            let outcome = if one_by_one { self.row_by_row(&unit, &next) } else { self.all(&unit, &next) };
            outcome.map(|outcome| (next, outcome))
        });
        let (next, outcome) = outcome.map_err(|error| sort(error, over))?;
        let waited = waiters::wait_for_us();
        let changed = self.store(&unit, range, &next, &outcome, begun).map_err(fatal)?;
        transaction::commit().map_err(|error| sort(error, false))?;
        if !one_by_one {
            self.pace(range).learn(next.size, begun.elapsed(), waited);
        }
        *range = changed;
        if outcome.failed > 0 {
            self.check_error_ratio().map_err(fatal)?;
        }
        Ok(())
    }

    fn all(&self, unit: &Unit, next: &Next) -> Result<Outcome> {
        let changed = statement::change(unit, &self.run.clauses, &next.span, next.stripe)?;
        if let Some(example) = changed.example {
            return fail(rows::still_matches(unit, &example));
        }
        Ok(Outcome { rows: changed.rows, ..Outcome::default() })
    }

    /// One by one: a row that is locked is left to the sweep, one that fails is written down.
    fn row_by_row(&self, unit: &Unit, next: &Next) -> Result<Outcome> {
        // Takes the lock on the table: who cannot have that must not take its rows for locked ones.
        statement::explain(unit, &self.run.clauses)?;
        let mut outcome = Outcome::default();
        for row in statement::rows(unit, &self.run.clauses, &next.span, next.stripe)? {
            let target_ms = self.settings().target_ms;
            let patience = if self.can_skip() { ROW_PATIENCE } else { lock_patience(target_ms, false, false) };
            let (fate, over) = statement_timer::within(statement_timer::of_session(), || {
                subtransaction::contained(|| {
                    session::set_lock_timeout(patience)?;
                    rows::change(unit, &self.run.clauses, &row)
                })
            });
            match rows::fate(fate).map_err(|error| if over { timed_out(error) } else { error })? {
                Fate::Changed => outcome.rows += 1,
                Fate::Gone => {}
                Fate::Locked(_) if self.can_skip() => outcome.skipped += 1,
                Fate::Locked(error) => return Err(error),
                Fate::Failed(error) => {
                    outcome.failed += 1;
                    errors::add(self.run.id, unit, &row, &rows::described(unit, &row), &error)?;
                }
            }
        }
        Ok(outcome)
    }

    /// Stores what was done. The caller commits, and only then takes over how far the range has come.
    #[allow(clippy::cast_precision_loss)]
    fn store(&self, unit: &Unit, range: &Range, next: &Next, outcome: &Outcome, begun: Instant) -> Result<Range> {
        // The update holds its lock on the table until the commit, so the answer stays true.
        process::is_still(&unit.name, unit.relation)?;
        let per_size = if unit.walk == Walk::Physical { unit.density } else { 1.0 };
        let gain = Gain {
            rows_visited: next.size as f64 * per_size / f64::from(range.stripes.max(1)),
            rows_done: outcome.rows,
            rows_skipped: outcome.skipped,
            milliseconds: begun.elapsed().as_secs_f64() * 1000.0,
        };
        let mut changed = range.clone();
        if next.span.to == range.high {
            changed.stripe += 1;
            changed.cursor = None;
        } else {
            changed.cursor = Some(next.span.to.clone());
        }
        let done = changed.stripe >= changed.stripes;
        if !range::advance(range, &changed, done, gain)? {
            return fail(gone(&unit.name));
        }
        Ok(changed)
    }

    #[allow(clippy::cast_precision_loss)]
    fn check_error_ratio(&self) -> Result<()> {
        let ratio = self.settings().error_ratio;
        // The rows visited are an estimate; of rows that may all fail, more cannot.
        if ratio >= 1.0 {
            return Ok(());
        }
        let totals = run::totals(self.run.id)?;
        if totals.errors as f64 <= ratio * totals.rows_visited.max(1.0) || (totals.errors < FEW_ERRORS && ratio > 0.0) {
            return Ok(());
        }
        let first = errors::of(self.run.id, Some(1))?.pop();
        fail(rows::too_many(self.run, totals.errors, ratio, first.as_ref()))
    }
}

/// The next part of a range.
fn next(unit: &Unit, range: &Range, size: u64) -> Result<Next> {
    let from = range.cursor.clone().or_else(|| range.low.clone());
    let rest = Span { from, to: range.high.clone() };
    let stripe = Stripe { number: range.stripe, of: range.stripes };
    let (to, size) = match unit.walk {
        Walk::Physical => {
            let to = block_after(&rest, size);
            let size = blocks(&Span { from: rest.from.clone(), to: to.clone() });
            (to, size)
        }
        Walk::Key => statement::window(unit, &rest, size)?,
    };
    Ok(Next { span: Span { from: rest.from, to }, size, stripe })
}

/// In Postgres's words; of a cancel by a timer of ours it says that a person wanted it.
fn timed_out(mut error: Error) -> Error {
    "canceling statement due to statement timeout".clone_into(&mut error.message);
    error
}

/// What an error means for the batch. `over`: our own timer had run out.
fn sort(error: Error, over: bool) -> Failure {
    match error.sqlstate {
        Some(QUERY_CANCELED) if over => Failure::Slow(timed_out(error)),
        _ if error.is_transient() => Failure::Contended(error),
        _ if is_of_a_row(&error) => Failure::Row(error),
        _ => Failure::Fatal(error),
    }
}

/// Whether other rows may fare better: what is wrong is not the statement, the server or the session.
pub fn is_of_a_row(error: &Report) -> bool {
    const NOT_OF_A_ROW: [&[u8]; 15] =
        [b"08", b"0A", b"25", b"28", b"3D", b"3F", b"42", b"53", b"54", b"55", b"57", b"58", b"72", b"F0", b"XX"];
    let Some(SqlState(state)) = error.sqlstate else { return false };
    // Also what a policy's WITH CHECK says. Missing rights on the table are found before, and again before its rows are
    // tried one by one.
    if state == *b"42501" {
        return true;
    }
    if state.starts_with(b"MG") {
        return Some(SqlState(state)) == Some(code::BACKFILL_INCOMPLETE);
    }
    !NOT_OF_A_ROW.iter().any(|class| state.starts_with(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_rows_are_told_from_those_of_the_statement_and_the_server() {
        let of_a_row = |state: &[u8; 5]| is_of_a_row(&Report::new(SqlState(*state), ""));
        for state in
            [b"22P02", b"22012", b"23505", b"23514", b"P0001", b"44000", b"21000", b"MG017", b"MY001", b"42501"]
        {
            assert!(of_a_row(state), "{}", SqlState(*state));
        }
        for state in [b"42P01", b"53100", b"57014", b"57P01", b"XX000", b"25006", b"MG001", b"54001"] {
            assert!(!of_a_row(state), "{}", SqlState(*state));
        }
    }

    #[test]
    fn a_cancel_is_slowness_only_when_our_timer_was_over() {
        let cancelled = || Box::new(Report::new(QUERY_CANCELED, ""));
        assert!(matches!(sort(cancelled(), true), Failure::Slow(_)));
        assert!(matches!(sort(cancelled(), false), Failure::Fatal(_)));
        assert!(matches!(sort(Box::new(Report::new(SqlState::DEADLOCK_DETECTED, "")), false), Failure::Contended(_)));
    }
}
