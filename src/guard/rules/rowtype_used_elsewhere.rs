//! `rowtype-used-elsewhere`: a table whose row type is the type of a column elsewhere refuses a new column with a default.

use crate::catalog::types;
use crate::ddl::{Change, ChangeKind, Ddl, Filling, Relation, WorkKind};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::listed;

pub static RULE: Rule = Rule {
    id: "rowtype-used-elsewhere",
    class: Class::Breaking,
    default: Default::Always(Action::Error),
    summary: "ADD COLUMN with a default, or a change of type, of a table whose row type is the type of a stored column.",
    hazard: "Postgres refuses it, but only after it has waited for an ACCESS EXCLUSIVE lock and made every reader and writer \
             wait behind it.",
    safe_way: "Add the column without a default, then set the default and fill it.",
    bad: "CREATE TABLE history (id int, was plans); ALTER TABLE plans ADD COLUMN price int DEFAULT 0;",
    good: "CREATE TABLE history (id int, was plans); ALTER TABLE plans ADD COLUMN price int;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let Some(relation) = &change.on else { return Ok(None) };
    let (name, what) = match &change.kind {
        ChangeKind::AddColumn { new, .. } if new.filling != Filling::Nothing => {
            (&new.column.name, "be added with values")
        }
        ChangeKind::AlterType { column, .. } if change.work.iter().any(|w| w.kind == WorkKind::Rewrite) => {
            (&column.name, "change its type")
        }
        _ => return Ok(None),
    };
    let uses = types::row_type_uses(relation.oid)?;
    if uses.is_empty() {
        return Ok(None);
    }
    let columns: Vec<&str> = uses.iter().map(|u| u.column.as_str()).collect();
    let message = format!("column \"{name}\" of \"{}\" cannot {what}", relation.name);
    let detail = format!(
        "The row type of {} is stored in {}. Postgres would refuse the statement, after waiting for an ACCESS EXCLUSIVE lock, \
         which blocks reads and writes.",
        relation.quoted,
        listed(&columns)
    );
    Ok(Some(Finding::new(change, message, detail, recipe(relation, &change.kind)?).column(name)))
}

fn recipe(relation: &Relation, kind: &ChangeKind) -> Result<Recipe> {
    let ChangeKind::AddColumn { new, .. } = kind else {
        return Ok(Recipe::advice("Fill a new column and switch to it, or change the other table first."));
    };
    Ok(match (&new.filling, &new.default) {
        (Filling::Once(value) | Filling::EachRow(value), Some(default)) if new.constraints.is_empty() => {
            let (table, column) = (recipes::alter(relation), &new.column.quoted);
            let mut statements = vec![
                format!("{table}ADD COLUMN {column} {}{};", new.column.type_name, new.collation),
                format!("{table}ALTER COLUMN {column} SET DEFAULT {default};"),
                recipes::fill(relation, &new.column, value),
            ];
            if new.required {
                statements.extend(recipes::not_null(relation, &new.column, &new.not_null_name));
            }
            Recipe::new("Add it empty, then set its default and fill it:", statements)
        }
        _ => Recipe::advice("Add it without values of its own."),
    })
}
