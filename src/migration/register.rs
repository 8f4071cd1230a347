//! Registering a migration: checks first, then one row.

use super::lint;
use super::order;
use super::script::{Origin, Script, Statement};
use super::version::Version;
use crate::catalog::ledger::{self, Stored};
use crate::catalog::session;
use crate::ddl::Unkept;
use crate::error::{Report, Result, SqlState, code, fail};
use crate::guard::policy;
use crate::pg::settings_scope::SettingsScope;
use crate::settings;

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
    /// Migrations that must be applied before it.
    pub requires: Option<Vec<String>>,
    /// It may change schema and data.
    pub mixed: bool,
    /// It may be applied although a newer one is.
    pub out_of_order: bool,
    /// Applied after the versioned ones, again whenever its script changes.
    pub repeatable: bool,
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
        let stored = ledger::of_version(version.as_str())?.unwrap_or_default();
        let done = if stored.reverting { 0 } else { stored.statements_done };
        let allow = stored.allow.clone().unwrap_or_default();
        let findings = lint::findings(&script, &allow, done)?;
        ledger::set_findings(version.as_str(), &lint::to_json(&findings))?;
        lint::warn(version.as_str(), &findings)?;
        order::tell_missing(&stored)?;
    }
    Ok((version, outcome))
}

/// Stores it; with the script unless it is applied.
fn store(given: Registration) -> Result<(Version, Outcome, Option<Script>)> {
    let version = Version::new(given.version.as_deref())?;
    let (mut new, script) = examined(&version, given)?;
    let old = ledger::of_version(version.as_str())?;
    check_sets(&new, old.as_ref())?;
    if old.is_none() {
        order::check_new(&new)?;
        order::check_requires(&new)?;
        if in_time(&new.version, || ledger::insert(&new))? {
            return Ok((version, Outcome::Registered, Some(script)));
        }
    }
    let Some(old) = ledger::of_version(version.as_str())? else {
        return fail(rank_is_taken(&new)?);
    };
    if old.checksum == new.checksum {
        // What is not said again stays as it is as long as the script does.
        new.out_of_order |= old.out_of_order;
        if new.requires.is_empty() {
            new.requires.clone_from(&old.requires);
        }
    }
    if old.is_same(&new) {
        return Ok((version, Outcome::Unchanged, (!old.is_applied()).then_some(script)));
    }
    may_replace(&old, &new)?;
    if !old.is_applied() {
        order::check_new(&new)?;
    }
    order::check_requires(&new)?;
    if !in_time(&new.version, || ledger::replace(&new, &old))? {
        return fail(
            Report::new(code::BUSY, format!("migration \"{}\" is being applied", new.version))
                .hint("Wait for it: SELECT * FROM migrator.status;"),
        );
    }
    let pending = !old.is_applied() || old.checksum != new.checksum;
    Ok((version, Outcome::Replaced, pending.then_some(script)))
}

/// Another session may be registering that version, or applying it, in a transaction that it leaves open.
fn in_time(version: &str, work: impl FnOnce() -> Result<bool>) -> Result<bool> {
    let _scope = SettingsScope::open();
    session::set_lock_timeout(settings::lock_timeout())?;
    work().map_err(|error| match error.sqlstate {
        Some(SqlState::LOCK_NOT_AVAILABLE) => Box::new(
            Report::new(code::BUSY, format!("migration \"{version}\" is held by another session"))
                .detail("Its transaction has registered or applied that version, and is still open.")
                .hint(
                    "Try again when it has ended. To see who it is:\n\
                     SELECT pid, usename, state, xact_start, query FROM pg_stat_activity WHERE xact_start IS NOT NULL ORDER BY 4;",
                ),
        ),
        _ => error,
    })
}

/// Everything that can be said against a registration without a look at the others.
fn examined(version: &Version, given: Registration) -> Result<(Stored, Script)> {
    let (up, script) = checked(Origin::Up(version.as_str()), given.up)?;
    let mixed = match script.mixes() {
        Some((schema, data)) if !given.mixed => return fail(mixes(version, schema, data)),
        mixes => mixes.is_some(),
    };
    let mut irreversible = given.irreversible.filter(|reason| !reason.trim().is_empty());
    if given.repeatable && given.down.is_none() && irreversible.is_none() {
        irreversible = Some("repeatable: register its previous text again".to_owned());
    }
    let down = match (given.down, &irreversible) {
        (Some(down), None) => Some(checked(Origin::Down(version.as_str()), Some(down))?.0),
        (None, Some(_)) => None,
        (down, _) => return fail(way_back(version, down.is_some())),
    };
    let (allow, allow_reason) = allowed(version, given.allow, given.reason)?;
    let mut requires = given.requires.unwrap_or_default();
    requires.sort();
    requires.dedup();
    let stored = Stored {
        version: version.as_str().to_owned(),
        sort_key: version.rank(given.repeatable),
        description: given.description,
        checksum: ledger::checksum(&up)?,
        up,
        down_checksum: down.as_deref().map(ledger::checksum).transpose()?,
        down,
        irreversible,
        repeatable: given.repeatable,
        requires,
        mixed,
        out_of_order: given.out_of_order,
        allow,
        allow_reason,
        statements: script.statements.len(),
        transactional: script.is_transactional(),
        ..Stored::default()
    };
    Ok((stored, script))
}

/// Why a migration could not be inserted although its version is not there.
fn rank_is_taken(new: &Stored) -> Result<Report> {
    Ok(match ledger::of_rank(&new.sort_key)? {
        Some(other) => Report::new(
            code::INVALID_VERSION,
            format!("version \"{}\" is equal in rank to \"{}\"", new.version, other.version),
        )
        .detail("Runs of digits compare as numbers, so leading zeros do not make another version.")
        .hint(format!("Use \"{}\" for that migration, or choose another version for this one.", other.version)),
        None => {
            Report::new(code::BUSY, format!("migration \"{}\" was changed by another session meanwhile", new.version))
                .hint("Register it again.")
        }
    })
}

/// A script's text, and the script if it can be run.
fn checked(origin: Origin<'_>, text: Option<String>) -> Result<(String, Script)> {
    let text = text.unwrap_or_default();
    // A byte order mark, as Windows editors write it, is not SQL; psql skips it as well.
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    let script = Script::parse(origin, &text)?;
    Ok((text, script))
}

/// Refuses SETs that cannot be kept in a script that is new. One that is stored may be applied; it is as it was.
fn check_sets(new: &Stored, old: Option<&Stored>) -> Result<()> {
    let (up, down) = (Origin::Up(&new.version), Origin::Down(&new.version));
    let is_stored = |text: &str| old.is_some_and(|old| old.up == text || old.down.as_deref() == Some(text));
    for (origin, text) in std::iter::once((up, &new.up)).chain(new.down.iter().map(|text| (down, text))) {
        if is_stored(text) {
            continue;
        }
        let script = Script::parse(origin, text)?;
        if let Some((statement, what)) = script.unkept() {
            return fail(unkept(origin, &script, statement, what));
        }
    }
    Ok(())
}

/// A SET that would not be there any more after an interruption, or stay when the script is done.
fn unkept(origin: Origin<'_>, script: &Script, statement: &Statement, what: Unkept) -> Report {
    let hint = match what {
        Unkept::Local => "SET without LOCAL: what a migration SETs ends with it anyway.",
        Unkept::ResetAll => "RESET the settings by name; or leave it out: what a migration SETs ends with it anyway.",
        Unkept::Characteristics => "SET default_transaction_isolation, or default_transaction_deferrable.",
        Unkept::ReadOnly => "Leave it out: after each statement, how far the migration has come is written down.",
    };
    let top_level = script.top_level().map(|s| format!("{} (line {})", s.summary(), s.line)).unwrap_or_default();
    Report::new(
        code::UNSUPPORTED_STATEMENT,
        format!("{origin}: {} cannot be kept from one transaction to the next", statement.tag),
    )
    .detail(format!(
        "Statement {} (line {}): {}\nEach statement is committed by itself, because of one that cannot run in a transaction \
         with others: {top_level}",
        statement.number,
        statement.line,
        statement.summary(),
    ))
    .hint(hint)
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

/// Schema and data apart: the locks of DDL are held as long as the data takes.
fn mixes(version: &Version, schema: &Statement, data: &Statement) -> Report {
    let place = |s: &Statement| format!("statement {} (line {}): {}", s.number, s.line, s.summary());
    Report::new(code::MIXED, format!("migration \"{}\" changes schema and data", version.as_str()))
        .detail(format!("Schema: {}\nData: {}", place(schema), place(data)))
        .hint(
            "Make two migrations of it, so that the locks of the one are not held while the other works. Where that does \
             not matter, as with the first rows of a new table, say so: mixed => true",
        )
}

/// Applied is applied. Of a migration that stopped half-way, the statements that ran must stay as they are.
fn may_replace(old: &Stored, new: &Stored) -> Result<()> {
    if old.is_applied() && old.repeatable != new.repeatable {
        return fail(
            Report::new(
                code::IMMUTABLE,
                format!("migration \"{}\" is applied and cannot change its kind", old.version),
            )
            .detail(format!("It is {}.", if old.repeatable { "repeatable" } else { "versioned" }))
            .hint("Choose another version for the new one."),
        );
    }
    if old.reverting {
        if old.checksum != new.checksum {
            return fail(edited(old, &new.checksum));
        }
        let (before, after) = (old.down.as_deref(), new.down.as_deref());
        return keeps_what_is_done(old, Origin::Down(&old.version), before, after);
    }
    if old.checksum == new.checksum {
        return Ok(());
    }
    if old.state == "applied" {
        return if old.repeatable { Ok(()) } else { fail(edited(old, &new.checksum)) };
    }
    keeps_what_is_done(old, Origin::Up(&old.version), Some(&old.up), Some(&new.up))
}

/// Refuses a script in which the statements that are done already are others.
fn keeps_what_is_done(old: &Stored, origin: Origin<'_>, before: Option<&str>, after: Option<&str>) -> Result<()> {
    let done = old.statements_done;
    if done == 0 {
        return Ok(());
    }
    let first = |text: Option<&str>| -> Result<Vec<String>> {
        let script = Script::parse(origin, text.unwrap_or_default())?;
        Ok(script.statements.into_iter().take(done).map(|s| s.text).collect())
    };
    if first(before)? == first(after)? {
        return Ok(());
    }
    let (way, part) = if old.reverting { ("reverted", "down script") } else { ("applied", "script") };
    fail(
        Report::new(code::IMMUTABLE, format!("migration \"{}\" is {way} in part", old.version))
            .detail(format!("{} done; the new {part} changes that.", statements(done, "is", "are")))
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
