//! `add-primary-key-builds-index`: PRIMARY KEY that builds its index. Hazard: the build under ACCESS EXCLUSIVE.

use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-primary-key-builds-index",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD PRIMARY KEY without USING INDEX on a large table.",
    hazard: "The index is built, and the columns are read for NULLs, under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "CREATE UNIQUE INDEX CONCURRENTLY, make the columns NOT NULL, then ADD CONSTRAINT ... USING INDEX.",
    bad: "CREATE TABLE numbers AS SELECT n::bigint AS n FROM generate_series(1, 5000) n; ALTER TABLE numbers ADD PRIMARY KEY (n);",
    good: "",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddConstraint(new), Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !(new.kind == ConstraintKind::PrimaryKey && new.using_index.is_none()) {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |_| true)? else { return Ok(None) };
    let message = format!("the index of a new primary key would be built while \"{}\" is locked", relation.name);
    let recipe = recipes::or_window(
        RULE.id,
        change,
        "Build the index concurrently, then make the key of it:",
        recipes::by_index(relation, new)?,
        "It could not be written down.",
    );
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}
