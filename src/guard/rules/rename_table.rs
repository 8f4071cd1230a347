//! `rename-table`: a table, view or materialized view gets another name.
//!
//! Hazard: every session that uses the old name fails from the commit on. A view of the old name, made in the same
//! transaction, keeps both names alive.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::compatibility;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::Weight;
use crate::pg;

pub static RULE: Rule = Rule {
    id: "rename-table",
    class: Class::Breaking,
    default: Default::ByWeight,
    summary: "A table, view or materialized view is renamed.",
    hazard: "Every query and every function that uses the old name fails from the commit on. The rename waits for an ACCESS \
             EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Rename it and make a view of the old name in one transaction; drop the view when nobody uses it any more.",
    bad: "ALTER TABLE users RENAME TO customers;",
    good: "CREATE VIEW customers AS SELECT * FROM users;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::Rename { of, column: None, to } = &change.kind else { return Ok(None) };
    let (Some(relation), Some(sql)) = (&of.relation, &change.sql) else { return Ok(None) };
    if of.kind == "INDEX" || of.kind == "SEQUENCE" {
        return Ok(None);
    }
    let weight = Weight::of(relation)?;
    // Queries name the partitioned table.
    let heavy = match relation.partition_of {
        Some(_) => !weight.references.functions.is_empty(),
        None => weight.is_heavy(),
    };
    let message = format!("renaming \"{}\" breaks whatever uses that name", relation.name);
    let detail = format!("From the commit on the old name does not exist. {}", weight.describe(&relation.quoted)?);
    let new = pg::relation::qualified(&relation.schema, to);
    let mut statements = vec![format!("{sql};")];
    statements.extend(compatibility::view(&relation.quoted, &new, "*", relation.oid)?);
    let mut recipe = Recipe::allowing(
        "Keep the old name as a view, and run the last statement when nobody uses it any more:",
        &[RULE.id],
        statements,
    );
    recipe.statements.push(format!("DROP VIEW {};", relation.quoted));
    Ok(Some(Finding::new(change, message, detail.trim_end(), recipe).heavy(heavy)))
}
