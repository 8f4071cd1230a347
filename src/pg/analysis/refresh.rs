//! REFRESH MATERIALIZED VIEW: nobody reads the view while its query runs, unless it is done concurrently.

use pgrx::pg_sys::{self, Oid};

use super::catalogue::{CLASS, Catalogue, INDEXES_OF, Key};
use super::held;
use crate::ddl::{Change, ChangeKind, LockMode, WorkKind};
use crate::error::Result;
use crate::pg::relation;

/// pg_class by oid.
const CLASS_BY_OID: Catalogue = Catalogue { oid: CLASS, index: 2662 };

/// The statement as a change; `None` for what is none of the guard's business.
///
/// # Safety
/// `refresh` is the parser's tree.
pub unsafe fn change(refresh: &pg_sys::RefreshMatViewStmt) -> Result<Option<Change>> {
    // SAFETY: the view's name is part of the tree.
    let Some(view) = (unsafe { relation::lookup(refresh.relation)? }) else { return Ok(None) };
    let Some(on) = relation::guarded(view, false)? else { return Ok(None) };
    let rows = CLASS_BY_OID.rows(&[Key::Oid(c"oid", view.to_u32())]);
    let populated = rows.first().is_some_and(|row| row.boolean(c"relispopulated") == Some(true));
    let (lock, work) = if refresh.concurrent {
        (LockMode::Exclusive, None)
    } else if refresh.skipData || !populated {
        // It becomes empty, or nobody can read it yet.
        (LockMode::AccessExclusive, None)
    } else {
        (LockMode::AccessExclusive, held::work(view, WorkKind::Rewrite, LockMode::AccessExclusive))
    };
    let sql = format!("REFRESH MATERIALIZED VIEW {}", on.quoted);
    let kind = ChangeKind::RefreshView { concurrently: refresh.concurrent, can_be: has_unique_index(view) };
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
