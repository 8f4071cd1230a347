//! `add-unique-builds-index`: UNIQUE that builds its index. Hazard: the build under ACCESS EXCLUSIVE.

use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-unique-builds-index",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD UNIQUE without USING INDEX on a large table.",
    hazard: "The index is built under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... USING INDEX.",
    bad: "ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email);",
    good: "CREATE UNIQUE INDEX CONCURRENTLY users_email_key ON users (email); ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_key;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddConstraint(new), Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !(new.kind == ConstraintKind::Unique) {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |_| true)? else { return Ok(None) };
    let message = format!("the index of a new UNIQUE constraint would be built while \"{}\" is locked", relation.name);
    let recipe = recipes::or_window(
        RULE.id,
        change,
        "Build the index concurrently, then make the constraint of it:",
        recipes::by_index(relation, new)?,
        "It could not be written down.",
    );
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}
