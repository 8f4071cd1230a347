//! `detach-pending`: DDL on a partitioned table, a partition of which is half detached.
//!
//! Hazard: an interrupted DETACH ... CONCURRENTLY leaves a partition that queries on the parent do not see and that still
//! belongs to it. DDL on the parent passes it by: after ADD COLUMN, say, FINALIZE fails with "could not convert row type".

use crate::catalog::partitions;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "detach-pending",
    class: Class::Live,
    default: Default::Always(Action::Error),
    summary: "DDL on a partitioned table while a partition of it is half detached.",
    hazard: "DETACH ... CONCURRENTLY was interrupted: queries do not see the partition's rows, yet it still belongs to the table. \
             This DDL passes it by. After a change of columns it cannot be detached any more, and until it is no other can be.",
    safe_way: "DETACH PARTITION ... FINALIZE first.",
    bad: "",
    good: "ALTER TABLE events ADD COLUMN a int;",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let Some(parent) = change.on.as_ref().filter(|on| on.partitioned) else { return Ok(None) };
    // DROP TABLE takes the partition along.
    if matches!(change.kind, ChangeKind::Drop { .. }) {
        return Ok(None);
    }
    // Once a statement.
    if !ddl.changes.first().is_some_and(|first| std::ptr::eq(first, change)) {
        return Ok(None);
    }
    let mut pending = partitions::detaching(parent.oid)?;
    if let ChangeKind::DetachPartition { partition, finalize: true, .. } = &change.kind {
        pending.retain(|name| *name != partition.quoted);
    }
    let Some(first) = pending.first() else { return Ok(None) };
    let message = format!("a partition of \"{}\" is half detached", parent.name);
    let detail = format!(
        "{first} is no longer seen through {}, but still belongs to it: its DETACH ... CONCURRENTLY runs now, or was \
         interrupted. This statement passes it by; when it changes columns, FINALIZE fails from then on.",
        parent.quoted
    );
    let finalize = |name: &String| format!("ALTER TABLE {} DETACH PARTITION {name} FINALIZE;", parent.quoted);
    let recipe =
        Recipe::new("If nobody is detaching it now, finish that first:", pending.iter().map(finalize).collect());
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
