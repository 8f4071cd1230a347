//! `set-schema`: a table, view or materialized view moves to another schema.
//!
//! Hazard: its qualified name changes, and sessions whose search_path does not hold the new schema lose it.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::compatibility;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::Weight;
use crate::pg;

pub static RULE: Rule = Rule {
    id: "set-schema",
    class: Class::Breaking,
    default: Default::ByWeight,
    summary: "A table, view or materialized view is moved to another schema.",
    hazard: "Its old name stops working at the commit, and it is found only by those whose search_path holds the new schema.",
    safe_way: "Move it and make a view in the old schema in one transaction; drop the view when nobody uses it any more.",
    bad: "CREATE SCHEMA archive; ALTER TABLE users SET SCHEMA archive;",
    good: "CREATE SCHEMA archive; CREATE VIEW archive.users AS SELECT * FROM users;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::SetSchema { of, to } = &change.kind else { return Ok(None) };
    let (Some(relation), Some(sql)) = (&of.relation, &change.sql) else { return Ok(None) };
    if of.kind == "SEQUENCE" || relation.schema == *to {
        return Ok(None);
    }
    let weight = Weight::of(relation)?;
    let message = format!("moving \"{}\" to schema \"{to}\" breaks whatever uses its old name", relation.name);
    let detail = format!("{} stops working at the commit. {}", relation.quoted, weight.describe(&relation.quoted)?);
    let new = pg::relation::qualified(to, &relation.name);
    let mut statements = vec![format!("{sql};")];
    statements.extend(compatibility::view(&relation.quoted, &new, "*", relation.oid)?);
    let mut recipe = Recipe::allowing(
        "Leave a view in its place, and run the last statement when nobody uses it any more:",
        &[RULE.id],
        statements,
    );
    recipe.statements.push(format!("DROP VIEW {};", relation.quoted));
    Ok(Some(Finding::new(change, message, detail.trim_end(), recipe).heavy(weight.is_heavy())))
}
