//! `add-column-serial`: smallserial, serial, bigserial. Hazard: nextval() for every row.

use crate::ddl::{Change, ChangeKind, Ddl, Filling, WorkKind};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-column-serial",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD COLUMN of type serial to a large table.",
    hazard: "Its default is nextval(), so every row is written anew under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Add an integer column and a sequence, set the default, and fill the rows in batches.",
    bad: "ALTER TABLE users ADD COLUMN number bigserial;",
    good: "",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddColumn { new, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !matches!(new.filling, Filling::Serial) {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |kind| kind == WorkKind::Rewrite)? else { return Ok(None) };
    let name = &new.column.name;
    let message = format!("adding serial column \"{name}\" to \"{}\" would rewrite it", relation.name);
    let steps = recipes::add_column(relation, new)?;
    let recipe = recipes::or_window(
        RULE.id,
        change,
        "Add the column and its sequence one by one, and fill the rows in batches:",
        steps,
        "Its constraints leave no other way.",
    );
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(name)))
}
