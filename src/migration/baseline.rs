//! Adopting a database that has been migrated by other means.

use super::version::Version;
use super::{lock, quoted};
use crate::catalog::events::Attempt;
use crate::catalog::ledger::{self, Stored};
use crate::catalog::progress;
use crate::error::{Report, Result, code, fail};

/// Marks everything up to a version as applied without running it, and says so in the history. A version that is not
/// registered is: without a script. Returns a sentence for the person who called.
pub fn baseline(version: Option<&str>, description: Option<&str>) -> Result<String> {
    let version = Version::new(version)?;
    lock::transaction_lock()?;
    progress::settle_reverts()?;
    let target = match ledger::of_version(version.as_str())? {
        Some(target) => target,
        None => placeholder(&version, description)?,
    };
    if let Some(open) =
        ledger::pending(Some(&target.sort_key))?.iter().find(|m| m.statements_done > 0 || m.begun.is_some())
    {
        return fail(
            Report::new(code::INVALID_ARGUMENT, format!("migration \"{}\" is done in part", open.version))
                .detail("A baseline is for what was never run here.")
                .hint(format!(
                    "Finish it, or say that it took effect:\nCALL migrator.deploy({0});\n\
                     SELECT migrator.resolve({0}, 'applied', 'what you found');",
                    quoted(&open.version)
                )),
        );
    }
    let reason = description.map_or_else(|| format!("baseline {}", version.as_str()), str::to_owned);
    let marked = progress::mark_baseline(&target.sort_key)?;
    for (version, checksum) in &marked {
        Attempt::new(version, checksum, "baseline")?.baseline(&reason)?;
    }
    Ok(match marked.len() {
        0 => format!("everything up to {} is applied already", version.as_str()),
        1 => format!("1 migration counts as applied, up to {}; it was not run", version.as_str()),
        n => format!("{n} migrations count as applied, up to {}; none was run", version.as_str()),
    })
}

/// The row of a baseline that stands for everything before it.
fn placeholder(version: &Version, description: Option<&str>) -> Result<Stored> {
    let new = Stored {
        version: version.as_str().to_owned(),
        sort_key: version.rank(false),
        description: description.map(str::to_owned),
        checksum: ledger::checksum("")?,
        irreversible: Some("baseline: there is no script".to_owned()),
        transactional: true,
        ..Stored::default()
    };
    if ledger::insert(&new)? {
        return Ok(new);
    }
    let other = ledger::of_rank(&new.sort_key)?.map(|m| m.version).unwrap_or_default();
    fail(
        Report::new(code::INVALID_VERSION, format!("version \"{}\" is equal in rank to \"{other}\"", new.version))
            .detail("Runs of digits compare as numbers, so leading zeros do not make another version.")
            .hint(format!("SELECT migrator.baseline({});", quoted(&other))),
    )
}
