//! `add-primary-key-nullable-index`: a primary key made of an index whose columns may be NULL. Hazard: a hidden scan for NULLs.

use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-primary-key-nullable-index",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD PRIMARY KEY USING INDEX on columns that may be NULL, on a large table.",
    hazard: "The columns become NOT NULL, for which every row is read under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Make the columns NOT NULL first.",
    bad: "CREATE TABLE numbers AS SELECT n::bigint AS n FROM generate_series(1, 5000) n; CREATE UNIQUE INDEX CONCURRENTLY numbers_n ON numbers (n); ALTER TABLE numbers ADD PRIMARY KEY USING INDEX numbers_n;",
    good: "",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddConstraint(new), Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if new.kind != ConstraintKind::PrimaryKey || new.using_index.is_none() {
        return Ok(None);
    }
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let mut steps = recipes::key_not_null(relation, &new.columns);
    steps.extend(change.sql.as_ref().map(|sql| format!("{sql};")));
    let message =
        format!("the columns of a new primary key would be read for NULLs while \"{}\" is locked", relation.name);
    let recipe = Recipe::new("Make its columns NOT NULL first, while reads and writes go on:", steps);
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}
