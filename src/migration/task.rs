//! What is to be run: a migration in one of its two directions.

use super::script::{Origin, Script};
use crate::catalog::events::Attempt;
use crate::catalog::ledger::{Begun, Stored};
use crate::catalog::progress;
use crate::error::{Report, Result, code, fail};

/// Which script of a migration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// What it does.
    Up,
    /// What undoes it.
    Down,
}

impl Direction {
    /// What a migration is when that script is done.
    pub fn participle(self) -> &'static str {
        match self {
            Self::Up => "applied",
            Self::Down => "reverted",
        }
    }
}

/// One script to run, with the migration it belongs to as it was read.
#[derive(Clone, Debug)]
pub struct Task {
    pub migration: Stored,
    pub direction: Direction,
    pub script: Script,
}

impl Task {
    /// Parses the stored script once more; it parsed when it was registered.
    pub fn new(migration: Stored, direction: Direction) -> Result<Self> {
        let script = match direction {
            Direction::Up => Script::parse(Origin::Up(&migration.version), &migration.up)?,
            Direction::Down => {
                let down = migration.down.as_deref().unwrap_or_default();
                Script::parse(Origin::Down(&migration.version), down)?
            }
        };
        Ok(Self { migration, direction, script })
    }

    /// The migration's version.
    pub fn version(&self) -> &str {
        &self.migration.version
    }

    /// The checksum of the script that runs.
    pub fn checksum(&self) -> &str {
        match self.direction {
            Direction::Up => &self.migration.checksum,
            Direction::Down => self.migration.down_checksum.as_deref().unwrap_or_default(),
        }
    }

    /// How many of its statements earlier runs have committed, one by one.
    pub fn done(&self) -> usize {
        if self.marks_are_ours() { self.migration.statements_done } else { 0 }
    }

    /// A top-level statement that an earlier run began and was not seen to end.
    pub fn begun(&self) -> Option<&Begun> {
        self.migration.begun.as_ref().filter(|_| self.marks_are_ours())
    }

    fn marks_are_ours(&self) -> bool {
        self.migration.reverting == (self.direction == Direction::Down)
    }

    /// Whether nothing of it is done, and it can run in one transaction.
    pub fn runs_in_one_transaction(&self) -> bool {
        self.script.is_transactional() && self.done() == 0 && self.begun().is_none()
    }

    /// The attempt that was handed to a background worker.
    pub fn scheduled_attempt(&self) -> Option<i64> {
        self.migration.scheduled_attempt
    }

    /// What it is when it is done.
    pub fn participle(&self) -> &'static str {
        self.direction.participle()
    }

    /// For CONTEXT: `migration "003"`, `down script of migration "003"`.
    pub fn name(&self) -> String {
        match self.direction {
            Direction::Up => format!("migration \"{}\"", self.version()),
            Direction::Down => format!("down script of migration \"{}\"", self.version()),
        }
    }

    /// Marks it as being run by this session; false when it was changed since it was read.
    pub fn mark_running(&self) -> Result<bool> {
        match self.direction {
            Direction::Up => progress::mark_running(&self.migration),
            Direction::Down => progress::mark_reverting(&self.migration),
        }
    }

    /// Marks it done, in the ledger and in the history; an error when its script was replaced meanwhile.
    pub fn mark_finished(&self, attempt: &Attempt, seconds: f64) -> Result<()> {
        let marked = match self.direction {
            Direction::Up => progress::mark_applied(self.version(), self.checksum(), attempt.role(), seconds)?,
            Direction::Down => progress::mark_reverted(&self.migration)?,
        };
        if !marked {
            return fail(
                Report::new(code::BUSY, format!("migration \"{}\" was changed while it ran", self.version()))
                    .detail("Another session replaced its script, or decided about it.")
                    .hint("Run it again; what is registered now will be run."),
            );
        }
        match self.direction {
            Direction::Up => attempt.applied(seconds),
            Direction::Down => attempt.reverted(seconds),
        }
    }
}
