//! `validate-under-strong-lock`: VALIDATE CONSTRAINT while this transaction holds a lock that blocks writes.
//!
//! Hazard: VALIDATE by itself lets reads and writes go on. In the transaction that added the constraint, or beside another
//! command, it reads every row under the lock that the other took.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "validate-under-strong-lock",
    class: Class::Live,
    default: Default::Always(Action::Error),
    summary: "VALIDATE CONSTRAINT on a large table in the transaction, or the statement, that took a strong lock on it.",
    hazard: "Every row is read under that lock; by itself VALIDATE blocks neither reads nor writes.",
    safe_way: "Commit first; validate in a transaction of its own, as a statement of its own.",
    bad: "ALTER TABLE users ADD CONSTRAINT users_age CHECK (age > 0) NOT VALID, VALIDATE CONSTRAINT users_age;",
    good: "ALTER TABLE users ADD CONSTRAINT users_age CHECK (age > 0) NOT VALID; ALTER TABLE users VALIDATE CONSTRAINT users_age;",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::ValidateConstraint { name, .. }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let message = format!("validating \"{name}\" would read every row of \"{}\" under a strong lock", relation.name);
    let statement = change.sql.as_ref().map(|sql| format!("{sql};"));
    // The commands beside it come first, each on its own.
    let alone = ddl.changes.len() == 1;
    let sentence = if alone && blocking.held_before {
        "COMMIT what this transaction has done, then validate by itself:"
    } else {
        "Validate by itself, after the rest:"
    };
    let recipe = Recipe::new(sentence, statement.into_iter().collect());
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}
