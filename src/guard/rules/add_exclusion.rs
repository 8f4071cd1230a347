//! `add-exclusion`: EXCLUDE. Hazard: an index build under ACCESS EXCLUSIVE.

use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-exclusion",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD EXCLUDE on a large table.",
    hazard: "The index is built and every pair checked under an ACCESS EXCLUSIVE lock, which blocks reads and writes; it can be neither NOT VALID nor USING INDEX.",
    safe_way: "There is none online: a new table, or a trigger that checks.",
    bad: "ALTER TABLE users ADD CONSTRAINT users_one EXCLUDE (id WITH =);",
    good: "",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddConstraint(new), Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !(new.kind == ConstraintKind::Exclusion) {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |_| true)? else { return Ok(None) };
    let message =
        format!("the index of a new exclusion constraint would be built while \"{}\" is locked", relation.name);
    let recipe = recipes::or_window(
        RULE.id,
        change,
        "Add it:",
        None,
        "An exclusion constraint can be neither NOT VALID nor made of an index.",
    );
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}
