//! `detach-partition-blocking`: DETACH PARTITION of a large partitioned table without CONCURRENTLY.
//!
//! Hazard: no work, but ACCESS EXCLUSIVE on the partitioned table: whoever reads or writes any partition of it waits behind.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::pg;

pub static RULE: Rule = Rule {
    id: "detach-partition-blocking",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "DETACH PARTITION without CONCURRENTLY from a large partitioned table.",
    hazard: "It queues for an ACCESS EXCLUSIVE lock on the whole partitioned table; reads and writes wait behind it.",
    safe_way: "DETACH PARTITION ... CONCURRENTLY, which a DEFAULT partition rules out.",
    bad: "ALTER TABLE events DETACH PARTITION events_2025;",
    good: "ALTER TABLE events DETACH PARTITION events_2025 CONCURRENTLY;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::DetachPartition { partition, concurrently: false, finalize: false, default }, Some(parent)) =
        (&change.kind, &change.on)
    else {
        return Ok(None);
    };
    let leaves = pg::relation::leaves(parent.oid)?;
    let size = Size::of(&leaves)?;
    if !size.is_large() {
        return Ok(None);
    }
    let message = format!("detaching \"{}\" would lock all of \"{}\"", partition.name, parent.name);
    let detail = format!(
        "{} has {}. The statement queues for an ACCESS EXCLUSIVE lock on it, which blocks reads and writes.",
        parent.quoted,
        size.describe()?
    );
    let recipe = match (default, &change.sql) {
        (Some(default), _) => Recipe::advice(format!(
            "With the DEFAULT partition {} it cannot be done CONCURRENTLY; choose a quiet moment.",
            default.quoted
        )),
        (None, Some(sql)) => Recipe::new(
            "Detach it without blocking, outside of a transaction block:",
            vec![format!("{sql} CONCURRENTLY;")],
        ),
        (None, None) => Recipe::advice("Add CONCURRENTLY, outside of a transaction block."),
    };
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
