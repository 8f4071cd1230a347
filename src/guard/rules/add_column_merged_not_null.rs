//! `add-column-merged-not-null`: a new column that must not be NULL, which a large child table has already. Hazard: the
//! child gets the NOT NULL, and is read for NULLs under ACCESS EXCLUSIVE.

use crate::ddl::{Change, ChangeKind, Column, Ddl, Filling, Relation, WorkKind};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;
use crate::pg::relation::{free_constraint_name, inheritors, qualified_name};

pub static RULE: Rule = Rule {
    id: "add-column-merged-not-null",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD COLUMN ... NOT NULL to a parent whose large child tables have the column already (18).",
    hazard: "From 18 a child that keeps its own column gets the NOT NULL, for which every row of it is read under an ACCESS \
             EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Make the children's column NOT NULL first, by a constraint that is NOT VALID and then validated.",
    bad: "",
    good: "",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddColumn { new, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    // The ways for a virtual column, and for one that is written to every row, prove the children's, too.
    if matches!(new.filling, Filling::Virtual(_))
        || Blocking::among(change, |kind| kind == WorkKind::Rewrite)?.is_some()
    {
        return Ok(None);
    }
    let read = |table| new.read_for_nulls.contains(&table);
    let Some(blocking) = Blocking::on(change, |w| w.kind == WorkKind::Scan && read(w.relation))? else {
        return Ok(None);
    };
    let name = &new.column.name;
    let called = match blocking.tables.as_slice() {
        [child] => qualified_name(*child),
        _ => format!("What inherits from {}", relation.quoted),
    };
    let message =
        format!("every row that inherits from \"{}\" would be read to make \"{name}\" NOT NULL", relation.name);
    let mut detail = blocking.describe_as(&called, blocking.tables.len())?;
    detail += " It has the column already.";
    let mut steps = children_first(&new.read_for_nulls, &new.column)?;
    steps.extend(change.sql.iter().map(|sql| format!("{sql};")));
    let recipe = Recipe::new("Make it NOT NULL there first, while reads and writes go on:", steps);
    Ok(Some(Finding::new(change, message, detail, recipe).column(name)))
}

/// Makes the column NOT NULL in tables that have it, each with all that inherits from it.
fn children_first(tables: &[u32], column: &Column) -> Result<Vec<String>> {
    let (mut steps, mut done) = (Vec::new(), Vec::new());
    // Parents come first.
    for table in tables {
        if done.contains(table) {
            continue;
        }
        done.extend(inheritors((*table).into())?.into_iter().map(|oid| oid.to_u32()));
        let child = Relation { oid: *table, quoted: qualified_name(*table), ..Relation::default() };
        steps.extend(recipes::not_null(&child, column, &free_constraint_name(*table, &column.name)));
    }
    Ok(steps)
}
