//! `drop-then-add-same-column`: a column is dropped and added again in one statement.
//!
//! Hazard: it looks like a change of the column, but the values do not come back.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::Weight;

pub static RULE: Rule = Rule {
    id: "drop-then-add-same-column",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "One statement drops a column and adds it again.",
    hazard: "It looks like a change of type, but the values are gone, and with them indexes, constraints and rights.",
    safe_way: "ALTER COLUMN ... TYPE ... USING keeps the values.",
    bad: "ALTER TABLE users DROP COLUMN age, ADD COLUMN age bigint;",
    good: "ALTER TABLE plans ALTER COLUMN name TYPE varchar;",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let Some(relation) = &change.on else { return Ok(None) };
    let name = match &change.kind {
        ChangeKind::DropColumn { column, .. } => &column.name,
        ChangeKind::AddColumn { new, .. } => &new.column.name,
        _ => return Ok(None),
    };
    let dropped = ddl.changes.iter().find_map(|other| match &other.kind {
        ChangeKind::DropColumn { column, .. } if column.name == *name => Some(column),
        _ => None,
    });
    let added = ddl.changes.iter().find_map(|other| match &other.kind {
        ChangeKind::AddColumn { new, .. } if new.column.name == *name => Some(&new.column),
        _ => None,
    });
    let (Some(dropped), Some(added)) = (dropped, added) else { return Ok(None) };
    let weight = Weight::of_column(relation, dropped)?;
    if weight.size.bytes == 0 {
        return Ok(None);
    }
    let message = format!("column \"{name}\" of \"{}\" would lose its values and come back empty", relation.name);
    let detail = format!("{} DROP and ADD make a new column.", weight.describe(&relation.quoted)?);
    let (quoted, to) = (&added.quoted, &added.type_name);
    let recipe = Recipe::advice(format!(
        "ALTER COLUMN {quoted} TYPE {to} USING {quoted}::{to} keeps the values. To start with an empty column, drop it in \
         one statement and add it in another."
    ));
    Ok(Some(Finding::new(change, message, detail, recipe).column(name).heavy(weight.is_heavy())))
}
