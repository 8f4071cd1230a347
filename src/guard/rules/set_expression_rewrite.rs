//! `set-expression-rewrite`: another expression of a generated column. Hazard: a rewrite of the table.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "set-expression-rewrite",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "SET EXPRESSION of a generated column of a large table (17).",
    hazard: "A stored column is computed anew for every row, a virtual one is checked again, under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "There is none online for a stored column.",
    bad: "",
    good: "ALTER TABLE users ALTER COLUMN age SET DEFAULT 1;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::SetExpression { column, .. }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let message = format!("SET EXPRESSION would go through every row of \"{}\"", relation.name);
    let recipe = Recipe::window(RULE.id, "It cannot be done while the table is used.", change);
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(&column.name)))
}
