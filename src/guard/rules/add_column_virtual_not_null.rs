//! `add-column-virtual-not-null`: a virtual column that must not be NULL. Hazard: a scan under ACCESS EXCLUSIVE.

use crate::ddl::{Change, ChangeKind, Ddl, Filling};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-column-virtual-not-null",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD COLUMN ... GENERATED ... VIRTUAL NOT NULL on a large table (18).",
    hazard: "It is computed for every row under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Add the column, then NOT NULL as a constraint that is NOT VALID, then validate it.",
    bad: "",
    good: "ALTER TABLE users ADD COLUMN years int;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddColumn { new, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !matches!(new.filling, Filling::Virtual(_)) || !new.required {
        return Ok(None);
    }
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let name = &new.column.name;
    let message =
        format!("every row of \"{}\" would be read to see that virtual column \"{name}\" is NOT NULL", relation.name);
    let steps = recipes::add_column(relation, new)?;
    let recipe = recipes::or_window(RULE.id, change, "Add it, then prove it while reads and writes go on:", steps, "");
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(name)))
}
