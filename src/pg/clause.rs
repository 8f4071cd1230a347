//! Is a text what it claims to be: the SET list of an UPDATE, or a condition? Postgres's grammar decides.

use pgrx::pg_sys::{self, NodeTag};

use super::memory::Scratch;
use super::{convert, lexer, node, versions};
use crate::ddl::SetClause;
use crate::error::Result;

/// The columns a SET list assigns, or `None` when the text is more, or something else, than a SET list.
/// A syntax error comes back as Postgres raised it.
pub fn set_clause(text: &str) -> Result<Option<SetClause>> {
    let _scratch = Scratch::new();
    let Some(statement) = single(&format!("UPDATE t SET {text}\n"))? else { return Ok(None) };
    // SAFETY: the tag is checked; the tree lives in the scratch context.
    unsafe {
        let Some(update) = node::cast::<pg_sys::UpdateStmt>(statement, NodeTag::T_UpdateStmt) else {
            return Ok(None);
        };
        let update = &*update;
        let more = !update.whereClause.is_null()
            || !update.fromClause.is_null()
            || !versions::returns_nothing(update)
            || !update.withClause.is_null();
        if more {
            return Ok(None);
        }
        let columns = node::elements(update.targetList)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::ResTarget>(n, NodeTag::T_ResTarget))
            .filter_map(|target| convert::string((*target).name))
            .collect();
        Ok(Some(SetClause { columns }))
    }
}

/// Whether the text is a condition that can stand behind WHERE, and nothing more.
pub fn is_condition(text: &str) -> Result<bool> {
    let _scratch = Scratch::new();
    let Some(statement) = single(&format!("SELECT WHERE {text}\n"))? else { return Ok(false) };
    // SAFETY: the tag is checked; the tree lives in the scratch context.
    unsafe {
        let Some(select) = node::cast::<pg_sys::SelectStmt>(statement, NodeTag::T_SelectStmt) else {
            return Ok(false);
        };
        let select = &*select;
        let lists = [
            select.targetList,
            select.fromClause,
            select.groupClause,
            select.windowClause,
            select.sortClause,
            select.lockingClause,
        ];
        let nodes = [select.havingClause, select.limitOffset, select.limitCount];
        Ok(!select.whereClause.is_null()
            && select.op == pg_sys::SetOperation::SETOP_NONE
            && lists.iter().all(|list| list.is_null())
            && nodes.iter().all(|node| node.is_null()))
    }
}

/// The one statement of a text; `None` when it holds several.
fn single(text: &str) -> Result<Option<*mut pg_sys::Node>> {
    let source = convert::c_string(text);
    let source = source.as_ptr();
    // SAFETY: `source` is NUL-terminated.
    unsafe {
        Ok(match lexer::parse(source)?.as_slice() {
            [only] => Some((**only).stmt),
            _ => None,
        })
    }
}
