//! Sweeping up: rows that still match after the walk were locked, moved, or written by others meanwhile. They are looked
//! for under one snapshot and changed one by one. Done is what a look finds nothing in.

use std::time::{Duration, Instant};

use super::hold::Hold;
use super::patience::patiently;
use super::process;
use super::rows::{self, Fate};
use crate::catalog::backfill::run::{self, Run};
use crate::catalog::backfill::statement::{self, Target};
use crate::catalog::backfill::{Unit, errors};
use crate::catalog::session;
use crate::error::{Report, Result, SqlState, code, fail};
use crate::migration::backoff;
use crate::pg::{subtransaction, transaction};
use crate::settings;

/// More rows than these, and those that failed, are not swept up but walked over once more.
const MOST_ROWS: usize = 10_000;
/// Sweeps that changed rows, after which rows that keep appearing are somebody else's doing.
const MOST_SWEEPS: u32 = 20;
/// Sweeps that could change nothing, though nothing was locked.
const MOST_IDLE: u32 = 2;
/// So many rows without a key are locked together, when others keep changing them.
const MOST_LOCKED: usize = 100;
/// While rows that are changed already are held, a locked one is not waited for longer than this.
const ROW_PATIENCE: Duration = Duration::from_millis(50);

/// What a sweep came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Nothing matches any more.
    Clean,
    /// So much is left that the walk has to begin anew.
    Walk,
}

/// A sweep's counts.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
struct Swept {
    found: u64,
    changed: u64,
    failed: u64,
    locked: u64,
}

/// Looks and sweeps until a look finds nothing. The units are those of the tables as they are now.
pub fn sweep(
    run: &Run,
    units: &[Unit],
    hold: &mut Hold,
    beat: &mut impl FnMut(&mut Hold) -> Result<()>,
) -> Result<End> {
    let (mut sweeps, mut idle, mut blocked) = (0, 0, 0);
    // What failed in the walk still matches and is tried again; however much it is, another walk would not help it.
    let most = MOST_ROWS + usize::try_from(errors::count(run.id)?).unwrap_or(0);
    errors::forget_all(run.id)?;
    loop {
        hold.go_on(beat)?;
        let target = Target::new(run.relation, &run.target, units);
        let left = look(hold, beat, || {
            let left = statement::left(&target, &run.clauses, most + 1)?;
            process::is_still(&run.target, run.relation)?;
            Ok(left)
        })?;
        let total: usize = left.iter().map(|(_, rows)| rows).sum();
        if total == 0 {
            return Ok(End::Clean);
        }
        if total > most {
            return Ok(End::Walk);
        }
        run::begins_sweep(run.id)?;
        let swept = once(run, units, &left, most, hold, beat)?;
        if swept.failed == swept.found && swept.found > 0 {
            return fail(failed(run)?);
        }
        sweeps += u32::from(swept.changed > 0);
        blocked = if swept.changed == 0 && swept.locked > 0 { blocked + 1 } else { 0 };
        idle = if swept.changed == 0 && swept.locked == 0 { idle + 1 } else { 0 };
        if idle >= MOST_IDLE || sweeps >= MOST_SWEEPS || blocked > settings::lock_retries() {
            let example = example(run, units, &left)?;
            return fail(incomplete(run, total, &example, idle >= MOST_IDLE, swept.locked));
        }
        if blocked > 0 {
            let reason = format!("{} rows that others have locked", swept.locked);
            run::waits_for(run.id, Some(&reason))?;
            hold.rest(backoff::pause(blocked), beat)?;
            hold.has_stepped_back()?;
        }
    }
}

/// Rows of a run without a condition that failed, once more. They are known by key.
pub fn retry_failed(
    run: &Run,
    units: &[Unit],
    hold: &mut Hold,
    beat: &mut impl FnMut(&mut Hold) -> Result<()>,
) -> Result<()> {
    let known = errors::of(run.id, None)?;
    transaction::commit()?;
    for row in &known {
        let Some(unit) = units.iter().find(|u| u.relation == row.relation) else { continue };
        hold.go_on(beat)?;
        session::set_lock_timeout(settings::lock_timeout())?;
        let outcome = subtransaction::contained(|| {
            session::check_constraints_at_once()?;
            rows::change(unit, &run.clauses, &row.key)
        });
        let fate = rows::fate(outcome)?;
        process::is_still(&unit.name, unit.relation)?;
        match fate {
            Fate::Changed => {
                errors::forget(run.id, row.relation, &row.key)?;
                run::swept(run.id, 1)?;
            }
            Fate::Gone => errors::forget(run.id, row.relation, &row.key)?,
            Fate::Failed(error) | Fate::Locked(error) => errors::add(run.id, unit, &row.key, &row.row, &error)?,
        }
        transaction::commit()?;
    }
    let left = errors::count(run.id)?;
    if left == 0 { Ok(()) } else { fail(failed(run)?) }
}

/// A look at a table that others may have locked.
fn look<T>(hold: &mut Hold, beat: &mut impl FnMut(&mut Hold) -> Result<()>, work: impl Fn() -> Result<T>) -> Result<T> {
    match patiently(hold, |hold| hold, beat, |_| work())? {
        Some(found) => Ok(found),
        None => fail(Report::new(SqlState::INTERNAL_ERROR, "the leader of a backfill was told to leave it")),
    }
}

/// All rows that were found, table by table.
fn once(
    run: &Run,
    units: &[Unit],
    left: &[(u32, usize)],
    most: usize,
    hold: &mut Hold,
    beat: &mut impl FnMut(&mut Hold) -> Result<()>,
) -> Result<Swept> {
    let mut swept = Swept::default();
    for unit in units.iter().filter(|u| !u.only || left.iter().any(|(relation, _)| *relation == u.relation)) {
        let found = look(hold, beat, || statement::left_in(unit, &run.clauses, most))?;
        let before = swept.changed;
        let locked = together(run, unit, &found, &mut swept, hold, beat)?;
        for row in locked {
            hold.go_on(beat)?;
            alone(run, unit, &row, &mut swept)?;
        }
        // Without a key a row that others are just changing is not found again where it was.
        if unit.key.is_none() && swept.changed == before && !found.is_empty() {
            where_they_are(run, unit, &mut swept)?;
        }
    }
    Ok(swept)
}

/// Rows in transactions of a batch's length. Returns those that were locked.
fn together(
    run: &Run,
    unit: &Unit,
    found: &[String],
    swept: &mut Swept,
    hold: &mut Hold,
    beat: &mut impl FnMut(&mut Hold) -> Result<()>,
) -> Result<Vec<String>> {
    let (mut locked, mut changed, mut begun) = (Vec::new(), 0, Instant::now());
    for row in found {
        swept.found += 1;
        match one(run, unit, row, ROW_PATIENCE)? {
            Fate::Changed => changed += 1,
            Fate::Gone => {}
            Fate::Failed(_) => swept.failed += 1,
            Fate::Locked(_) => locked.push(row.clone()),
        }
        if begun.elapsed() >= Duration::from_millis(hold.settings().target_ms.into()) {
            process::is_still(&unit.name, unit.relation)?;
            run::swept(run.id, changed)?;
            transaction::commit()?;
            swept.changed += std::mem::take(&mut changed);
            hold.go_on(beat)?;
            begun = Instant::now();
        }
    }
    process::is_still(&unit.name, unit.relation)?;
    run::swept(run.id, changed)?;
    transaction::commit()?;
    swept.changed += changed;
    Ok(locked)
}

/// A row that was locked, waited for with nothing else in hand.
fn alone(run: &Run, unit: &Unit, row: &str, swept: &mut Swept) -> Result<()> {
    match one(run, unit, row, patience_alone())? {
        Fate::Changed => {
            swept.changed += 1;
            run::swept(run.id, 1)?;
        }
        Fate::Gone => {}
        Fate::Failed(_) => swept.failed += 1,
        Fate::Locked(_) => swept.locked += 1,
    }
    process::is_still(&unit.name, unit.relation)?;
    transaction::commit()
}

/// Rows that are locked first, wherever they are by then.
fn where_they_are(run: &Run, unit: &Unit, swept: &mut Swept) -> Result<()> {
    let locked = subtransaction::contained(|| {
        session::set_lock_timeout(patience_alone())?;
        statement::lock_left_in(unit, &run.clauses, MOST_LOCKED)
    });
    let mut changed = 0;
    match locked {
        Err(error) if error.is_transient() => swept.locked += 1,
        Err(error) => return Err(error),
        Ok(rows) => {
            for row in rows {
                changed += u64::from(matches!(one(run, unit, &row, ROW_PATIENCE)?, Fate::Changed));
            }
        }
    }
    process::is_still(&unit.name, unit.relation)?;
    run::swept(run.id, changed)?;
    swept.changed += changed;
    transaction::commit()
}

/// How long what is waited for alone is waited for; not without a bound, as somebody may want to cancel.
fn patience_alone() -> Duration {
    let bound = settings::lock_timeout();
    if bound.is_zero() { Duration::from_secs(1) } else { bound }
}

/// One row, in a subtransaction; its error is written down.
fn one(run: &Run, unit: &Unit, row: &str, patience: Duration) -> Result<Fate> {
    let outcome = subtransaction::contained(|| {
        session::set_lock_timeout(patience)?;
        session::check_constraints_at_once()?;
        rows::change(unit, &run.clauses, row)
    });
    let fate = rows::fate(outcome)?;
    if let Fate::Failed(error) = &fate {
        errors::add(run.id, unit, row, &rows::described(unit, row), error)?;
    }
    Ok(fate)
}

fn failed(run: &Run) -> Result<Report> {
    Ok(rows::all_but(run, errors::count(run.id)?, errors::of(run.id, Some(1))?.first()))
}

fn example(run: &Run, units: &[Unit], left: &[(u32, usize)]) -> Result<String> {
    for unit in units.iter().filter(|u| !u.only || left.iter().any(|(relation, _)| *relation == u.relation)) {
        if let Some(row) = statement::left_in(unit, &run.clauses, 1)?.first() {
            return Ok(format!("one has {}", rows::described(unit, row)));
        }
    }
    Ok("the last of them has just gone".to_owned())
}

fn incomplete(run: &Run, total: usize, example: &str, idle: bool, locked: u64) -> Report {
    let rows = if total == 1 { "1 row still matches".to_owned() } else { format!("{total} rows still match") };
    let report = Report::new(code::BACKFILL_INCOMPLETE, format!("backfill {} of {}: {rows}", run.id, run.target));
    if idle {
        return report
            .detail(format!(
                "None of them could be changed, and none is locked; {example}. A trigger or policy keeps them."
            ))
            .hint("Exclude such rows in where_clause, or have the trigger or policy let the change pass.");
    }
    if locked > 0 {
        return report.detail(format!("Other sessions keep {locked} of them locked; {example}.")).hint(
            "The same call goes on when they have ended. To see them:\n\
                 SELECT pid, state, xact_start, query FROM pg_stat_activity WHERE xact_start IS NOT NULL ORDER BY 3;",
        );
    }
    report
        .detail(format!("After {MOST_SWEEPS} sweeps rows that match keep appearing; {example}."))
        .hint("Let writers fill the column themselves (a default or a trigger) before the backfill.")
}
