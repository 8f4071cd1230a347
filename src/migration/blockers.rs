//! Who was in the way of a statement that got no lock.

use super::plan::waits_for;
use super::run::Failure;
use super::task::Task;
use crate::error::Result;
use crate::guard::script::Look;
use crate::guard::waited_for;
use crate::pg::{subtransaction, transaction};

/// Who holds what a statement asked for, and how to go on.
#[derive(Debug, Default)]
pub struct Blockers {
    /// Process, role, age and query of each, one a line.
    pub names: Option<String>,
    /// Statements that end them.
    pub ended_by: Vec<String>,
}

/// Looks for them after the rollback, when this session does not wait any more: whoever holds a lock on what the statement
/// locks. Nothing is found when they have gone, or when the statement was not the one. Ends its transaction, so that nothing
/// is held afterwards.
pub fn of(task: &Task, failure: &Failure) -> Result<Blockers> {
    let found = subtransaction::contained(|| look(task, failure));
    transaction::restart()?;
    // To name them is a service; the failure is what counts.
    Ok(found.unwrap_or_default())
}

fn look(task: &Task, failure: &Failure) -> Result<Blockers> {
    let Some(statement) = &failure.statement else { return Ok(Blockers::default()) };
    let mut look = Look::ahead();
    look.turn_to(task.script.is_transactional(), &[]);
    if task.runs_in_one_transaction() {
        // They were rolled back with it.
        for earlier in &task.script.statements[..statement.number - 1] {
            look.skip(&earlier.text)?;
        }
    }
    let (ddl, _) = look.facts(&statement.text, false)?;
    let sessions = waited_for(&ddl)?;
    let ended_by = sessions.iter().filter_map(|s| s.ended_by()).collect();
    Ok(Blockers { names: waits_for(&sessions), ended_by })
}

impl Blockers {
    /// For a message's DETAIL.
    pub fn detail(&self) -> String {
        self.names.as_ref().map_or_else(
            || "Who held the lock has gone meanwhile, or holds it on a row.".to_owned(),
            |names| format!("In the way:\n{names}"),
        )
    }

    /// Adds what is known to an error that says nothing of its own.
    pub fn explain(&self, failure: &mut Failure) {
        failure.error.detail.get_or_insert_with(|| self.detail());
        failure.error.hint.get_or_insert_with(|| {
            if self.ended_by.is_empty() {
                "Run it again.".to_owned()
            } else {
                format!("Run it again when they are gone. To end what they do:\n{}", self.ended_by.join("\n"))
            }
        });
    }
}
