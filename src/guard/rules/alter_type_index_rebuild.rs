//! `alter-type-index-rebuild`: an index on an expression, with a condition, or of another operator class. Hazard: a build under ACCESS EXCLUSIVE.

use crate::ddl::{Change, ChangeKind, Ddl, WorkKind};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::type_recipe;
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "alter-type-index-rebuild",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ALTER COLUMN ... TYPE of a column with an index that cannot stay, on a large table.",
    hazard: "The rows stay as they are, but the index is built anew under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Drop the index concurrently, change the type, build the index concurrently.",
    bad: "CREATE INDEX CONCURRENTLY users_note ON users (lower(note)); ALTER TABLE users ALTER COLUMN note TYPE text;",
    good: "ALTER TABLE users ALTER COLUMN note TYPE text;",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AlterType { column, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    let Some(blocking) = Blocking::among(change, |kind| kind == WorkKind::Build)? else { return Ok(None) };
    let name = &column.name;
    let message = format!("changing the type of \"{name}\" would build an index of \"{}\" anew", relation.name);
    let recipe = type_recipe::of(RULE.id, change, ddl)?;
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(name)))
}
