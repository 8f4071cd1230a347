//! CREATE TRIGGER.

use pgrx::pg_sys;

use crate::ddl::{Change, ChangeKind, LockMode};
use crate::error::Result;
use crate::pg::{convert, relation};

/// The statement as a change.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn change(statement: &pg_sys::CreateTrigStmt) -> Result<Option<Change>> {
    // SAFETY: names are part of the tree.
    unsafe {
        if statement.relation.is_null() {
            return Ok(None);
        }
        let Some(oid) = relation::lookup(statement.relation)? else { return Ok(None) };
        let Some(on) = relation::guarded(oid, true)? else { return Ok(None) };
        let name = convert::string(statement.trigname).unwrap_or_default();
        Ok(Some(Change {
            on: Some(on),
            kind: ChangeKind::CreateTrigger { name },
            lock: Some(LockMode::ShareRowExclusive),
            sql: None,
            work: Vec::new(),
        }))
    }
}
