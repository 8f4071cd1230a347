//! `CALL migrator.deploy(...)`: each migration in its own transaction, top-level statements at top level.

use std::time::Instant;

use super::lock::{self, Running};
use super::resume::{self, Fate};
use super::run::{self, Failure, Outcome};
use super::script::Statement;
use super::{apply, backoff, queue, script};
use crate::catalog::events::Attempt;
use crate::catalog::ledger::{self, Begun, Stored};
use crate::catalog::{indexes, session};
use crate::ddl::{Interruption, Nature};
use crate::error::{Report, Result, code, fail};
use crate::guard;
use crate::pg::portal::Level;
use crate::pg::{report, transaction, wait};
use crate::settings;

/// Applies what is pending up to `target`. The caller has checked that this is a direct top-level CALL.
pub fn deploy(target: Option<&str>) -> Result<()> {
    let _running = Running::enter()?;
    transaction::commit()?;
    let _lock = lock::wait_for_session_lock()?;
    transaction::commit()?;
    let pending = queue::pending(target)?;
    let begun = Instant::now();
    let mut applied = Vec::new();
    for migration in &pending {
        if let Some(current) = take(migration)? {
            deploy_one(&current)?;
            applied.push(current);
        }
    }
    // A single one has been announced already.
    if applied.len() == 1 { Ok(()) } else { report::notice(apply::summary(&applied, begun.elapsed().as_secs_f64())) }
}

/// Reads the migration again, whose script may have been replaced while others ran, and marks it as running in the same
/// transaction. `None` when it is applied or gone meanwhile.
fn take(pending: &Stored) -> Result<Option<Stored>> {
    loop {
        let Some(current) = ledger::of_rank(&pending.sort_key)?.filter(|m| m.state != "applied") else {
            return Ok(None);
        };
        if ledger::mark_running(&current)? {
            return Ok(Some(current));
        }
        transaction::commit()?;
    }
}

/// One migration: its start is committed first, its end with its last statement, its failure after the rollback.
fn deploy_one(migration: &Stored) -> Result<()> {
    let begun = Instant::now();
    let seconds = || begun.elapsed().as_secs_f64();
    let attempt = Attempt::new(&migration.version, &migration.checksum, "deploy")?;
    attempt.started()?;
    transaction::commit()?;
    let before = settings_before(migration)?;
    let outcome = if migration.runs_in_one_transaction() {
        with_retries(migration, || {
            run::in_one_transaction(migration, &attempt, seconds)?;
            transaction::commit().map_err(|e| Failure::outside(migration, e))
        })
    } else {
        statement_by_statement(migration, &attempt, seconds)
    };
    match outcome {
        Ok(()) => restore(&before).and_then(|()| {
            report::notice(format!(
                "migration {} applied: {} in {:.2} s",
                migration.version,
                statements(migration.statements),
                seconds()
            ))
        }),
        Err(failure) => {
            let recorded = record_failure(migration, &attempt, &failure, seconds());
            if let Err(unrecorded) = recorded.and_then(|()| restore(&before)) {
                failure.warn_unrecorded(unrecorded)?;
            }
            Err(failure.raised())
        }
    }
}

/// What the SETs of a migration will change. Of one that runs in one transaction they end with it anyway.
fn settings_before(migration: &Stored) -> Result<Vec<(String, String)>> {
    let mut before = Vec::new();
    if !migration.runs_in_one_transaction() {
        for name in run::script_of(migration)?.statements.into_iter().filter_map(|s| s.setting) {
            if let Some(value) = session::setting(&name)? {
                before.push((name, value));
            }
        }
        transaction::commit()?;
    }
    Ok(before)
}

/// Puts them back, the first change last.
fn restore(before: &[(String, String)]) -> Result<()> {
    for (name, value) in before.iter().rev() {
        session::set(name, value)?;
    }
    if before.is_empty() { Ok(()) } else { transaction::commit() }
}

fn statements(count: usize) -> String {
    if count == 1 { "1 statement".to_owned() } else { format!("{count} statements") }
}

/// Rolls back and writes what happened. What was noted of a top-level statement stays, for the next run to settle, unless
/// its error says that it left nothing.
fn record_failure(migration: &Stored, attempt: &Attempt, failure: &Failure, seconds: f64) -> Result<()> {
    transaction::restart()?;
    failure.record(attempt, seconds)?;
    let in_doubt = failure.error.sqlstate == Some(code::IN_DOUBT);
    if let Some(Nature::TopLevel(interruption)) = failure.statement.as_ref().map(|s| &s.nature)
        && !in_doubt
        && resume::error_undoes(interruption, &failure.error)
    {
        ledger::forget_begun(&migration.version)?;
    }
    ledger::mark_failed(&migration.version)?;
    transaction::commit()
}

/// Repeats `work` while it fails for want of a lock, or because the guard will not have it queue for one: rolled back, nothing held while pausing.
fn with_retries(migration: &Stored, work: impl Fn() -> Outcome) -> Outcome {
    let outside = |error| Failure::outside(migration, error);
    let mut retry = 0;
    loop {
        let failure = match work() {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        retry += 1;
        let passes = failure.error.is_transient() || guard::may_pass(&failure.error);
        if !passes || retry > settings::lock_retries() {
            return Err(failure);
        }
        transaction::restart().map_err(outside)?;
        let pause = backoff::pause(retry);
        report::notice(format!(
            "migration {}: {}; retry {retry} of {} in {:.1} s",
            migration.version,
            failure.error.message,
            settings::lock_retries(),
            pause.as_secs_f64()
        ))
        .map_err(outside)?;
        wait::sleep(pause).map_err(outside)?;
    }
}

/// A migration with statements that cannot share a transaction: each is committed with its mark in the ledger, and
/// the next run goes on behind the last mark.
fn statement_by_statement(migration: &Stored, attempt: &Attempt, seconds: impl Fn() -> f64) -> Outcome {
    let outside = |error| Failure::outside(migration, error);
    let script = run::script_of(migration).map_err(outside)?;
    let done = settled(migration, &script.statements)?;
    for statement in &script.statements {
        wait::check_interrupts().map_err(outside)?;
        if statement.number <= done {
            // What an earlier run SET ended with its session.
            if statement.setting.is_some() {
                run::statement(migration, statement, Level::InTransaction)?;
                transaction::commit().map_err(outside)?;
            }
            continue;
        }
        // Unless the script has set a bound of its own.
        let bounded =
            script.statements[..statement.number].iter().any(|s| s.setting.as_deref() == Some("lock_timeout"));
        match &statement.nature {
            Nature::TopLevel(interruption) => top_level(migration, statement, interruption, bounded)?,
            Nature::Transactional | Nature::Unsupported(_) => with_retries(migration, || {
                if !bounded {
                    session::set_lock_timeout(settings::lock_timeout()).map_err(outside)?;
                }
                run::statement(migration, statement, Level::InTransaction)?;
                resume::mark_done(migration, statement.number).map_err(outside)?;
                transaction::commit().map_err(outside)
            })?,
        }
    }
    run::finish(migration, attempt, seconds()).map_err(outside)?;
    transaction::commit().map_err(outside)
}

/// How many statements are done, after settling one that was begun and not seen to end.
fn settled(migration: &Stored, statements: &[Statement]) -> std::result::Result<usize, Box<Failure>> {
    let outside = |error| Failure::outside(migration, error);
    let Some(begun) = &migration.begun else { return Ok(migration.statements_done) };
    // The statement as it is now may be a corrected one.
    let unchanged = statements.get(begun.number - 1).is_some_and(|s| s.text == begun.text);
    let fate = resume::settle(migration, begun).map_err(outside)?;
    match fate {
        Fate::Unknown => return Err(outside(in_doubt(migration, begun))),
        Fate::Done if unchanged => resume::mark_done(migration, begun.number).map_err(outside)?,
        Fate::Done | Fate::Undone => ledger::forget_begun(&migration.version).map_err(outside)?,
    }
    transaction::commit().map_err(outside)?;
    Ok(if fate == Fate::Done && unchanged { begun.number } else { migration.statements_done })
}

/// One statement at top level, between two committed marks.
fn top_level(migration: &Stored, statement: &Statement, interruption: &Interruption, bounded: bool) -> Outcome {
    let outside = |error| Failure::outside(migration, error);
    run::ask_guard(migration, statement)?;
    let begun = resume::note(statement.number, &statement.text, interruption).map_err(outside)?;
    if !ledger::mark_begun(&migration.version, &begun).map_err(outside)? {
        return Err(outside(run::moved_on(migration)));
    }
    transaction::commit().map_err(outside)?;
    if *interruption == Interruption::Repeatable && !bounded {
        with_bounded_locks(migration, || run::statement(migration, statement, Level::TopLevel))?;
    } else {
        run::statement(migration, statement, Level::TopLevel)?;
    }
    // From here on it has taken effect; an error is not the statement's.
    transaction::commit().map_err(outside)?;
    check_index(interruption, &begun).map_err(|error| Failure::of(migration, statement, error))?;
    resume::mark_done(migration, statement.number).map_err(outside)?;
    transaction::commit().map_err(outside)
}

/// VACUUM FULL, CLUSTER and the like queue for ACCESS EXCLUSIVE: bounded and tried again, as everything else. The bound is
/// the session's while they run, because they begin transactions of their own.
fn with_bounded_locks(migration: &Stored, work: impl Fn() -> Outcome) -> Outcome {
    let outside = |error| Failure::outside(migration, error);
    let bound = settings::lock_timeout();
    if bound.is_zero() {
        return work();
    }
    let before = session::setting("lock_timeout").map_err(outside)?.unwrap_or_default();
    let set = |value: &str| session::set("lock_timeout", value).and_then(|()| transaction::commit()).map_err(outside);
    set(&bound.as_millis().to_string())?;
    let outcome = with_retries(migration, || {
        work()?;
        transaction::commit().map_err(outside)
    });
    if outcome.is_err() {
        transaction::restart().map_err(outside)?;
    }
    set(&before)?;
    outcome
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

fn in_doubt(migration: &Stored, begun: &Begun) -> Box<Report> {
    let version = migration.version.replace('\'', "''");
    Box::new(
        Report::new(code::IN_DOUBT, format!("migration \"{}\" is in doubt", migration.version))
            .detail(format!(
                "Statement {} did not end; it may have taken effect, in part or not at all: {}",
                begun.number,
                script::summary(&begun.text)
            ))
            .hint(format!(
                "Look, then say which:\n\
                 SELECT migrator.resolve('{version}', 'applied', 'it took effect');\n\
                 SELECT migrator.resolve('{version}', 'pending', 'it did not; run it again');"
            )),
    )
}
