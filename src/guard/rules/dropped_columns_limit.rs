//! `dropped-columns-limit`: dropped columns count towards the 1600 that a table can have.

use crate::catalog::storage;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "dropped-columns-limit",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "ADD COLUMN to a table that has had nearly 1600 columns.",
    hazard: "A table can have 1600 columns in its life, dropped ones included; then ADD COLUMN fails for good.",
    safe_way: "Make the table anew before that.",
    bad: "",
    good: "ALTER TABLE users ADD COLUMN one_more int;",
    find,
};

/// What Postgres allows (MaxHeapAttributeNumber), and where it gets tight.
const LIMIT: u64 = 1600;
const TIGHT: u64 = 1500;

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddColumn { .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if storage::had_columns(relation.oid) < TIGHT {
        return Ok(None);
    }
    let (had, dropped) = storage::columns(relation.oid)?;
    let message = format!("\"{}\" has had {had} of the {LIMIT} columns that a table can have", relation.name);
    let detail = format!("{dropped} of them are dropped, which count as well. Then ADD COLUMN fails for good.");
    let recipe = Recipe::advice("Copy the rows into a new table while there is time.");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
