//! A script whose statements cannot share a transaction: each is committed with its mark in the ledger.

use super::quoted;
use super::resume::{self, Fate};
use super::retry::{with_bounded_locks, with_retries};
use super::run::{self, Failure, Outcome};
use super::script::{self, Statement};
use super::task::Task;
use crate::catalog::events::Attempt;
use crate::catalog::ledger::Begun;
use crate::catalog::{indexes, ledger, progress, session};
use crate::ddl::{Interruption, Nature};
use crate::error::{Report, Result, SqlState, code, fail};
use crate::pg::portal::Level;
use crate::pg::{report, transaction, wait};
use crate::settings;

/// A migration with statements that cannot share a transaction: each is committed with its mark in the ledger, and
/// the next run goes on behind the last mark.
pub fn statement_by_statement(task: &Task, attempt: &Attempt, seconds: impl Fn() -> f64) -> Outcome {
    let outside = |error| Failure::outside(task, error);
    let statements = &task.script.statements;
    let done = settled(task)?;
    for statement in statements {
        wait::check_interrupts().map_err(outside)?;
        if statement.number <= done {
            // What an earlier run SET ended with its session.
            if statement.setting.is_some() {
                run::statement(task, statement, Level::InTransaction)?;
                transaction::commit().map_err(outside)?;
            }
            continue;
        }
        // Unless the script has set a bound of its own.
        let bounded = statements[..statement.number].iter().any(|s| s.setting.as_deref() == Some("lock_timeout"));
        match &statement.nature {
            Nature::TopLevel(interruption) => top_level(task, statement, interruption, bounded)?,
            Nature::Transactional | Nature::Unsupported(_) => with_retries(task, || {
                if !bounded {
                    session::set_lock_timeout(settings::lock_timeout()).map_err(outside)?;
                }
                run::statement(task, statement, Level::InTransaction)?;
                resume::mark_done(task, statement.number).map_err(outside)?;
                transaction::commit().map_err(outside)
            })?,
        }
    }
    run::finish(task, attempt, seconds()).map_err(outside)?;
    transaction::commit().map_err(outside)
}

/// How many statements are done, after settling one that was begun and not seen to end.
fn settled(task: &Task) -> std::result::Result<usize, Box<Failure>> {
    let outside = |error| Failure::outside(task, error);
    let Some(begun) = task.begun() else { return Ok(task.done()) };
    // The statement as it is now may be a corrected one.
    let unchanged = task.script.statements.get(begun.number - 1).is_some_and(|s| s.text == begun.text);
    let fate = resume::settle(task, begun)?;
    match fate {
        Fate::Unknown => return Err(outside(in_doubt(task, begun))),
        Fate::Done if unchanged => resume::mark_done(task, begun.number).map_err(outside)?,
        Fate::Done | Fate::Undone => progress::forget_begun(task.version()).map_err(outside)?,
    }
    transaction::commit().map_err(outside)?;
    Ok(if fate == Fate::Done && unchanged { begun.number } else { task.done() })
}

/// So often a concurrent command is begun anew that was chosen to end a deadlock.
const DEADLOCKS: usize = 5;

/// One statement at top level. One that only builds beside what others do, and was chosen to end a deadlock with one of
/// them, is cleared away and begun anew.
fn top_level(task: &Task, statement: &Statement, interruption: &Interruption, bounded: bool) -> Outcome {
    let outside = |error| Failure::outside(task, error);
    let concurrent = matches!(
        interruption,
        Interruption::ConcurrentIndex { .. }
            | Interruption::ConcurrentReindex
            | Interruption::ConcurrentDrop { .. }
            | Interruption::ConcurrentDetach { .. }
    );
    for _ in 0..DEADLOCKS {
        let failure = match once_at_top_level(task, statement, interruption, bounded) {
            Err(failure) if concurrent && failure.error.sqlstate == Some(SqlState::DEADLOCK_DETECTED) => failure,
            outcome => return outcome,
        };
        transaction::restart().map_err(outside)?;
        report::notice(format!("{}: {}; it is begun anew", task.name(), failure.error.message)).map_err(outside)?;
        let left = ledger::of_version(task.version()).map_err(outside)?.and_then(|m| m.begun);
        let Some(begun) = left else { return Err(failure) };
        if resume::settle(task, &begun)? == Fate::Done {
            resume::mark_done(task, statement.number).map_err(outside)?;
            return transaction::commit().map_err(outside);
        }
        progress::forget_begun(task.version()).map_err(outside)?;
        transaction::commit().map_err(outside)?;
    }
    once_at_top_level(task, statement, interruption, bounded)
}

/// Between two committed marks.
fn once_at_top_level(task: &Task, statement: &Statement, interruption: &Interruption, bounded: bool) -> Outcome {
    let outside = |error| Failure::outside(task, error);
    run::ask_guard(task, statement)?;
    let begun = resume::note(statement.number, &statement.text, interruption).map_err(outside)?;
    if !progress::mark_begun(task.version(), &begun).map_err(outside)? {
        return Err(outside(run::moved_on(task)));
    }
    transaction::commit().map_err(outside)?;
    if *interruption == Interruption::Repeatable && !bounded {
        with_bounded_locks(task, || run::statement(task, statement, Level::TopLevel))?;
    } else {
        run::statement(task, statement, Level::TopLevel)?;
    }
    // From here on it has taken effect; an error is not the statement's.
    transaction::commit().map_err(outside)?;
    check_index(interruption, &begun).map_err(|error| Failure::of(task, statement, error))?;
    resume::mark_done(task, statement.number).map_err(outside)?;
    transaction::commit().map_err(outside)
}

/// `IF NOT EXISTS` over an index that is invalid is not success.
fn check_index(interruption: &Interruption, begun: &Begun) -> Result<()> {
    let (Interruption::ConcurrentIndex { index: Some(index), .. }, Some(table)) = (interruption, begun.target) else {
        return Ok(());
    };
    match indexes::named(table, index)? {
        Some(found) if !found.valid => fail(
            Report::new(code::INVALID_INDEX, format!("index \"{index}\" exists but is invalid"))
                .detail("An earlier attempt to build it failed and left it behind; it is not used by queries.")
                .hint(format!("Drop it, then deploy again:\n{};", indexes::drop_statement(&found))),
        ),
        _ => Ok(()),
    }
}

fn in_doubt(task: &Task, begun: &Begun) -> Box<Report> {
    let version = quoted(task.version());
    Box::new(
        Report::new(code::IN_DOUBT, format!("{} is in doubt", task.name()))
            .detail(format!(
                "Statement {} did not end; it may have taken effect, in part or not at all: {}",
                begun.number,
                script::summary(&begun.text)
            ))
            .hint(format!(
                "Look, then say which:\n\
                 SELECT migrator.resolve({version}, 'applied', 'it took effect');\n\
                 SELECT migrator.resolve({version}, 'pending', 'it did not; run it again');"
            )),
    )
}
