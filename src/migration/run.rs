//! Running statements, and what is known when one fails.

use crate::catalog::events::{At, Attempt};
use crate::catalog::ledger::Stored;
use crate::catalog::{ddl_log, session};
use crate::ddl::{Interruption, Nature};
use crate::error::{Error, Report, Result, SqlState, code};
use crate::guard::{self, policy};
use crate::migration::lock::Current;
use crate::migration::script::Statement;
use crate::migration::task::{Direction, Task};
use crate::pg::portal::{self, Level};
use crate::pg::report;
use crate::pg::settings_scope::SettingsScope;
use crate::pg::statement_timer::{self, Suspended};
use crate::settings;

/// A migration that could not be finished: the error as it was raised, and the statement that raised it.
#[derive(Debug)]
pub struct Failure {
    pub statement: Option<Statement>,
    pub error: Error,
    /// The script's name and number of statements, for CONTEXT.
    script: String,
    statements: usize,
}

impl Failure {
    /// A failure outside any statement (COMMIT, the ledger).
    pub fn outside(task: &Task, error: Error) -> Box<Self> {
        Box::new(Self { statement: None, error, script: task.name(), statements: task.script.statements.len() })
    }

    /// A failure of a statement.
    pub fn of(task: &Task, statement: &Statement, error: Error) -> Box<Self> {
        Box::new(Self { statement: Some(statement.clone()), ..*Self::outside(task, error) })
    }

    /// Writes it to the history, unaltered.
    pub fn record(&self, attempt: &Attempt, seconds: f64) -> Result<()> {
        attempt.failed(seconds, self.at(), &self.error)
    }

    /// The same from a transaction that will be rolled back.
    pub fn record_in_lost_transaction(&self, attempt: &Attempt, seconds: f64) -> Result<()> {
        attempt.failed_in_lost_transaction(seconds, self.at(), &self.error)
    }

    fn at(&self) -> Option<At<'_>> {
        self.statement.as_ref().map(|s| At { number: s.number, line: s.line, text: &s.text })
    }

    /// Tells the client that the history does not know of it.
    pub fn warn_unrecorded(&self, unrecorded: Error) -> Result<()> {
        let warning = Report::new(SqlState::WARNING, "the failure could not be written to the history");
        report::warning(&Report { hint: unrecorded.hint, ..warning.detail(format!("{}.", unrecorded.message)) })
    }

    /// The error for the client: nothing of it changed, one line of CONTEXT added below its own, as an outer
    /// function would, that names migration and statement.
    pub fn raised(self) -> Error {
        let (script, count) = (&self.script, self.statements);
        let mut error = self.error;
        match &self.statement {
            None => Box::new(error.within(script)),
            Some(statement) => {
                // A statement that came from elsewhere keeps the position it had in its own text.
                *error = error.in_statement(&statement.text);
                let (number, line, summary) = (statement.number, statement.line, statement.summary());
                Box::new(error.within(&format!("{script}, statement {number} of {count} (line {line}): {summary}")))
            }
        }
    }
}

/// What running something ends with.
pub type Outcome = std::result::Result<(), Box<Failure>>;

/// Runs one statement. At top level the guard has been asked before, see [`ask_guard`].
pub fn statement(task: &Task, statement: &Statement, level: Level) -> Outcome {
    if level == Level::InTransaction {
        ask_guard(task, statement)?;
    }
    let _current = Current::enter(task, statement.number);
    run_in_time(task, statement, level).map_err(|error| Failure::of(task, statement, error))
}

/// A script that sets statement_timeout means each of its statements, as psql would.
fn run_in_time(task: &Task, statement: &Statement, level: Level) -> Result<()> {
    let run = || portal::run(&statement.text, level);
    // A backfill has its batches in time itself.
    if !task.script.sets_statement_timeout() || statement.nature == Nature::TopLevel(Interruption::Backfill) {
        return run();
    }
    let (result, is_over) = statement_timer::within(statement_timer::of_session(), run);
    result.map_err(|mut error| {
        if is_over {
            error.message = "canceling statement due to statement timeout".into();
        }
        error
    })
}

/// Asks the guard about a statement for which Postgres fires no event. It looks into the catalogue, so a statement that
/// begins transactions of its own needs a new one afterwards.
pub fn ask_guard(task: &Task, statement: &Statement) -> Outcome {
    let _current = Current::enter(task, statement.number);
    guard::runs(&statement.text).map_err(|error| Failure::of(task, statement, error))
}

/// Runs all statements in the current transaction and marks the migration. SETs end with it; lock waits are bounded by
/// `migrator.lock_timeout`.
pub fn in_one_transaction(task: &Task, attempt: &Attempt, seconds: impl Fn() -> f64) -> Outcome {
    let outside = |error| Failure::outside(task, error);
    // Ends after the scope, with the session's own limit.
    let _suspended = task.script.sets_statement_timeout().then(Suspended::begin);
    let scope = SettingsScope::open();
    session::set_lock_timeout(settings::lock_timeout()).map_err(outside)?;
    for s in &task.script.statements {
        statement(task, s, Level::InTransaction)?;
    }
    // What is deferred runs with the role and the settings of the script, not with those that come back.
    if task.script.statements.iter().any(Statement::sets) {
        session::check_constraints_at_once().map_err(outside)?;
    }
    drop(scope);
    finish(task, attempt, seconds()).map_err(outside)
}

/// Another session has taken the migration over.
pub fn moved_on(task: &Task) -> Error {
    Box::new(
        Report::new(code::BUSY, format!("another session goes on with migration \"{}\"", task.version()))
            .detail("The advisory lock of the run was released, perhaps by pg_advisory_unlock_all() in a script.")
            .hint("Watch it: SELECT * FROM migrator.status;"),
    )
}

/// Marks it done, in the ledger and in the history.
pub fn finish(task: &Task, attempt: &Attempt, seconds: f64) -> Result<()> {
    task.mark_finished(attempt, seconds)?;
    if task.direction == Direction::Up { report_unneeded(&task.migration) } else { Ok(()) }
}

/// What it was allowed to break and did not: a permission that nobody needs is one to take away.
fn report_unneeded(migration: &Stored) -> Result<()> {
    let allowed = migration.allow.as_deref().unwrap_or_default();
    if allowed.is_empty() {
        return Ok(());
    }
    let used = ddl_log::allowed_in(&migration.version)?;
    for rule in allowed.iter().filter(|rule| !used.contains(rule) && !policy::was_used(&migration.version, rule)) {
        report::notice(format!("migration {}: allow => '{{{rule}}}' was not needed", migration.version))?;
    }
    Ok(())
}
