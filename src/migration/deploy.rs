//! `CALL migrator.deploy(...)`: each migration in its own transaction, top-level statements at top level.

use std::time::Instant;

use super::lock::{self, Running};
use super::resume::{self, Step};
use super::run::{self, Failure, Outcome};
use super::script::Statement;
use super::{apply, backoff, queue};
use crate::catalog::events::Attempt;
use crate::catalog::ledger::{self, Stored};
use crate::catalog::session;
use crate::ddl::{Interruption, Nature};
use crate::error::{Report, Result, code, fail};
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
    for migration in &pending {
        deploy_one(migration)?;
    }
    // A single one has been announced already.
    if pending.len() == 1 { Ok(()) } else { report::notice(apply::summary(&pending, begun.elapsed().as_secs_f64())) }
}

/// One migration: its start is committed first, its end with its last statement, its failure after the rollback.
fn deploy_one(migration: &Stored) -> Result<()> {
    let begun = Instant::now();
    let seconds = || begun.elapsed().as_secs_f64();
    let attempt = Attempt::new(&migration.version, &migration.checksum, "deploy")?;
    attempt.started()?;
    ledger::mark_running(&migration.version)?;
    transaction::commit()?;
    let before = settings_before(migration)?;
    let outcome = if migration.transactional {
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
    if !migration.transactional {
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

/// Rolls back and writes what happened. What an interrupted concurrent build left behind stays on record.
fn record_failure(migration: &Stored, attempt: &Attempt, failure: &Failure, seconds: f64) -> Result<()> {
    transaction::restart()?;
    failure.record(attempt, seconds)?;
    let keep = failure.error.sqlstate == Some(code::IN_DOUBT)
        || failure.statement.as_ref().is_none_or(|s| match &s.nature {
            // Its error says that it did not take effect; only the commands that leave indexes behind need the record.
            Nature::TopLevel(Interruption::Unknowable | Interruption::Repeatable) => false,
            Nature::TopLevel(_) => true,
            Nature::Transactional | Nature::Unsupported(_) => false,
        });
    ledger::mark_failed(&migration.version, keep)?;
    transaction::commit()
}

/// Repeats `work` while it fails for want of a lock: rolled back, nothing held while pausing.
fn with_retries(migration: &Stored, work: impl Fn() -> Outcome) -> Outcome {
    let outside = |error| Failure::outside(migration, error);
    let mut retry = 0;
    loop {
        let failure = match work() {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        retry += 1;
        if !failure.error.is_transient() || retry > settings::lock_retries() {
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
    for statement in &script.statements {
        wait::check_interrupts().map_err(outside)?;
        if statement.number <= migration.statements_done {
            // What an earlier run SET ended with its session.
            if matches!(statement.tag.as_str(), "SET" | "RESET") {
                run::statement(migration, statement, Level::InTransaction)?;
            }
            continue;
        }
        match &statement.nature {
            Nature::TopLevel(interruption) => top_level(migration, statement, interruption)?,
            Nature::Transactional | Nature::Unsupported(_) => with_retries(migration, || {
                // Unless the script has set a bound of its own.
                if !script.statements[..statement.number].iter().any(|s| s.setting.as_deref() == Some("lock_timeout")) {
                    session::set_lock_timeout(settings::lock_timeout()).map_err(outside)?;
                }
                run::statement(migration, statement, Level::InTransaction)?;
                ledger::mark_done(&migration.version, statement.number).map_err(outside)?;
                transaction::commit().map_err(outside)
            })?,
        }
    }
    run::finish(migration, attempt, seconds()).map_err(outside)?;
    transaction::commit().map_err(outside)
}

/// One statement at top level, between two committed marks.
fn top_level(migration: &Stored, statement: &Statement, interruption: &Interruption) -> Outcome {
    let failed = |error| Failure::of(migration, statement, error);
    let interrupted = migration.running_statement == Some(statement.number);
    let step =
        if interrupted { resume::after_interruption(migration, interruption).map_err(failed)? } else { Step::Run };
    transaction::commit().map_err(failed)?;
    match step {
        Step::Done => {}
        Step::InDoubt => return Err(failed(in_doubt(migration, statement))),
        Step::Run => {
            if !interrupted {
                let indexes = resume::indexes_before(interruption).map_err(failed)?;
                ledger::mark_statement(&migration.version, statement.number, indexes.as_deref()).map_err(failed)?;
                transaction::commit().map_err(failed)?;
            }
            run::statement(migration, statement, Level::TopLevel)?;
            transaction::commit().map_err(failed)?;
            check_index(interruption).map_err(failed)?;
        }
    }
    ledger::mark_done(&migration.version, statement.number).map_err(failed)?;
    transaction::commit().map_err(failed)
}

/// `IF NOT EXISTS` over an index that is invalid is not success.
fn check_index(interruption: &Interruption) -> Result<()> {
    let Interruption::ConcurrentIndex { table, index: Some(index) } = interruption else { return Ok(()) };
    match crate::catalog::indexes::named(table, index)? {
        Some(found) if !found.valid => fail(
            Report::new(code::INVALID_INDEX, format!("index \"{index}\" exists but is invalid"))
                .detail("An earlier attempt to build it failed and left it behind; it is not used by queries.")
                .hint(format!("Drop it, then deploy again:\n{};", crate::catalog::indexes::drop_statement(&found))),
        ),
        _ => Ok(()),
    }
}

fn in_doubt(migration: &Stored, statement: &Statement) -> Box<Report> {
    let version = migration.version.replace('\'', "''");
    Box::new(
        Report::new(code::IN_DOUBT, format!("migration \"{}\" is in doubt", migration.version))
            .detail(format!(
                "Statement {} was interrupted; it may or may not have taken effect: {}",
                statement.number,
                statement.summary()
            ))
            .hint(format!(
                "Look, then say which:\n\
                 SELECT migrator.resolve('{version}', 'applied', 'it took effect');\n\
                 SELECT migrator.resolve('{version}', 'pending', 'it did not; run it again');"
            )),
    )
}
