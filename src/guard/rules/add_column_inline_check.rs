//! `add-column-inline-check`: a CHECK behind a new column. Hazard: a scan, although every value is the same.

use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl, WorkKind};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-column-inline-check",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD COLUMN ... CHECK on a large table.",
    hazard: "Every row is read under an ACCESS EXCLUSIVE lock, which blocks reads and writes, although the column is new.",
    safe_way: "Add the column, then the constraint NOT VALID, then validate it.",
    bad: "ALTER TABLE users ADD COLUMN years int CHECK (years > 0);",
    good: "ALTER TABLE users ADD COLUMN years int;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddColumn { new, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !new.constraints.iter().any(|c| matches!(c.kind, ConstraintKind::Check)) {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |kind| kind == WorkKind::Scan)? else { return Ok(None) };
    let name = &new.column.name;
    let message = format!("the CHECK of new column \"{name}\" would be tried on every row of \"{}\"", relation.name);
    let steps = recipes::add_column(relation, new)?;
    let recipe = recipes::or_window(
        RULE.id,
        change,
        "Add the column, then its constraint unchecked, then check it while reads and writes go on:",
        steps,
        "Its values leave no other way.",
    );
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(name)))
}
