//! The locks that this transaction holds already.

use pgrx::pg_sys;

use super::prior;
use crate::ddl::LockMode;
use crate::pg::{relation, versions};

/// The strongest lock on a relation that this transaction holds; in a script, that earlier statements of it take.
pub fn strongest(relation: pg_sys::Oid) -> Option<LockMode> {
    if let Some(held) = prior::ask(|prior| prior.lock(relation.to_u32())) {
        return held;
    }
    LockMode::ALL.into_iter().rev().find(|mode| versions::holds_relation_lock(relation, *mode as i32))
}

/// The lock under which a command that takes `taken` works, and whether an earlier statement took it.
pub fn effective(relation: pg_sys::Oid, taken: LockMode) -> (LockMode, bool) {
    match strongest(relation) {
        Some(held) if held > taken => (held, true),
        _ => (taken, false),
    }
}

/// Work on a table, unless nobody else could be waiting for it: it is new, temporary, or has no storage.
pub fn work(table: pg_sys::Oid, kind: crate::ddl::WorkKind, taken: LockMode) -> Option<crate::ddl::Work> {
    if !relation::has_storage(table) || !relation::existed_before(table) || relation::is_emptied(table) {
        return None;
    }
    let (lock, held_before) = effective(table, taken);
    // Nobody writes to a materialized view but REFRESH.
    if relation::kind_of(table) == pg_sys::RELKIND_MATVIEW && lock < LockMode::AccessExclusive {
        return None;
    }
    Some(crate::ddl::Work { relation: table.to_u32(), kind, lock, held_before })
}
