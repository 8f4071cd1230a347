//! One process at work on a run: the session that called, or one of its workers. It claims ranges and changes them.

use std::time::{Duration, Instant};

use super::hold::Hold;
use super::pace::Pace;
use super::patience::patiently;
use super::settings::Settings;
use crate::catalog::backfill::range::{self, Gain, Range};
use crate::catalog::backfill::run::Run;
use crate::catalog::backfill::unit::{self, Frontier};
use crate::catalog::backfill::{Span, Unit, Walk, statement, target};
use crate::error::{Report, Result, code, fail};
use crate::pg::session_lock::{Key, SessionLock};
use crate::pg::wait;

/// Class of the advisory locks of runs (`migb`); the object is the run's id. "Running" is true exactly while it is held.
pub const RUN_CLASS: u32 = 0x6d69_6762;
/// Class of the advisory locks of ranges (`migx`); the object is the range's id.
const RANGE_CLASS: u32 = 0x6d69_6778;
/// Rows of the first batch.
const FIRST: f64 = 500.0;
/// Where rows are visited once, a range holds this many batches.
const BATCHES: u64 = 8;
/// With several processes, batches between two visits of a page: the transactions that were open at the first are over by
/// then, and the page can be pruned.
const SPREAD: u64 = 3;

/// Ranges that each of several processes gets of a table, at least.
const SHARES: u64 = 4;
/// Pages below which a range is not worth its cost.
const SMALLEST: u64 = 128;

/// A process.
pub struct Process<'a> {
    pub run: &'a Run,
    pub units: Vec<Unit>,
    pub hold: Hold,
    /// Of the first stripe, whose rows move to other pages; of the second, which is the first to clean up behind it; and of
    /// all others.
    paces: [Pace; 3],
    /// The unit that they count in.
    unit: Option<usize>,
    pages_at_hand: u64,
}

/// What one step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// There is no range to be had: others work at the last ones, or all are done.
    NothingToClaim,
    /// This process is not wanted any more.
    Leave,
}

impl<'a> Process<'a> {
    /// Ready to work. Begins no batch yet.
    pub fn new(run: &'a Run, units: Vec<Unit>, hold: Hold) -> Result<Self> {
        let paces = [Pace::new(1, 1, Duration::from_millis(1)); 3];
        Ok(Self { run, units, hold, paces, unit: None, pages_at_hand: target::pages_at_hand()? })
    }

    /// Works until there is nothing to claim, or it is to leave. `beat` runs between two batches.
    pub fn work(&mut self, beat: &mut impl FnMut(&mut Hold) -> Result<()>) -> Result<Step> {
        loop {
            if !self.hold.go_on(beat)? {
                return Ok(Step::Leave);
            }
            let Some(claimed) = patiently(self, Self::held, beat, Self::claim)? else { return Ok(Step::Leave) };
            let Some((mut range, _lock)) = claimed else { return Ok(Step::NothingToClaim) };
            if patiently(self, Self::held, beat, |process| process.look_at(&mut range))?.is_none() {
                return Ok(Step::Leave);
            }
            while !self.is_done(&range) {
                wait::check_interrupts()?;
                if !self.hold.go_on(beat)? || !self.batch(&mut range, beat)? {
                    return Ok(Step::Leave);
                }
                beat(&mut self.hold)?;
            }
        }
    }

    fn held(&mut self) -> &mut Hold {
        &mut self.hold
    }

    /// Settings as they are now.
    pub(super) fn settings(&self) -> &Settings {
        self.hold.settings()
    }

    pub(super) fn unit_of(&self, range: &Range) -> Result<&Unit> {
        match self.units.iter().find(|u| u.ordinal == range.unit) {
            Some(unit) => Ok(unit),
            None => fail(gone(&self.run.target)),
        }
    }

    fn is_done(&self, range: &Range) -> bool {
        range.stripe >= range.stripes
    }

    /// A range that nobody works at, or a new one.
    fn claim(&mut self) -> Result<Option<(Range, SessionLock)>> {
        for found in range::open(self.run.id)? {
            let Some(lock) = SessionLock::try_acquire(Key { class: RANGE_CLASS, object: found.id }) else { continue };
            // It may have been done between the look and the lock.
            if let Some(range) = range::read(found.id)? {
                self.count_in(range.unit)?;
                return Ok(Some((range, lock)));
            }
        }
        self.cut()
    }

    /// Cuts a new range off.
    fn cut(&mut self) -> Result<Option<(Range, SessionLock)>> {
        while let Some(open) = unit::first_open(self.run.id)? {
            self.count_in(open.ordinal)?;
            let Some(unit) = self.units.iter().find(|u| u.ordinal == open.ordinal) else {
                return fail(gone(&self.run.target));
            };
            let workers = u64::from(self.settings().workers);
            let batches = match (unit.stripes > 1, workers > 1) {
                (false, _) => BATCHES,
                (true, false) => 1,
                (true, true) => SPREAD,
            };
            let mut size = self.paces[2].size() * batches;
            if workers > 1 {
                size = size.min(fair_share(unit, &open, self.run.rows_estimate, workers));
            }
            let Some(end) = end_of_range(unit, &open, size)? else {
                unit::cut(self.run.id, open.ordinal, &open.high, true)?;
                continue;
            };
            let mut range = Range {
                unit: open.ordinal,
                low: open.frontier,
                high: end.clone(),
                stripes: unit.stripes,
                ..Range::default()
            };
            range.id = range::create(self.run.id, &range)?;
            unit::cut(self.run.id, open.ordinal, &end, end == open.high)?;
            // Before anybody else can see it.
            let lock = SessionLock::try_acquire(Key { class: RANGE_CLASS, object: range.id });
            return match lock {
                Some(lock) => Ok(Some((range, lock))),
                None => fail(Report::new(code::BUSY, "the lock of a new range is taken")),
            };
        }
        Ok(None)
    }

    /// Sizes are those of a table: another one begins small again.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn count_in(&mut self, ordinal: u32) -> Result<()> {
        let index = self.units.iter().position(|u| u.ordinal == ordinal);
        let (Some(i), true) = (index, index != self.unit) else { return Ok(()) };
        let unit = &self.units[i];
        let first = match unit.walk {
            Walk::Key => FIRST * f64::from(unit.stripes),
            Walk::Physical => FIRST * f64::from(unit.stripes) / unit.density,
        };
        let target = Duration::from_millis(self.settings().target_ms.into());
        self.paces = [Pace::new((first as u64).max(1), most(unit, self.settings(), self.pages_at_hand), target); 3];
        self.unit = index;
        Ok(())
    }

    /// The settings may have changed.
    pub(super) fn heed_settings(&mut self) {
        let Some(unit) = self.unit.and_then(|i| self.units.get(i)) else { return };
        let target = Duration::from_millis(self.settings().target_ms.into());
        let most = most(unit, self.settings(), self.pages_at_hand);
        self.paces.iter_mut().for_each(|pace| pace.set_bounds(most, target));
    }

    /// The pace for what comes next in a range.
    pub(super) fn pace(&mut self, range: &Range) -> &mut Pace {
        let kind = if range.stripes > 1 { range.stripe.min(2) } else { 2 };
        &mut self.paces[kind as usize]
    }

    /// Before the first batch of a range in stripes: where few rows match, fewer visits do.
    fn look_at(&mut self, range: &mut Range) -> Result<()> {
        let unit = self.unit_of(range)?;
        if range.stripes <= 1 || range.stripe > 0 || range.cursor.is_some() || unit.walk != Walk::Physical {
            return Ok(());
        }
        let span = Span { from: range.low.clone(), to: range.high.clone() };
        let pages = blocks(&span);
        let matching = statement::matching(unit, &self.run.clauses, &span)?;
        let density = unit.density;
        if matching > 0 {
            range.stripes = stripes_for(range.stripes, matching, pages, density);
            return Ok(());
        }
        is_still(&unit.name, unit.relation)?;
        let before = range.clone();
        range.stripe = range.stripes;
        #[allow(clippy::cast_precision_loss)]
        let gain = Gain { rows_visited: pages as f64 * density, ..Gain::default() };
        if range::advance(&before, range, true, gain)? { Ok(()) } else { fail(gone(&self.run.target)) }
    }
}

/// The bound that the caller, and with stripes the server's memory, set for a batch.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
fn most(unit: &Unit, settings: &Settings, pages_at_hand: u64) -> u64 {
    let stripes = f64::from(unit.stripes);
    let rows = settings.batch_rows.map_or(f64::MAX, |rows| rows as f64 * stripes);
    let pages = if unit.stripes > 1 {
        pages_at_hand as f64 / (SPREAD * u64::from(settings.workers)) as f64
    } else {
        f64::from(u32::MAX)
    };
    match unit.walk {
        Walk::Key => rows.min(pages * unit.density) as u64,
        Walk::Physical => (rows / unit.density).min(pages) as u64,
    }
}

/// With several processes, none should be left with a large range when the others have nothing to do any more.
fn fair_share(unit: &Unit, open: &Frontier, rows: u64, workers: u64) -> u64 {
    let (whole, least) = match unit.walk {
        Walk::Physical => (open.high.parse().unwrap_or(0), SMALLEST),
        Walk::Key => (rows, SMALLEST * 64),
    };
    (whole / (workers * SHARES)).max(least)
}

/// The size of a batch that is visited again only after others, see [`SPREAD`].
pub fn spread(unit: &Unit, range: &Range, size: u64, workers: u32) -> u64 {
    if workers <= 1 || range.stripes <= 1 || unit.walk != Walk::Physical {
        return size;
    }
    let pages = blocks(&Span { from: range.low.clone(), to: range.high.clone() });
    size.min(pages.div_ceil(SPREAD))
}

/// Where a range of this size ends; `None` when nothing is left to be cut.
fn end_of_range(unit: &Unit, open: &Frontier, size: u64) -> Result<Option<String>> {
    let rest = Span { from: open.frontier.clone(), to: open.high.clone() };
    Ok(match unit.walk {
        Walk::Physical => (blocks(&rest) > 0).then(|| block_after(&rest, size)),
        Walk::Key => match statement::window(unit, &rest, size)? {
            (_, 0) => None,
            (end, _) => Some(end),
        },
    })
}

/// The number of blocks in a span.
pub fn blocks(span: &Span) -> u64 {
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    number(&span.to).saturating_sub(span.from.as_deref().map_or(0, number))
}

/// The block `size` behind the beginning of a span, or its end.
pub fn block_after(span: &Span, size: u64) -> String {
    let from = span.from.as_deref().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    span.to.parse::<u64>().map_or_else(|_| span.to.clone(), |to| to.min(from + size.max(1)).to_string())
}

/// As many stripes as keep the share of a page that one of them changes.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
fn stripes_for(stripes: u32, matching: u64, pages: u64, density: f64) -> u32 {
    let share = matching as f64 / (pages.max(1) as f64 * density.max(1.0));
    ((f64::from(stripes) * share).ceil() as u32).clamp(1, stripes)
}

/// The tables on which others may wait for a lock that is in our way: those that are walked, and the one that was named.
pub fn watched(run: &Run, units: &[Unit]) -> Vec<u32> {
    let mut tables: Vec<u32> = units.iter().map(|u| u.relation).collect();
    if !tables.contains(&run.relation) {
        tables.push(run.relation);
    }
    tables
}

/// Somebody has begun the walk anew meanwhile, or the table is another one now.
pub fn gone(target: &str) -> Report {
    Report::new(code::BACKFILL_TARGET, format!("{target} is not the same table any more"))
        .detail("It was dropped, renamed or replaced while the backfill ran; the last batch is rolled back.")
        .hint("Call the backfill for the table that is there now.")
}

/// Whether a name still means the relation that was looked at or changed under it in this transaction, which has a lock on
/// it until it ends.
pub fn is_still(name: &str, relation: u32) -> Result<()> {
    if statement::is_same(name, relation)? { Ok(()) } else { fail(gone(name)) }
}

/// So long after a look at a clock something is due.
pub fn is_due(last: &mut Instant, every: Duration) -> bool {
    let due = last.elapsed() >= every;
    if due {
        *last = Instant::now();
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: Option<&str>, to: &str) -> Span {
        Span { from: from.map(str::to_owned), to: to.to_owned() }
    }

    #[test]
    fn blocks_are_cut_up_to_the_end() {
        assert_eq!(blocks(&span(None, "10")), 10);
        assert_eq!(block_after(&span(None, "10"), 4), "4");
        assert_eq!(block_after(&span(Some("8"), "10"), 4), "10");
        assert_eq!(block_after(&span(Some("8"), "10"), 0), "9");
    }

    #[test]
    fn few_matching_rows_need_few_stripes() {
        assert_eq!(stripes_for(8, 6000, 100, 60.0), 8);
        assert_eq!(stripes_for(8, 3000, 100, 60.0), 4);
        assert_eq!(stripes_for(8, 10, 100, 60.0), 1);
        assert_eq!(stripes_for(8, 60_000, 100, 60.0), 8);
    }
}
