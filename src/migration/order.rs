//! The order of migrations: what must not be applied behind a newer one, and what needs another one first.

use std::collections::HashSet;

use super::quoted;
use crate::catalog::ledger::{self, Stored};
use crate::error::{Report, Result, code, fail};
use crate::pg::report;

/// Refuses what is about to run when a newer one is applied already, or when something that one of them requires is
/// neither applied nor applied before it.
pub fn check(pending: &[Stored]) -> Result<()> {
    if let Some((newest, rank)) = ledger::newest_applied()?
        && let Some(late) = pending.iter().find(|m| is_behind(m, &rank))
    {
        return fail(out_of_order(
            &late.version,
            &newest,
            "It is registered, and was overtaken before it was applied.",
        ));
    }
    let required: Vec<&str> = pending.iter().flat_map(|m| m.requires.iter().map(String::as_str)).collect();
    if required.is_empty() {
        return Ok(());
    }
    let states = ledger::states(&required)?;
    let mut before: HashSet<&str> = HashSet::new();
    for migration in pending {
        for required in &migration.requires {
            let state = states.get(required).map(String::as_str);
            if state != Some("applied") && !before.contains(required.as_str()) {
                return fail(not_there(migration, required, state));
            }
        }
        before.insert(&migration.version);
    }
    Ok(())
}

/// Whether it would be registered behind one that is applied.
pub fn check_new(new: &Stored) -> Result<()> {
    match ledger::newest_applied()? {
        Some((newest, rank)) if is_behind(new, &rank) => {
            fail(out_of_order(&new.version, &newest, "Other databases may have applied them in the other order."))
        }
        _ => Ok(()),
    }
}

/// What it requires must come before it.
pub fn check_requires(new: &Stored) -> Result<()> {
    for required in &new.requires {
        let later = match ledger::of_version(required)? {
            Some(other) => other.sort_key >= new.sort_key,
            None => *required == new.version,
        };
        if later {
            return fail(
                Report::new(
                    code::INVALID_ARGUMENT,
                    format!("migration \"{}\" requires \"{required}\", which comes after it", new.version),
                )
                .detail("Migrations are applied in the order of their versions, repeatable ones last.")
                .hint("Leave it out of requires, or choose a later version for this one."),
            );
        }
    }
    Ok(())
}

/// Tells what it requires and nobody has registered yet: that may still come, or be a slip of the pen.
pub fn tell_missing(new: &Stored) -> Result<()> {
    let required: Vec<&str> = new.requires.iter().map(String::as_str).collect();
    if required.is_empty() {
        return Ok(());
    }
    let states = ledger::states(&required)?;
    for missing in required.into_iter().filter(|required| !states.contains_key(*required)) {
        report::notice(format!("migration \"{}\" requires \"{missing}\", which is not registered yet", new.version))?;
    }
    Ok(())
}

fn is_behind(migration: &Stored, newest: &str) -> bool {
    !migration.repeatable && !migration.out_of_order && migration.sort_key.as_str() < newest
}

fn out_of_order(version: &str, newest: &str, why: &str) -> Report {
    Report::new(code::OUT_OF_ORDER, format!("migration \"{version}\" is older than \"{newest}\", which is applied"))
        .detail(why.to_owned())
        .hint(format!(
            "Give it a version after \"{newest}\". If the order does not matter, register it with out_of_order => true; \
             if the database has it already, do that and then:\nSELECT migrator.baseline({});",
            quoted(version)
        ))
}

fn not_there(migration: &Stored, required: &str, state: Option<&str>) -> Report {
    let hint = match state {
        None => format!("Register \"{required}\" first."),
        Some(_) => format!("Apply it first:\nCALL migrator.deploy({});", quoted(required)),
    };
    Report::new(code::REQUIRES, format!("migration \"{}\" requires \"{required}\"", migration.version))
        .detail(state.map_or_else(|| "It is not registered.".to_owned(), |state| format!("It is {state}.")))
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_is_what_has_a_lower_rank_and_no_permission() {
        let stored = |sort_key: &str| Stored { sort_key: sort_key.into(), ..Stored::default() };
        assert!(is_behind(&stored("0011"), "0012"));
        assert!(!is_behind(&stored("0012"), "0012"));
        assert!(!is_behind(&Stored { out_of_order: true, ..stored("0011") }, "0012"));
        assert!(!is_behind(&Stored { repeatable: true, ..stored("0011") }, "0012"));
    }
}
