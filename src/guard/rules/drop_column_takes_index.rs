//! `drop-column-takes-index`: indexes and constraints over several columns go with one of them, without CASCADE.

use crate::catalog::{dependents, indexes};
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::{counted, listed};

pub static RULE: Rule = Rule {
    id: "drop-column-takes-index",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "DROP COLUMN of a column that is part of an index, constraint or statistics object over more than itself.",
    hazard: "Composite, partial and expression indexes, constraints over several columns and extended statistics go with \
             it, without CASCADE and without a notice: queries get slow, duplicates get in.",
    safe_way: "Build an index over the remaining columns first.",
    bad: "CREATE INDEX CONCURRENTLY users_plan_age ON users (plan_id, age); ALTER TABLE users DROP COLUMN age;",
    good: "CREATE INDEX CONCURRENTLY users_note ON users (note); ALTER TABLE users DROP COLUMN note;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::DropColumn { column, cascade }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    let gone = dependents::of(&[(dependents::RELATIONS, relation.oid, i32::from(column.number))])?;
    if column.number <= 0 || (!cascade && gone.iter().any(|d| d.cascade)) {
        return Ok(None);
    }
    let mut lost = Vec::new();
    let mut statements = Vec::new();
    for dependent in gone.iter().filter(|d| !d.cascade) {
        let shared = match dependent.kind.as_str() {
            "index" => indexes::without_column(relation.oid, dependent.oid, column.number)?,
            "constraint" | "foreign key" => indexes::constraint_without_column(dependent.oid, column.number)?,
            "statistics" => Some(None),
            _ => None,
        };
        let Some(replacement) = shared else { continue };
        lost.push(dependent.description.as_str());
        if !relation.partitioned {
            statements.extend(replacement.map(|sql| format!("{sql};")));
        }
    }
    if lost.is_empty() {
        return Ok(None);
    }
    let size = Size::of(&relation.leaves)?;
    let message =
        format!("dropping column \"{}\" takes {} along without a word", column.name, counted(lost.len(), "object"));
    let detail = format!("{} has {}. These would go, too: {}.", relation.quoted, size.describe()?, listed(&lost));
    let sql = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let mut recipe = Recipe::allowing(
        if statements.is_empty() { "If they are to go:" } else { "Build what should stay without it first:" },
        &[RULE.id],
        sql,
    );
    recipe.statements.splice(0..0, statements);
    Ok(Some(Finding::new(change, message, detail, recipe).column(&column.name).heavy(size.is_large())))
}
