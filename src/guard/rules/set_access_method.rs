//! `set-access-method`: another access method. Hazard: a rewrite of the table.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "set-access-method",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "SET ACCESS METHOD of a large table.",
    hazard: "Every row is written anew under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "There is none online: a new table, filled in batches.",
    bad: "",
    good: "ALTER TABLE users SET ACCESS METHOD heap;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::SetAccessMethod { .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let message = format!("SET ACCESS METHOD would rewrite \"{}\"", relation.name);
    let recipe = Recipe::window(RULE.id, "It cannot be done while the table is used.", change);
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}
