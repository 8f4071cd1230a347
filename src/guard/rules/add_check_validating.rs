//! `add-check-validating`: a CHECK that is tried at once. Hazard: a scan under ACCESS EXCLUSIVE.

use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-check-validating",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD CONSTRAINT ... CHECK without NOT VALID on a large table.",
    hazard: "Every row is read under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Add it NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own, which blocks neither reads nor writes.",
    bad: "ALTER TABLE users ADD CONSTRAINT users_age CHECK (age > 0);",
    good: "ALTER TABLE users ADD CONSTRAINT users_age CHECK (age > 0) NOT VALID;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddConstraint(new), Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !(new.kind == ConstraintKind::Check) {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |_| true)? else { return Ok(None) };
    let message = format!("a new CHECK would be tried on every row of \"{}\" while it is locked", relation.name);
    let recipe = recipes::or_window(
        RULE.id,
        change,
        "Add it unchecked, then check it while reads and writes go on:",
        recipes::validated(relation, new, &blocking.tables)?,
        "It could not be written down.",
    );
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}
