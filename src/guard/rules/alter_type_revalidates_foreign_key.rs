//! `alter-type-revalidates-foreign-key`: a foreign key that is checked again after a change of type. Hazard: a scan under ACCESS EXCLUSIVE on both tables.

use crate::ddl::{Change, ChangeKind, Ddl, WorkKind};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::type_recipe;
use crate::guard::work::Blocking;
use crate::pg::relation::qualified_name;

pub static RULE: Rule = Rule {
    id: "alter-type-revalidates-foreign-key",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ALTER COLUMN ... TYPE of a column of a foreign key whose comparison changes, on a large table.",
    hazard: "The foreign key is checked for every row under an ACCESS EXCLUSIVE lock, which blocks reads and writes, on both tables.",
    safe_way: "Drop the foreign key, change the type, add it NOT VALID, validate it.",
    bad: "",
    good: "ALTER TABLE users ALTER COLUMN note TYPE text;",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AlterType { column, revalidated, .. }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    if revalidated.is_empty() {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |kind| kind == WorkKind::Scan)? else { return Ok(None) };
    let name = &column.name;
    let message =
        format!("changing the type of \"{name}\" of \"{}\" would check a foreign key for every row", relation.name);
    // The key may be another table's that references this one.
    let checked = match blocking.tables.as_slice() {
        [table] => qualified_name(*table),
        _ => "What has such a key".to_owned(),
    };
    let detail = blocking.describe_as(&checked, blocking.tables.len())?;
    let recipe = type_recipe::of(RULE.id, change, ddl)?;
    Ok(Some(Finding::new(change, message, detail, recipe).column(name)))
}
