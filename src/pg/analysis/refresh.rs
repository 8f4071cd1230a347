//! REFRESH MATERIALIZED VIEW: nobody reads the view while its query runs, unless it is done concurrently.

use pgrx::pg_sys::{self, Oid};

use super::catalogue::{self, INDEXES_OF, Key};
use super::{held, prior};
use crate::ddl::{Change, ChangeKind, LockMode, WorkKind};
use crate::error::Result;
use crate::pg::{relation, versions};

/// The statement as a change; `None` for what is none of the guard's business.
///
/// # Safety
/// `refresh` is the parser's tree.
pub unsafe fn change(refresh: &pg_sys::RefreshMatViewStmt) -> Result<Option<Change>> {
    // SAFETY: the view's name is part of the tree.
    let Some(view) = (unsafe { relation::lookup(refresh.relation)? }) else { return Ok(None) };
    let theirs = !prior::in_script() && !versions::may_maintain(view);
    if relation::kind_of(view) != pg_sys::RELKIND_MATVIEW || theirs || !relation::existed_before(view) {
        return Ok(None);
    }
    let on = relation::describe(view, false)?;
    let populated = catalogue::class(view).is_some_and(|row| row.boolean(c"relispopulated") == Some(true));
    let can_be = has_unique_index(view);
    // It compares all rows, which readers wait for when this transaction keeps them off already.
    let (lock, kind) = match refresh.concurrent {
        true => (LockMode::Exclusive, WorkKind::Scan),
        false => (LockMode::AccessExclusive, WorkKind::Rewrite),
    };
    // It becomes empty, or nobody can read it yet. CONCURRENTLY is refused then, and without an index, which a script may
    // have made by now.
    let possible = populated && !refresh.skipData && (!refresh.concurrent || can_be || prior::in_script());
    let work = if possible { held::work(view, kind, lock) } else { None };
    let word = if refresh.concurrent { "CONCURRENTLY " } else { "" };
    let sql = format!("REFRESH MATERIALIZED VIEW {word}{}", on.quoted);
    let kind = ChangeKind::RefreshView { concurrently: refresh.concurrent, can_be };
    Ok(Some(Change { on: Some(on), kind, lock: Some(lock), sql: Some(sql), work: work.into_iter().collect() }))
}

/// What CONCURRENTLY needs: a valid unique index on columns, without condition.
fn has_unique_index(view: Oid) -> bool {
    INDEXES_OF.rows(&[Key::Oid(c"indrelid", view.to_u32())]).iter().any(|row| {
        row.boolean(c"indisunique") == Some(true)
            && row.boolean(c"indisvalid") == Some(true)
            && row.boolean(c"indimmediate") == Some(true)
            && row.is_null(c"indpred")
            && row.is_null(c"indexprs")
    })
}
