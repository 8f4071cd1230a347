//! `add-column-inline-unique`: UNIQUE or PRIMARY KEY behind a new column. Hazard: an index build under ACCESS EXCLUSIVE.

use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl, WorkKind};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-column-inline-unique",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD COLUMN ... UNIQUE or PRIMARY KEY on a large table.",
    hazard: "An index is built under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Add the column, build the index concurrently, then make the constraint of it.",
    bad: "ALTER TABLE users ADD COLUMN nick text UNIQUE;",
    good: "ALTER TABLE users ADD COLUMN nick text;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddColumn { new, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !new.constraints.iter().any(|c| matches!(c.kind, ConstraintKind::Unique | ConstraintKind::PrimaryKey)) {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |kind| kind == WorkKind::Build)? else { return Ok(None) };
    let name = &new.column.name;
    let message = format!("the key of new column \"{name}\" would be built while \"{}\" is locked", relation.name);
    let steps = recipes::add_column(relation, new)?;
    let recipe = recipes::or_window(
        RULE.id,
        change,
        "Add the column, build its index concurrently, and make the constraint of that:",
        steps,
        "Its values leave no other way.",
    );
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(name)))
}
