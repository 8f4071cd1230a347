//! `change-default`: code that leaves the column out of its INSERTs writes the new default, and code that has read the old
//! one writes that.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "change-default",
    class: Class::Breaking,
    default: Default::Always(Action::Off),
    summary: "SET DEFAULT or DROP DEFAULT of a column that exists.",
    hazard: "INSERTs that leave the column out write another value from then on, while frameworks that have read the old \
             default go on writing that.",
    safe_way: "Let the code write the value itself before the default changes.",
    bad: "ALTER TABLE users ALTER COLUMN age SET DEFAULT 1;",
    good: "ALTER TABLE users ADD COLUMN size int DEFAULT 1;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::SetDefault { column, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if column.number <= 0 {
        return Ok(None);
    }
    let message =
        format!("another default of \"{}\" changes what INSERTs into \"{}\" write", column.name, relation.name);
    let sql = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let recipe = Recipe::allowing("When all code that inserts agrees:", &[RULE.id], sql);
    let detail = "INSERTs that leave the column out write the new value from the commit on.";
    Ok(Some(Finding::new(change, message, detail, recipe).column(&column.name)))
}
