//! `alter-type-rewrite`: a type whose values are stored otherwise. Hazard: a rewrite of the table.

use crate::ddl::{Change, ChangeKind, Ddl, WorkKind};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::type_recipe;
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "alter-type-rewrite",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ALTER COLUMN ... TYPE that changes what is stored, on a large table.",
    hazard: "Every row is written anew and every index built anew under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Add a column of the new type, keep it in step with a trigger, fill it in batches, then swap the two.",
    bad: "ALTER TABLE users ALTER COLUMN age TYPE bigint;",
    good: "ALTER TABLE users ALTER COLUMN note TYPE varchar(200);",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AlterType { column, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    let Some(blocking) = Blocking::among(change, |kind| kind == WorkKind::Rewrite)? else { return Ok(None) };
    let name = &column.name;
    let message = format!("changing the type of \"{name}\" would rewrite \"{}\"", relation.name);
    let recipe = type_recipe::of(RULE.id, change, ddl)?;
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(name)))
}
