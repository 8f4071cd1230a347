//! `rename-column`: a column gets another name.
//!
//! Hazard: every query and function that uses the old name fails from the commit on. Views keep working, under the old
//! name. A view that takes the table's place for a while shows the column under both names, and can be written to.

use crate::ddl::{Change, ChangeKind, Column, Ddl, Relation};
use crate::error::Result;
use crate::guard::compatibility;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::Weight;
use crate::pg;

pub static RULE: Rule = Rule {
    id: "rename-column",
    class: Class::Breaking,
    default: Default::ByWeight,
    summary: "A column is renamed.",
    hazard: "Every query and every function that uses the old name fails from the commit on; in a trigger function that \
             means every write to the table.",
    safe_way: "Let a view with both names take the table's place until nobody uses the old one.",
    bad: "ALTER TABLE users RENAME COLUMN email TO mail;",
    good: "CREATE VIEW users_with_mail AS SELECT *, email AS mail FROM users;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::Rename { of, column: Some(column), to } = &change.kind else { return Ok(None) };
    let (Some(relation), Some(sql)) = (&of.relation, &change.sql) else { return Ok(None) };
    let weight = Weight::of_column(relation, column)?;
    let message =
        format!("renaming column \"{}\" of \"{}\" breaks whatever uses that name", column.name, relation.name);
    let views = if weight.references.views.is_empty() { "" } else { " Views keep showing the old name." };
    let detail =
        format!("From the commit on the old name does not exist. {}{views}", weight.describe(&relation.quoted)?);
    let recipe = recipe(relation, column, to, sql)?;
    Ok(Some(Finding::new(change, message, detail.trim_end(), recipe).column(&column.name).heavy(weight.is_heavy())))
}

fn recipe(relation: &Relation, column: &Column, to: &str, sql: &str) -> Result<Recipe> {
    if !matches!(relation.kind, 'r' | 'p') || relation.partition_of.is_some() {
        return Ok(Recipe::allowing("When all that use it can change at once:", &[RULE.id], vec![format!("{sql};")]));
    }
    let (spare, spare_bare) = compatibility::spare_name(relation)?;
    let (table, name) = (&relation.quoted, pg::relation::quoted(&relation.name));
    let columns = format!("*, {} AS {}", pg::relation::quoted(to), column.quoted);
    let mut statements = vec![format!("{sql};"), format!("ALTER TABLE {table} RENAME TO {spare_bare};")];
    statements.extend(compatibility::view(table, &spare, &columns, relation.oid)?);
    let mut recipe = Recipe::allowing(
        "Let a view with both names take the table's place, and run the second transaction when nobody uses the old name:",
        &[RULE.id, "rename-table"],
        statements,
    );
    let back = vec![format!("DROP VIEW {table};"), format!("ALTER TABLE {spare} RENAME TO {name};")];
    recipe.statements.extend(Recipe::allowing("", &["rename-table"], back).statements);
    Ok(recipe)
}
