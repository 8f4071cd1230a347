//! What is to be run.

use super::version::Version;
use crate::catalog::ledger::{self, Stored};
use crate::error::{Report, Result, code, fail};

/// What is pending, in order, up to and including `target`. Refused when the target is unknown, or when any stored
/// script no longer has its checksum.
pub fn pending(target: Option<&str>) -> Result<Vec<Stored>> {
    let limit = match target {
        None => None,
        Some(target) => Some(known(target)?.sort_key),
    };
    if let Some((version, stored, actual)) = ledger::tampered()? {
        return fail(
            Report::new(code::TAMPERED, format!("the stored script of migration \"{version}\" was changed"))
                .detail(format!("It was registered with checksum {stored} and now has {actual}."))
                .hint(
                    "Nothing is run until its row in migrator.migration is restored. SELECT * FROM migrator.verify();",
                ),
        );
    }
    ledger::pending(limit.as_deref())
}

/// The registered migration of a version.
pub fn known(version: &str) -> Result<Stored> {
    let checked = Version::new(Some(version))?;
    if let Some(stored) = ledger::of_rank(&checked.sort_key())?
        && stored.version == version
    {
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
