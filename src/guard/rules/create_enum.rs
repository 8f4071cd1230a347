//! `create-enum`: values of an enum cannot be removed.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "create-enum",
    class: Class::Hygiene,
    default: Default::Always(Action::Off),
    summary: "CREATE TYPE ... AS ENUM.",
    hazard: "Values can be added and renamed, but neither removed nor put in another order.",
    safe_way: "A table of values and a foreign key to it.",
    bad: "CREATE TYPE color AS ENUM ('red');",
    good: "CREATE TABLE colors (name text PRIMARY KEY);",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::CreateEnum { name } = &change.kind else { return Ok(None) };
    let message = format!("values of enum {name} could not be removed later");
    let detail = "They can be added and renamed, but neither removed nor put in another order.";
    let recipe = Recipe::advice("Where values come and go, use a table of values and a foreign key to it.");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
