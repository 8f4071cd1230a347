//! `concurrently-behind-old-snapshot`: CONCURRENTLY waits for transactions that have been open for long.
//!
//! Hazard: it waits for every snapshot of the database that is older than it, whatever table that reads; with a lock_timeout
//! it fails there, and leaves an invalid index behind.

use super::ddl_behind_long_transaction::capital;
use crate::ddl::{Change, ChangeKind, Ddl, Session};
use crate::error::Result;
use crate::guard::moment::{is_long, locked, waits_for_snapshots};
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "concurrently-behind-old-snapshot",
    class: Class::Live,
    default: Default::Always(Action::Error),
    summary: "CREATE, DROP or REINDEX INDEX or DETACH PARTITION CONCURRENTLY while a transaction that it waits for has been open for longer than migrator.long_transaction.",
    hazard: "It waits for that transaction, whatever table it reads, and keeps other DDL off the table meanwhile; when a timeout \
             ends the wait, an invalid index is left.",
    safe_way: "End that transaction, or try again when it is over.",
    bad: "",
    good: "CREATE INDEX CONCURRENTLY users_email ON users (email);",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    if !waits_for_snapshots(change) && !detaches(change) {
        return Ok(None);
    }
    let Some(session) = waited_for(change, ddl) else { return Ok(None) };
    let message = format!("{} CONCURRENTLY would wait for a transaction that has been open for long", ddl.tag);
    let detail = format!(
        "{} has had a transaction open for {}{}. CONCURRENTLY waits for every transaction that may not see its work yet, and \
         keeps other DDL off the table meanwhile; a timeout there leaves it half done.",
        capital(&session.name()),
        session.age(),
        session.doing(),
    );
    let again = change.sql.iter().map(|sql| format!("{sql};"));
    let recipe = Recipe::new(
        "Wait until it is over, or end it; then try again:",
        session.ended_by().into_iter().chain(again).collect(),
    );
    Ok(Some(Finding::new(change, message, detail, recipe)))
}

/// DETACH PARTITION CONCURRENTLY waits for who uses the table, and for no snapshots.
fn detaches(change: &Change) -> bool {
    matches!(change.kind, ChangeKind::DetachPartition { concurrently: true, .. })
}

/// The longest transaction that it waits for: one with a snapshot, one that writes to the table, and for DROP and DETACH
/// one that uses it at all.
fn waited_for<'a>(change: &Change, ddl: &'a Ddl) -> Option<&'a Session> {
    let drops = detaches(change) || matches!(change.kind, ChangeKind::Drop { .. });
    let tables: Vec<u32> = locked(change, ddl).into_iter().map(|l| l.0).collect();
    let holders = ddl.moment.holders.iter();
    let users =
        holders.filter(|h| tables.contains(&h.relation) && (drops || h.lock >= crate::ddl::LockMode::RowExclusive));
    let users = users.map(|h| &h.session).filter(|s| !s.autovacuum);
    users.chain(&ddl.moment.snapshots).filter(|s| is_long(s)).max_by(|a, b| a.seconds.total_cmp(&b.seconds))
}
