//! `parent-ddl-fans-out`: DDL on a parent locks every partition, all at once, until the end of the transaction.

use crate::catalog::storage;
use crate::ddl::{Change, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "parent-ddl-fans-out",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "DDL on a parent with so many partitions that their locks take a quarter of the server's lock table.",
    hazard: "Every partition and index is locked, and waited for, one by one. When the lock table is full, the statement and \
             those of other sessions fail with \"out of shared memory\".",
    safe_way: "Raise max_locks_per_transaction, or work partition by partition.",
    bad: "",
    good: "ALTER TABLE events ADD COLUMN a int;",
    find,
};

/// The share of the lock table that is too much: one in so many.
const SHARE: u64 = 4;

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let Some(relation) = &change.on else { return Ok(None) };
    // Once a statement; ONLY locks one table.
    if relation.leaves.len() < 100 || !ddl.changes.first().is_some_and(|first| std::ptr::eq(first, change)) {
        return Ok(None);
    }
    let (locks, room) = storage::locks_of_tree(relation.oid)?;
    if locks < room / SHARE {
        return Ok(None);
    }
    let mode = change.lock.map_or("the same".to_owned(), |lock| format!("an {} lock", lock.name()));
    let message = format!("the partitions of \"{}\" would take {locks} locks at once", relation.name);
    let detail = format!(
        "Each partition gets {mode}, and up to {locks} relations are locked until the end of the transaction; the server has \
         room for {room}. When it is full, statements fail with \"out of shared memory\"."
    );
    let recipe =
        Recipe::advice("Raise max_locks_per_transaction, or do it partition by partition where that is possible.");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
