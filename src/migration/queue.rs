//! What is to be run.

use super::task::{Direction, Task};
use super::version::Version;
use super::{order, quoted};
use crate::catalog::ledger::{self, Stored};
use crate::error::{Report, Result, code, fail};
use crate::settings;

/// What a caller wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Everything pending up to and including a version; all when `None`.
    Apply(Option<String>),
    /// Revert a version and everything applied after it, or only what came after it.
    Revert { target: String, including: bool },
}

impl Wish {
    /// What is to be run, in order.
    pub fn queue(&self) -> Result<Vec<Stored>> {
        match self {
            Self::Apply(target) => pending(target.as_deref()),
            Self::Revert { target, including } => to_revert(target, *including),
        }
    }

    /// Which scripts.
    pub fn direction(&self) -> Direction {
        match self {
            Self::Apply(_) => Direction::Up,
            Self::Revert { .. } => Direction::Down,
        }
    }

    /// The SQL function that does it in the caller's transaction.
    pub fn function(&self) -> &'static str {
        match self {
            Self::Apply(_) => "apply",
            Self::Revert { .. } => "revert",
        }
    }

    /// The SQL procedure that does it in transactions of its own.
    pub fn procedure(&self) -> &'static str {
        match self {
            Self::Apply(_) => "deploy",
            Self::Revert { .. } => "revert_to",
        }
    }

    /// Reads a queued migration again, whose script may have been replaced while others ran. `None` when nothing is to be
    /// done about it any more.
    pub fn task(&self, queued: &Stored) -> Result<Option<Task>> {
        let current = ledger::of_version(&queued.version)?;
        let current = current.filter(|m| match self {
            Self::Apply(_) => !m.is_applied(),
            Self::Revert { .. } => m.is_applied() && m.down.is_some(),
        });
        current.map(|migration| Task::new(migration, self.direction())).transpose()
    }
}

/// What is pending, in order, up to and including `target`. Refused when the target is unknown, when any stored script no
/// longer has its checksum, when one is half reverted, or out of order.
pub fn pending(target: Option<&str>) -> Result<Vec<Stored>> {
    let limit = match target {
        None => None,
        Some(target) => Some(known(target)?.sort_key),
    };
    check_scripts()?;
    let pending = ledger::pending(limit.as_deref())?;
    if let Some(half) = pending.iter().find(|m| m.is_half_reverted()) {
        return fail(
            Report::new(code::IN_DOUBT, format!("migration \"{}\" is reverted in part", half.version))
                .detail(format!("{} of the statements of its down script are done.", half.statements_done))
                .hint(format!(
                    "Finish that, or look and say what it is now:\n\
                     CALL migrator.revert_to({0}, including => true);\n\
                     SELECT migrator.resolve({0}, 'applied', 'it is as before');\n\
                     SELECT migrator.resolve({0}, 'pending', 'nothing of it is left');",
                    quoted(&half.version)
                )),
        );
    }
    order::check(&pending)?;
    Ok(pending)
}

/// What is to be reverted, the last applied first.
fn to_revert(target: &str, including: bool) -> Result<Vec<Stored>> {
    if !settings::allow_revert() {
        return fail(
            Report::new(code::REVERT_OFF, "reverting migrations is not allowed here")
                .detail("migrator.allow_revert is off. In production, a new migration is the way to undo an old one.")
                .hint(
                    "Superusers, and whom they let by GRANT SET ON PARAMETER, may say:\nSET migrator.allow_revert = on;",
                ),
        );
    }
    let target = known(target)?;
    if !target.is_applied() && including {
        return fail(
            Report::new(code::INVALID_ARGUMENT, format!("migration \"{}\" is not applied", target.version))
                .detail(format!("It is {}.", target.state))
                .hint("SELECT version, state FROM migrator.status WHERE state = 'applied';"),
        );
    }
    check_scripts()?;
    let mut queue = if target.repeatable { vec![target.clone()] } else { ledger::applied_from(&target.sort_key)? };
    queue.retain(|m| including || m.version != target.version);
    for migration in &queue {
        if let Some(why) = final_reason(migration) {
            return fail(
                Report::new(code::NO_WAY_BACK, format!("migration \"{}\" cannot be reverted", migration.version))
                    .detail(why)
                    .hint(format!(
                        "Undo it by a new migration, or stop before it: CALL migrator.revert_to({});",
                        quoted(&migration.version)
                    )),
            );
        }
    }
    Ok(queue)
}

/// Why a migration has no way back.
fn final_reason(migration: &Stored) -> Option<String> {
    if migration.baseline {
        return Some("It belongs to the baseline: it was never run here.".to_owned());
    }
    let reason = migration.irreversible.as_ref()?;
    Some(format!("It is irreversible: {reason}"))
}

/// Nothing runs while a stored script no longer has its checksum.
fn check_scripts() -> Result<()> {
    let Some((version, stored, actual)) = ledger::tampered()? else { return Ok(()) };
    fail(
        Report::new(code::TAMPERED, format!("the stored script of migration \"{version}\" was changed"))
            .detail(format!("It was registered with checksum {stored} and now has {actual}."))
            .hint("Nothing is run until its row in migrator.migration is restored. SELECT * FROM migrator.verify();"),
    )
}

/// The registered migration of a version.
pub fn known(version: &str) -> Result<Stored> {
    let checked = Version::new(Some(version))?;
    if let Some(stored) = ledger::of_version(checked.as_str())? {
        return Ok(stored);
    }
    let (count, first, last) = ledger::extent()?;
    let found = if count == 0 {
        "No migration is registered.".to_owned()
    } else {
        format!("{count} are registered, from \"{first}\" to \"{last}\".")
    };
    fail(
        Report::new(code::UNKNOWN_VERSION, format!("migration \"{version}\" is not registered"))
            .detail(found)
            .hint("SELECT version, state FROM migrator.status;"),
    )
}
