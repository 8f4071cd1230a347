//! `typed-table-rewrite`: an attribute of the type of typed tables. Hazard: a rewrite of each of them.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "typed-table-rewrite",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ALTER TYPE ... ATTRIBUTE ... CASCADE of the type of a large typed table.",
    hazard: "Every table OF the type is altered with it: rows are written anew or indexes built anew under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "There is none online: take the table off its type with NOT OF, change it in steps, and put it back with OF.",
    bad: "CREATE TYPE thing AS (n int); CREATE TABLE things OF thing; INSERT INTO things SELECT generate_series(1, 5000); ALTER TYPE thing ALTER ATTRIBUTE n TYPE bigint CASCADE;",
    good: "ALTER TYPE mood ADD VALUE 'great';",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AlterAttribute { composite, .. } | ChangeKind::AddAttribute { composite, .. }) = &change.kind
    else {
        return Ok(None);
    };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let message = format!("changing type {} would go through every row of the tables of that type", composite.identity);
    let recipe = Recipe::window(RULE.id, "It cannot be done while the tables are used.", change);
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}
