//! The guard: one rule, one file. Each takes what `pg` read from the parse tree and answers with the refusal it would give.

mod add_column_not_null;
mod create_index_blocking;
mod size;

pub use size::Size;

use crate::ddl::GuardedDdl;
use crate::error::{Report, Result, SqlState, code};
use crate::pg;
use crate::settings::{self, GuardMode};

/// What a rule found.
pub struct Finding {
    /// The rule's id, as it stands in brackets in the message.
    pub rule: &'static str,
    pub message: String,
    pub detail: String,
    /// Statements to type instead, each on a line of its own.
    pub hint: String,
    pub schema: String,
    pub table: String,
    pub column: Option<String>,
}

/// Whether there is anything to check now.
pub fn is_on() -> bool {
    settings::guard() != GuardMode::Off && !pg::event_trigger::is_restoring()
}

/// Refuses, or warns about, a statement that is about to run.
pub fn check(ddl: &GuardedDdl) -> Result<()> {
    let finding = match ddl {
        GuardedDdl::AddRequiredColumns { relation, columns, more } => {
            add_column_not_null::find(relation, columns, *more)?
        }
        GuardedDdl::CreateIndex { relation, index } => create_index_blocking::find(relation, index)?,
    };
    let Some(finding) = finding else { return Ok(()) };
    match settings::guard() {
        GuardMode::Enforce => Err(Box::new(report(finding, code::GUARD))),
        GuardMode::Warn => pg::report::warning(&report(finding, SqlState::WARNING)),
        GuardMode::Off => Ok(()),
    }
}

fn report(finding: Finding, sqlstate: SqlState) -> Report {
    Report {
        schema: Some(finding.schema),
        table: Some(finding.table),
        column: finding.column,
        ..Report::new(sqlstate, format!("{} [{}]", finding.message, finding.rule))
            .detail(finding.detail)
            .hint(finding.hint)
    }
}
