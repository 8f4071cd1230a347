//! Whether a statement changes definitions or rows, read from its parse tree.

use pgrx::pg_sys::{self, NodeTag};

use super::{node, parse};
use crate::ddl::Content;

/// What a statement changes. DDL on temporary tables is neither: they are scaffolding for a change of data.
///
/// # Safety
/// `statement` is the `stmt` of a RawStmt.
pub(super) unsafe fn of(statement: *mut pg_sys::Node) -> Content {
    // SAFETY: every cast follows the tag.
    unsafe {
        match (*statement).type_ {
            NodeTag::T_InsertStmt
            | NodeTag::T_UpdateStmt
            | NodeTag::T_DeleteStmt
            | NodeTag::T_MergeStmt
            | NodeTag::T_TruncateStmt => Content::Data,
            NodeTag::T_CopyStmt if (*statement.cast::<pg_sys::CopyStmt>()).is_from => Content::Data,
            NodeTag::T_SelectStmt => of_select(&*statement.cast::<pg_sys::SelectStmt>()),
            NodeTag::T_CallStmt if parse::is_backfill(&*statement.cast::<pg_sys::CallStmt>()) => Content::Data,
            NodeTag::T_CreateStmt if is_temporary((*statement.cast::<pg_sys::CreateStmt>()).relation) => Content::Other,
            NodeTag::T_CreateTableAsStmt => {
                let into = (*statement.cast::<pg_sys::CreateTableAsStmt>()).into;
                if !into.is_null() && is_temporary((*into).rel) { Content::Other } else { Content::Schema }
            }
            NodeTag::T_CopyStmt
            | NodeTag::T_CallStmt
            | NodeTag::T_DoStmt
            | NodeTag::T_ExecuteStmt
            | NodeTag::T_PrepareStmt
            | NodeTag::T_DeallocateStmt
            | NodeTag::T_ExplainStmt
            | NodeTag::T_DeclareCursorStmt
            | NodeTag::T_FetchStmt
            | NodeTag::T_ClosePortalStmt
            | NodeTag::T_TransactionStmt
            | NodeTag::T_VariableSetStmt
            | NodeTag::T_VariableShowStmt
            | NodeTag::T_ConstraintsSetStmt
            | NodeTag::T_AlterSystemStmt
            | NodeTag::T_DiscardStmt
            | NodeTag::T_LoadStmt
            | NodeTag::T_LockStmt
            | NodeTag::T_ListenStmt
            | NodeTag::T_UnlistenStmt
            | NodeTag::T_NotifyStmt
            | NodeTag::T_CheckPointStmt
            | NodeTag::T_VacuumStmt
            | NodeTag::T_ClusterStmt
            | NodeTag::T_ReindexStmt
            | NodeTag::T_RefreshMatViewStmt => Content::Other,
            _ => Content::Schema,
        }
    }
}

/// SELECT INTO makes a table; INSERT, UPDATE, DELETE and MERGE may stand in its WITH.
///
/// # Safety
/// `select` is the parser's tree.
unsafe fn of_select(select: &pg_sys::SelectStmt) -> Content {
    // SAFETY: the tags are checked before the casts.
    unsafe {
        if !select.intoClause.is_null() {
            return if is_temporary((*select.intoClause).rel) { Content::Other } else { Content::Schema };
        }
        if select.withClause.is_null() {
            return Content::Other;
        }
        let modifies = node::elements((*select.withClause).ctes)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::CommonTableExpr>(n, NodeTag::T_CommonTableExpr))
            .any(|cte| !(*cte).ctequery.is_null() && (*(*cte).ctequery).type_ != NodeTag::T_SelectStmt);
        if modifies { Content::Data } else { Content::Other }
    }
}

/// # Safety
/// `relation` is NULL or the parser's.
unsafe fn is_temporary(relation: *const pg_sys::RangeVar) -> bool {
    // SAFETY: as above.
    unsafe { !relation.is_null() && (*relation).relpersistence as u8 == pg_sys::RELPERSISTENCE_TEMP }
}
