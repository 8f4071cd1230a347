//! What to do about a top-level statement that was interrupted: the catalogue knows more than the ledger.

use crate::catalog::backfill::run as backfill;
use crate::catalog::indexes::{self, Index};
use crate::catalog::ledger::Begun;
use crate::catalog::partitions::{self, Detachment};
use crate::catalog::{progress, session};
use crate::ddl::{Interruption, Nature};
use crate::error::{Report, Result, code};
use crate::migration::lock::Current;
use crate::migration::retry::with_retries;
use crate::migration::run::{self, Failure};
use crate::migration::task::Task;
use crate::pg::analysis::index_statement::{shape, shape_on};
use crate::pg::portal::{self, Level};
use crate::pg::{parse, report, transaction};
use crate::settings;

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It did not take effect; what it left behind is gone.
    Undone,
    /// It took effect.
    Done,
    /// Only a person can know.
    Unknown,
}

/// What to note before such a statement begins. Names are looked up now, under the search_path it runs with.
pub fn note(number: usize, text: &str, interruption: &Interruption) -> Result<Begun> {
    let mut place = None;
    let (target, indexes) = match interruption {
        Interruption::ConcurrentIndex { table, .. } => {
            let table = indexes::lookup(table)?;
            (table, table.map(indexes::of_table).transpose()?.flatten())
        }
        Interruption::ConcurrentDrop { index } => {
            let index = indexes::lookup(index)?;
            place = index.map(indexes::place).transpose()?.flatten();
            (index, None)
        }
        Interruption::ConcurrentReindex => (None, indexes::invalid()?),
        Interruption::ConcurrentDetach { table, partition } => {
            let looked_up = indexes::lookup(table)?.zip(indexes::lookup(partition)?);
            let found = looked_up.map(|(table, partition)| partitions::place(table, partition)).transpose()?.flatten();
            let partition = looked_up.map(|(_, partition)| partition).filter(|_| found.is_some());
            // That there is none is noted as well: a note of 0.1.0 says nothing.
            place = Some(found.unwrap_or_else(|| "{}".to_owned()));
            (partition, None)
        }
        _ => (None, None),
    };
    Ok(Begun { number, text: text.to_owned(), target, indexes, place })
}

/// Finds out what became of a statement that was begun, and finishes it, or clears away what it left behind. Judged is the
/// statement as it was begun; the script may have been corrected since.
pub fn settle(task: &Task, begun: &Begun) -> std::result::Result<Fate, Box<Failure>> {
    let outside = |error| Failure::outside(task, error);
    let parsed = parse::parse(&begun.text).map_err(outside)?;
    match parsed.into_iter().next().map(|p| p.nature) {
        Some(Nature::TopLevel(Interruption::ConcurrentDetach { .. })) => detached(task, begun),
        Some(Nature::TopLevel(interruption)) => fate(task, begun, interruption).map_err(outside),
        _ => Ok(Fate::Undone),
    }
}

/// A partition that is half detached cannot go back, so what is left to do is done. That waits for whoever reads it, for as
/// long as any statement may.
fn detached(task: &Task, begun: &Begun) -> std::result::Result<Fate, Box<Failure>> {
    let outside = |error| Failure::outside(task, error);
    // Noted by a version that did not look, or in tables of that version.
    let Some(place) = &begun.place else { return Ok(Fate::Unknown) };
    let Some(partition) = begun.target else { return Ok(Fate::Undone) };
    let finalize = match partitions::detachment(partition, place).map_err(outside)? {
        Detachment::Attached => return Ok(Fate::Undone),
        Detachment::Detached => return Ok(Fate::Done),
        Detachment::Half { finalize } => task.script.in_place_of(begun.number, finalize),
    };
    let told = format!("{}: finishing what an interrupted run began: {}", task.name(), finalize.text);
    report::notice(told).and_then(|()| transaction::commit()).map_err(outside)?;
    with_retries(task, || {
        session::set_lock_timeout(settings::lock_timeout()).map_err(outside)?;
        run::statement(task, &finalize, Level::InTransaction)?;
        transaction::commit().map_err(outside)
    })?;
    Ok(Fate::Done)
}

/// The same of what leaves nothing to finish.
fn fate(task: &Task, begun: &Begun, interruption: Interruption) -> Result<Fate> {
    let before = begun.indexes.as_deref().unwrap_or("{}");
    match interruption {
        Interruption::ConcurrentIndex { index, .. } => {
            let Some(table) = begun.target else { return Ok(Fate::Undone) };
            let mut left = indexes::new_of_table(table, before)?;
            match index {
                Some(index) => left.retain(|i| i.name == index),
                // Postgres chose its name; others may have built other indexes meanwhile.
                None => {
                    let wanted = shape_on(&begun.text, table);
                    left.retain(|i| wanted.is_some() && shape(&i.definition) == wanted);
                }
            }
            if left.iter().any(|i| i.valid) {
                return Ok(Fate::Done);
            }
            drop_all(task, begun.number, &left)?;
            Ok(Fate::Undone)
        }
        Interruption::ConcurrentReindex => {
            drop_all(task, begun.number, &indexes::new_copies(before)?)?;
            Ok(Fate::Undone)
        }
        Interruption::ConcurrentDrop { index } => {
            let Some(target) = begun.target else { return Ok(Fate::Undone) };
            let there = match &begun.place {
                Some(place) => indexes::is_at(target, place)?,
                // Noted by a version that did not note where it was.
                None => indexes::exists(target)? || indexes::lookup(&index)?.is_some(),
            };
            Ok(if there { Fate::Undone } else { Fate::Done })
        }
        Interruption::Backfill => {
            let finished = backfill::finished_for(task.version(), task.checksum(), begun.number)?;
            Ok(if finished { Fate::Done } else { Fate::Undone })
        }
        Interruption::Repeatable => Ok(Fate::Undone),
        Interruption::AllOrNothing | Interruption::Unknowable | Interruption::ConcurrentDetach { .. } => {
            Ok(Fate::Unknown)
        }
    }
}

/// Whether an error of the statement leaves nothing to settle.
pub fn error_undoes(interruption: &Interruption, error: &Report) -> bool {
    match interruption {
        Interruption::AllOrNothing | Interruption::Repeatable => true,
        // A CALL that was refused before the procedure began: no such procedure, no right to it, not allowed here. What a
        // procedure raises itself comes with its CONTEXT.
        Interruption::Unknowable => match error.sqlstate {
            Some(code::RECURSION | code::NOT_TOP_LEVEL) => true,
            Some(state) => state.0.starts_with(b"42") && error.context.is_none(),
            None => false,
        },
        _ => false,
    }
}

/// Notes in the ledger that a statement is done, or refuses to go on in parallel with another session.
pub fn mark_done(task: &Task, number: usize) -> Result<()> {
    if progress::mark_done(task.version(), number)? { Ok(()) } else { Err(run::moved_on(task)) }
}

/// Drops invalid indexes without blocking anybody.
fn drop_all(task: &Task, statement: usize, left: &[Index]) -> Result<()> {
    for index in left {
        report::notice(format!(
            "migration {}: dropping invalid index {}, left by an interrupted run",
            task.version(),
            index.quoted
        ))?;
        transaction::commit()?;
        {
            let _current = Current::enter(task, statement);
            portal::run(&indexes::drop_statement(index), Level::TopLevel)?;
        }
        transaction::commit()?;
    }
    Ok(())
}
