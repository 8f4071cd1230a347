//! `drop-column`: the values of a column, and what uses it, go.

use crate::catalog::dependents;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::Weight;

pub static RULE: Rule = Rule {
    id: "drop-column",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "A column of a table that holds rows is dropped.",
    hazard: "Its values are gone. Queries and functions that name it fail, and so do those that count on the number of \
             columns. The drop waits for an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Deploy code that does not name the column, then drop it in a transaction that allows it.",
    bad: "ALTER TABLE users DROP COLUMN note;",
    good: "ALTER TABLE users DROP COLUMN IF EXISTS nothing;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::DropColumn { column, cascade }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    // Postgres refuses without CASCADE, and names what depends on the column.
    let address = (dependents::RELATIONS, relation.oid, i32::from(column.number));
    if column.number <= 0 || (!cascade && dependents::are_needed(&[address])?) {
        return Ok(None);
    }
    let weight = Weight::of_column(relation, column)?;
    if weight.size.bytes == 0 && weight.references.is_empty() {
        return Ok(None);
    }
    let message = format!("dropping column \"{}\" of \"{}\" destroys its values", column.name, relation.name);
    let detail = format!("{} Queries that name it fail from the commit on.", weight.describe(&relation.quoted)?);
    let sql = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let recipe = Recipe::allowing("When no code names it any more:", &[RULE.id], sql);
    Ok(Some(Finding::new(change, message, detail, recipe).column(&column.name).heavy(weight.is_heavy())))
}
