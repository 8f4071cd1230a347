//! ALTER SEQUENCE.

use pgrx::pg_sys::{self, NodeTag};

use super::resolve;
use crate::ddl::{Change, ChangeKind, LockMode};
use crate::error::Result;
use crate::pg::{convert, node, object, relation};

/// The statement as a change. OWNED BY alone changes no number that is handed out, but takes the same lock.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn change(statement: &pg_sys::AlterSeqStmt) -> Result<Option<Change>> {
    // SAFETY: the name is part of the tree; tags are checked before the casts.
    unsafe {
        if statement.sequence.is_null() || statement.for_identity {
            return Ok(None);
        }
        let Some(oid) = relation::lookup(statement.sequence)? else { return Ok(None) };
        if !resolve::is_called(pg_sys::ObjectType::OBJECT_SEQUENCE, oid)
            || !object::is_guarded(pg_sys::RelationRelationId, oid)
        {
            return Ok(None);
        }
        let options: Vec<String> = node::elements(statement.options)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::DefElem>(n, NodeTag::T_DefElem))
            .filter_map(|option| convert::string((*option).defname))
            .collect();
        let only_owner = options.iter().all(|option| option == "owned_by");
        Ok((!only_owner).then_some(Change {
            on: None,
            kind: ChangeKind::AlterSequence { sequence: object::relation_object(oid)? },
            lock: Some(LockMode::ShareRowExclusive),
            sql: None,
            work: Vec::new(),
        }))
    }
}
