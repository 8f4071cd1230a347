//! Registering a migration: checks first, then one row.

use super::lint;
use super::script::{Origin, Script};
use super::version::Version;
use crate::catalog::ledger::{self, Stored};
use crate::error::{Report, Result, code, fail};
use crate::guard::policy;

/// What a caller of `migrator.register` gave.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    pub version: Option<String>,
    pub up: Option<String>,
    pub down: Option<String>,
    pub irreversible: Option<String>,
    pub description: Option<String>,
    /// Rules of the guard that it may break.
    pub allow: Option<Vec<String>>,
    /// Why it may.
    pub reason: Option<String>,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Registered,
    Replaced,
    Unchanged,
}

impl Outcome {
    /// A word for result tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Replaced => "replaced",
            Self::Unchanged => "unchanged",
        }
    }
}

/// Registers a migration, or finds that it is registered already. What the guard finds in it is kept with it and told; it
/// is no reason to refuse it, because tables grow and shrink until it is applied.
pub fn register(given: Registration) -> Result<(Version, Outcome)> {
    let (version, outcome, script) = store(given)?;
    if let Some(script) = script {
        let allow = ledger::of_rank(&version.sort_key())?.and_then(|stored| stored.allow).unwrap_or_default();
        let findings = lint::findings(&script, &allow)?;
        ledger::set_findings(version.as_str(), &lint::to_json(&findings))?;
        lint::warn(version.as_str(), &findings)?;
    }
    Ok((version, outcome))
}

/// Stores it; with the script unless it is applied.
fn store(given: Registration) -> Result<(Version, Outcome, Option<Script>)> {
    let version = Version::new(given.version.as_deref())?;
    let (up, script) = checked(Origin::Up(version.as_str()), given.up)?;
    let irreversible = given.irreversible.filter(|reason| !reason.trim().is_empty());
    let down = match (given.down, &irreversible) {
        (Some(down), None) => Some(checked(Origin::Down(version.as_str()), Some(down))?.0),
        (None, Some(_)) => None,
        (down, _) => return fail(way_back(&version, down.is_some())),
    };
    let (allow, allow_reason) = allowed(&version, given.allow, given.reason)?;
    let mut new = Stored {
        version: version.as_str().to_owned(),
        sort_key: version.sort_key(),
        description: given.description,
        checksum: ledger::checksum(&up)?,
        up,
        down,
        irreversible,
        allow,
        allow_reason,
        statements: script.statements.len(),
        transactional: script.is_transactional(),
        ..Stored::default()
    };
    if ledger::insert(&new)? {
        return Ok((version, Outcome::Registered, Some(script)));
    }
    // The rank is taken, by this version or by another.
    let Some(old) = ledger::of_rank(&new.sort_key)? else {
        return fail(
            Report::new(code::BUSY, format!("migration \"{}\" was changed by another session meanwhile", new.version))
                .hint("Register it again."),
        );
    };
    if old.version != new.version {
        return fail(
            Report::new(
                code::INVALID_VERSION,
                format!("version \"{}\" is equal in rank to \"{}\"", new.version, old.version),
            )
            .detail("Runs of digits compare as numbers, so leading zeros do not make another version.")
            .hint(format!("Use \"{}\" for that migration, or choose another version for this one.", old.version)),
        );
    }
    if old.is_same(&new) {
        return Ok((version, Outcome::Unchanged, (old.state != "applied").then_some(script)));
    }
    may_replace(&old, &new, &script)?;
    new.statements_done = old.statements_done;
    if !ledger::replace(&new, &old)? {
        return fail(
            Report::new(code::BUSY, format!("migration \"{}\" is being applied", new.version))
                .hint("Wait for it: SELECT * FROM migrator.status;"),
        );
    }
    let pending = old.state != "applied";
    Ok((version, Outcome::Replaced, pending.then_some(script)))
}

/// A script's text, and the script if it can be run.
fn checked(origin: Origin<'_>, text: Option<String>) -> Result<(String, Script)> {
    let text = text.unwrap_or_default();
    // A byte order mark, as Windows editors write it, is not SQL; psql skips it as well.
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    let script = Script::parse(origin, &text)?;
    Ok((text, script))
}

/// The rules that a migration may break, and why: no override without a reason.
fn allowed(
    version: &Version,
    allow: Option<Vec<String>>,
    reason: Option<String>,
) -> Result<(Option<Vec<String>>, Option<String>)> {
    let Some(mut rules) = allow else { return Ok((None, None)) };
    policy::check_names(&rules)?;
    rules.sort();
    rules.dedup();
    let reason = reason.filter(|reason| !reason.trim().is_empty() && !rules.is_empty());
    if reason.is_none() && !rules.is_empty() {
        return fail(
            Report::new(
                code::INVALID_ARGUMENT,
                format!("migration \"{}\" is allowed to break a rule without a reason", version.as_str()),
            )
            .detail(format!("allow => {{{}}}, but reason is empty.", rules.join(",")))
            .hint("Give reason => 'why this is safe here'; it is kept in the ledger."),
        );
    }
    Ok((Some(rules), reason))
}

fn way_back(version: &Version, both: bool) -> Report {
    let found =
        if both { "Both down and irreversible were given." } else { "Neither down nor irreversible was given." };
    Report::new(
        code::WAY_BACK,
        format!("migration \"{}\" needs exactly one of down and irreversible", version.as_str()),
    )
    .detail(found)
    .hint("Give down => 'the SQL that undoes it', or irreversible => 'why it cannot be undone'.")
}

/// Applied is applied. Of a migration that stopped half-way, the statements that ran must stay as they are.
fn may_replace(old: &Stored, new: &Stored, script: &Script) -> Result<()> {
    if old.checksum == new.checksum {
        return Ok(());
    }
    if old.state == "applied" {
        return fail(edited(old, &new.checksum));
    }
    if old.statements_done == 0 {
        return Ok(());
    }
    let before = Script::parse(Origin::Up(&old.version), &old.up)?;
    let done = old.statements_done;
    let same =
        before.statements.iter().take(done).map(|s| &s.text).eq(script.statements.iter().take(done).map(|s| &s.text));
    if same {
        return Ok(());
    }
    fail(
        Report::new(code::IMMUTABLE, format!("migration \"{}\" is applied in part", old.version))
            .detail(format!("{} done; the new script changes that.", statements(done, "is", "are")))
            .hint("Leave what is done as it was, and correct what follows."),
    )
}

/// `Statement 1 is` or `Statements 1 to 3 are`.
fn statements(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("Statement 1 {one}") } else { format!("Statements 1 to {count} {many}") }
}

/// The refusal of an applied and then edited migration.
fn edited(old: &Stored, new_checksum: &str) -> Report {
    Report::new(code::IMMUTABLE, format!("migration \"{}\" is applied and cannot be changed", old.version))
        .detail(format!(
            "Applied {} by {} with checksum {}; the script given now has checksum {new_checksum}.",
            old.applied_at.as_deref().unwrap_or("at an unknown time"),
            old.applied_by.as_deref().unwrap_or("an unknown role"),
            old.checksum,
        ))
        .hint("Restore the script as it was, and put the change into a new migration.")
}
