//! What to do about a top-level statement that was interrupted: the catalogue knows more than the ledger.

use crate::catalog::indexes::{self, Index};
use crate::catalog::ledger::Stored;
use crate::ddl::Interruption;
use crate::error::Result;
use crate::pg::portal::{self, Level};
use crate::pg::{report, transaction};

/// How to go on with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Run it (again).
    Run,
    /// It took effect.
    Done,
    /// Only a person can know.
    InDoubt,
}

/// What to remember before such a statement begins.
pub fn indexes_before(interruption: &Interruption) -> Result<Option<String>> {
    match interruption {
        Interruption::ConcurrentIndex { table, .. } => indexes::of_table(table),
        Interruption::ConcurrentReindex => indexes::invalid(),
        _ => Ok(None),
    }
}

/// Looks at what an interrupted statement left behind and clears it away.
pub fn after_interruption(migration: &Stored, interruption: &Interruption) -> Result<Step> {
    let before = migration.running_indexes.as_deref().unwrap_or("{}");
    match interruption {
        Interruption::ConcurrentIndex { table, index } => {
            let mut left = indexes::new_of_table(table, before)?;
            if let Some(index) = index {
                left.retain(|i| i.name == *index);
            }
            if left.iter().any(|i| i.valid) {
                return Ok(Step::Done);
            }
            drop_all(migration, &left)?;
            Ok(Step::Run)
        }
        Interruption::ConcurrentReindex => {
            drop_all(migration, &indexes::new_copies(before)?)?;
            Ok(Step::Run)
        }
        Interruption::ConcurrentDrop { index } => Ok(if indexes::exists(index)? { Step::Run } else { Step::Done }),
        Interruption::Repeatable => Ok(Step::Run),
        Interruption::Unknowable => Ok(Step::InDoubt),
    }
}

/// Drops invalid indexes without blocking anybody.
fn drop_all(migration: &Stored, left: &[Index]) -> Result<()> {
    for index in left {
        report::notice(format!(
            "migration {}: dropping invalid index {}, left by an interrupted run",
            migration.version, index.quoted
        ))?;
        transaction::commit()?;
        portal::run(&indexes::drop_statement(index), Level::TopLevel)?;
        transaction::commit()?;
    }
    Ok(())
}
