//! `drop-not-null`: clients that count on a value see NULL.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "drop-not-null",
    class: Class::Breaking,
    default: Default::Always(Action::Off),
    summary: "DROP NOT NULL.",
    hazard: "Clients that count on a value may read NULL from then on.",
    safe_way: "Deploy code that expects NULL first.",
    bad: "CREATE TABLE small (a int NOT NULL); ALTER TABLE small ALTER COLUMN a DROP NOT NULL;",
    good: "ALTER TABLE users ALTER COLUMN email DROP NOT NULL;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::DropNotNull { column }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !column.not_null {
        return Ok(None);
    }
    let message = format!("column \"{}\" of \"{}\" could hold NULL", column.name, relation.name);
    let sql = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let recipe = Recipe::allowing("When all clients expect NULL:", &[RULE.id], sql);
    let detail = "Clients that count on a value may read NULL from the commit on.";
    Ok(Some(Finding::new(change, message, detail, recipe).column(&column.name)))
}
