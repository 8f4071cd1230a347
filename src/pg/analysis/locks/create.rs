//! CREATE TABLE, VIEW, SEQUENCE, INDEX.

use pgrx::pg_sys::{self, ConstrType, Node, NodeTag};

use super::{peers, query, taken::Taken};
use crate::ddl::LockMode;
use crate::error::Result;
use crate::pg::{convert, node};

/// # Safety
/// The parser's tree.
pub unsafe fn table(create: &pg_sys::CreateStmt, taken: &mut Taken) -> Result<()> {
    // SAFETY: every cast follows the tag.
    unsafe {
        if create.relation.is_null() || taken.created(create.relation).is_some() {
            return Ok(());
        }
        let is_partition = !create.partbound.is_null();
        let mode = if is_partition { LockMode::AccessExclusive } else { LockMode::ShareUpdateExclusive };
        for parent in node::elements(create.inhRelations) {
            let Some(parent) = node::cast::<pg_sys::RangeVar>(parent, NodeTag::T_RangeVar) else { continue };
            if let Some(oid) = taken.other(parent, mode)?.and_then(|place| place.oid)
                && is_partition
            {
                peers::default_partition(oid, taken)?;
            }
        }
        for element in node::elements(create.tableElts) {
            if let Some(like) = node::cast::<pg_sys::TableLikeClause>(element, NodeTag::T_TableLikeClause) {
                taken.other((*like).relation, LockMode::AccessShare)?;
            }
            references(element, taken)?;
        }
        Ok(())
    }
}

/// The tables that a constraint references, or those of a column's definition.
///
/// # Safety
/// `element` is NULL or the parser's.
pub unsafe fn references(element: *mut Node, taken: &mut Taken) -> Result<()> {
    // SAFETY: every cast follows the tag.
    unsafe {
        let of_column = node::cast::<pg_sys::ColumnDef>(element, NodeTag::T_ColumnDef)
            .map(|column| node::elements((*column).constraints))
            .unwrap_or_default();
        for written in of_column.into_iter().chain([element]) {
            let Some(constraint) = node::cast::<pg_sys::Constraint>(written, NodeTag::T_Constraint) else { continue };
            if (*constraint).contype == ConstrType::CONSTR_FOREIGN {
                taken.other((*constraint).pktable, LockMode::ShareRowExclusive)?;
            }
        }
        Ok(())
    }
}

/// # Safety
/// The parser's tree.
pub unsafe fn table_as(create: &pg_sys::CreateTableAsStmt, taken: &mut Taken) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        if create.into.is_null() || taken.created((*create.into).rel).is_some() {
            return Ok(());
        }
        // What EXECUTE runs is not known here; it only reads.
        query::locks(create.query, taken).map(drop)
    }
}

/// # Safety
/// The parser's tree.
pub unsafe fn view(create: &pg_sys::ViewStmt, taken: &mut Taken) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(replaced) = taken.created(create.view) {
            taken.place(&replaced, LockMode::AccessExclusive, true);
        }
        query::locks(create.query, taken).map(drop)
    }
}

/// # Safety
/// The parser's tree.
pub unsafe fn sequence(create: &pg_sys::CreateSeqStmt, taken: &mut Taken) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        if taken.created(create.sequence).is_none() {
            owner(create.options, taken)?;
        }
        Ok(())
    }
}

/// OWNED BY a column.
///
/// # Safety
/// `options` is NIL or the parser's list.
pub unsafe fn owner(options: *const pg_sys::List, taken: &mut Taken) -> Result<()> {
    // SAFETY: the tags are checked before the casts.
    unsafe {
        for option in node::elements(options) {
            let Some(option) = node::cast::<pg_sys::DefElem>(option, NodeTag::T_DefElem) else { continue };
            if convert::string((*option).defname).as_deref() == Some("owned_by")
                && let Some(list) = node::cast::<pg_sys::List>((*option).arg, NodeTag::T_List)
            {
                taken.dotted(&node::strings(list), 1, LockMode::AccessShare)?;
            }
        }
        Ok(())
    }
}

/// # Safety
/// The parser's tree.
pub unsafe fn index(create: &pg_sys::IndexStmt, taken: &mut Taken) -> Result<()> {
    let mode = if create.concurrent { LockMode::ShareUpdateExclusive } else { LockMode::Share };
    // SAFETY: the caller's promise.
    unsafe { taken.subject(create.relation, mode) }.map(drop)
}
