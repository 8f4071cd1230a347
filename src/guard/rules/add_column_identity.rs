//! `add-column-identity`: an identity column. Hazard: a number for every row.

use crate::ddl::{Change, ChangeKind, Ddl, Filling, WorkKind};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-column-identity",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD COLUMN ... AS IDENTITY to a large table.",
    hazard: "Every row gets a number, so every row is written anew under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Add an integer column, fill it in batches from a sequence, then make it an identity column.",
    bad: "ALTER TABLE users ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;",
    good: "",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddColumn { new, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !matches!(new.filling, Filling::Identity(_)) {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |kind| kind == WorkKind::Rewrite)? else { return Ok(None) };
    let name = &new.column.name;
    let message = format!("adding identity column \"{name}\" to \"{}\" would rewrite it", relation.name);
    let steps = recipes::add_column(relation, new)?;
    let recipe = recipes::or_window(
        RULE.id,
        change,
        "Add the column, number the rows in batches, then make it an identity column:",
        steps,
        "Its constraints leave no other way.",
    );
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(name)))
}
