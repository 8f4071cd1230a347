//! The live rules' common questions: what a command locks, and who is in its way now.

use crate::catalog::activity;
use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl, Holder, LockMode, Session};
use crate::error::Result;
use crate::pg::contention;
use crate::pg::relation::{is_older, leaves};
use crate::settings;

/// Looks at what goes on, once for a statement, and only when it takes a lock for which it may wait long.
pub fn look(ddl: &mut Ddl) -> Result<()> {
    look_at(ddl, Vec::new())
}

/// The same for a statement that is only planned: at every lock it will take. Held is what earlier statements will have
/// taken, not what this session has.
pub fn look_ahead(ddl: &mut Ddl, snapshots: bool) -> Result<()> {
    let mut relations = Vec::new();
    for oid in ddl.locks.iter().flatten().filter_map(|lock| lock.relation) {
        relations.push(oid);
        relations.extend(leaves(oid)?);
    }
    look_at(ddl, relations)?;
    ddl.moment.held_unknown = false;
    if snapshots && !ddl.changes.iter().any(waits_for_snapshots) {
        ddl.moment.snapshots = activity::snapshots()?;
    }
    Ok(())
}

/// `more` are looked at too.
fn look_at(ddl: &mut Ddl, more: Vec<u32>) -> Result<()> {
    let altered: Vec<u32> = ddl.changes.iter().filter(|c| locks_peers(c)).flat_map(own).map(|l| l.0).collect();
    if !altered.is_empty() {
        ddl.moment.peers = activity::foreign_key_peers(&altered)?;
    }
    let wanted: Vec<(u32, LockMode)> =
        ddl.changes.iter().flat_map(|c| locked(c, ddl)).filter(|l| is_strong(l.1)).collect();
    let mut relations: Vec<u32> = wanted.iter().map(|l| l.0).chain(more.iter().copied()).collect();
    relations.sort_unstable();
    relations.dedup();
    if relations.is_empty() && ddl.changes.iter().all(|c| c.work.is_empty()) {
        return Ok(());
    }
    ddl.moment.held_unknown = true;
    let patient = ddl.changes.iter().any(|c| waits_for_snapshots(c) || detaches_concurrently(c));
    if patient || !more.is_empty() || are_contended(&wanted)? {
        ddl.moment.holders = activity::holders(&relations)?;
    }
    if ddl.changes.iter().any(waits_for_snapshots) {
        ddl.moment.snapshots = activity::snapshots()?;
    }
    Ok(())
}

/// So many relations are asked about one by one; more of them at once.
const FEW: usize = 50;

/// Whether anybody holds a lock that one of these waits for.
fn are_contended(wanted: &[(u32, LockMode)]) -> Result<bool> {
    if wanted.len() > FEW {
        return Ok(true);
    }
    for (relation, lock) in wanted {
        if contention::is_contended(*relation, *lock)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Locks that block writes and that earlier statements of the transaction took, on tables that existed before.
pub fn held(ddl: &Ddl) -> Result<Vec<(u32, LockMode)>> {
    if !ddl.moment.held_unknown {
        return Ok(ddl.moment.held.clone());
    }
    let mut held = activity::held()?;
    held.retain(|(relation, _)| is_older(*relation));
    Ok(held)
}

/// SHARE UPDATE EXCLUSIVE and up: what DDL and VACUUM wait for each other with.
fn is_strong(lock: LockMode) -> bool {
    lock >= LockMode::ShareUpdateExclusive
}

/// Relations that a command locks, and how: its own, those its foreign keys reference, those tied to it.
pub fn locked(change: &Change, ddl: &Ddl) -> Vec<(u32, LockMode)> {
    let mut locks = own(change);
    let shared = LockMode::ShareRowExclusive;
    match &change.kind {
        ChangeKind::AddConstraint(new) => locks.extend(new.references.iter().map(|r| (r.oid, shared))),
        ChangeKind::AddColumn { new, .. } => {
            let references = new.constraints.iter().filter_map(|c| c.references.as_ref());
            locks.extend(references.map(|r| (r.oid, shared)));
        }
        ChangeKind::CreateTable(new) if !new.exists => {
            locks.extend(new.references.iter().map(|r| (r.oid, shared)));
            locks.extend(new.partition_of.iter().map(|r| (r.oid, LockMode::AccessExclusive)));
        }
        _ if locks_peers(change) => {
            locks.extend(ddl.moment.peers.iter().map(|peer| (*peer, LockMode::AccessExclusive)));
        }
        _ => {}
    }
    locks
}

/// What it is about, with the tables below.
fn own(change: &Change) -> Vec<(u32, LockMode)> {
    let Some(lock) = change.lock else { return Vec::new() };
    let on = change.on.iter();
    let others = match &change.kind {
        ChangeKind::Drop { objects, .. } => objects.iter().filter_map(|o| o.relation.as_ref()).collect(),
        ChangeKind::Truncate { tables, .. } => tables.iter().collect(),
        _ => Vec::new(),
    };
    let mut locks: Vec<(u32, LockMode)> = on
        .chain(others)
        .flat_map(|r| r.leaves.iter().copied().chain([r.oid]))
        .map(|relation| (relation, lock))
        .collect();
    locks.sort_unstable();
    locks.dedup();
    locks
}

/// Whether it takes ACCESS EXCLUSIVE on the tables at the other end of foreign keys too.
fn locks_peers(change: &Change) -> bool {
    match &change.kind {
        ChangeKind::AlterType { .. } => true,
        ChangeKind::DropConstraint { kind, .. } => *kind == ConstraintKind::ForeignKey,
        ChangeKind::Drop { objects, concurrently, .. } => !concurrently && objects.iter().any(|o| o.kind == "TABLE"),
        _ => false,
    }
}

/// Whether it waits for every older snapshot of the database.
pub fn waits_for_snapshots(change: &Change) -> bool {
    matches!(
        change.kind,
        ChangeKind::CreateIndexConcurrently { .. }
            | ChangeKind::Reindex { concurrently: true, .. }
            | ChangeKind::Drop { concurrently: true, .. }
    )
}

/// Whether it waits for those who use the table, whatever they do with it.
fn detaches_concurrently(change: &Change) -> bool {
    matches!(change.kind, ChangeKind::DetachPartition { concurrently: true, .. })
}

/// Locks of others that a command would wait for, with the lock it wants; longest transaction first.
pub fn blockers<'a>(change: &Change, ddl: &'a Ddl) -> Vec<(&'a Holder, LockMode)> {
    let wanted = locked(change, ddl);
    let waits = |holder: &&Holder| wanted.iter().find(|w| w.0 == holder.relation && w.1.conflicts_with(holder.lock));
    ddl.moment.holders.iter().filter_map(|holder| Some((holder, waits(&holder)?.1))).collect()
}

/// The sessions that a planned statement would wait for now, longest transaction first: those whose locks are in its way,
/// and for CONCURRENTLY those with an older snapshot.
pub fn waited_for(ddl: &Ddl) -> Result<Vec<&Session>> {
    let mut found: Vec<&Session> = Vec::new();
    for lock in ddl.locks.iter().flatten() {
        let (Some(oid), Some(mode)) = (lock.relation, lock.mode) else { continue };
        let tree = leaves(oid)?;
        let in_the_way = |h: &&Holder| {
            (h.relation == oid || tree.contains(&h.relation))
                && ddl.changes.iter().map(|c| waits_as(c, mode)).chain([mode]).any(|m| m.conflicts_with(h.lock))
        };
        found.extend(ddl.moment.holders.iter().filter(in_the_way).map(|holder| &holder.session));
    }
    // One that works is gone in a moment, and the next one has come.
    found.extend(ddl.moment.snapshots.iter().filter(|s| s.idle || s.seconds >= 1.0));
    found.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let mut known: Vec<(Option<u32>, Option<&str>)> = Vec::new();
    found.retain(|s| {
        let key = (s.pid, s.prepared.as_deref());
        let new = !known.contains(&key);
        known.push(key);
        new
    });
    Ok(found)
}

/// CONCURRENTLY waits for other locks than those that are in the way of its own: writers while an index is built, everybody
/// before one goes.
fn waits_as(change: &Change, mode: LockMode) -> LockMode {
    match change.kind {
        ChangeKind::CreateIndexConcurrently { .. } => LockMode::Share,
        ChangeKind::Reindex { concurrently: true, .. }
        | ChangeKind::Drop { concurrently: true, .. }
        | ChangeKind::DetachPartition { concurrently: true, .. } => LockMode::AccessExclusive,
        _ => mode,
    }
}

/// Whether a session's transaction counts as long.
pub fn is_long(session: &Session) -> bool {
    settings::long_transaction_seconds().is_some_and(|limit| session.seconds >= limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl::{Moment, Relation};

    fn change(kind: ChangeKind, lock: LockMode) -> Change {
        let on = Relation { oid: 1, leaves: vec![2, 3], ..Relation::default() };
        Change { on: Some(on), kind, lock: Some(lock), sql: None, work: Vec::new() }
    }

    fn holder(relation: u32, lock: LockMode) -> Holder {
        Holder { relation, quoted: "s.t".into(), lock, session: Session::default() }
    }

    #[test]
    fn what_is_waited_for() {
        let holders = vec![
            holder(2, LockMode::AccessShare),
            holder(1, LockMode::RowExclusive),
            holder(9, LockMode::AccessExclusive),
        ];
        let ddl = Ddl { moment: Moment { holders, ..Moment::default() }, ..Ddl::default() };
        let alter = change(ChangeKind::OtherAlter, LockMode::AccessExclusive);
        assert_eq!(blockers(&alter, &ddl).len(), 2);
        let index = change(ChangeKind::OtherAlter, LockMode::Share);
        assert_eq!(blockers(&index, &ddl).iter().map(|b| b.0.relation).collect::<Vec<_>>(), [1]);
    }
}
