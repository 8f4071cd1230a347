//! `alter-type-recheck`: a CHECK that is tried again after a change of type. Hazard: a scan under ACCESS EXCLUSIVE.

use crate::ddl::{Change, ChangeKind, Ddl, WorkKind};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::type_recipe;
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "alter-type-recheck",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ALTER COLUMN ... TYPE of a column with a CHECK, on a large table.",
    hazard: "The rows stay as they are, but the CHECK is tried on every one of them under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Drop the CHECK and add it NOT VALID in the same statement, then validate it.",
    bad: "ALTER TABLE users ADD CONSTRAINT note_short CHECK (note <> 'x') NOT VALID; ALTER TABLE users VALIDATE CONSTRAINT note_short; ALTER TABLE users ALTER COLUMN note TYPE text;",
    good: "ALTER TABLE users ALTER COLUMN note TYPE text;",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AlterType { column, rechecked, .. }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    if rechecked.is_empty() {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |kind| kind == WorkKind::Scan)? else { return Ok(None) };
    let name = &column.name;
    let message = format!("changing the type of \"{name}\" would try its CHECK on every row of \"{}\"", relation.name);
    let recipe = type_recipe::of(RULE.id, change, ddl)?;
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(name)))
}
