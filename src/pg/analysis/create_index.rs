//! CREATE INDEX.

use pgrx::pg_sys;

use super::{held, index_statement};
use crate::ddl::{Change, ChangeKind, LockMode, WorkKind};
use crate::error::Result;
use crate::pg::relation;

/// The statement as a change; `None` when it would do nothing, or is none of the guard's business.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn change(statement: &pg_sys::IndexStmt) -> Result<Option<Change>> {
    // SAFETY: the relation's name is part of the tree.
    unsafe {
        if statement.concurrent || statement.relation.is_null() {
            return Ok(None);
        }
        let Some(oid) = relation::lookup(statement.relation)? else { return Ok(None) };
        let with_children = (*statement.relation).inh && relation::kind_of(oid) == pg_sys::RELKIND_PARTITIONED_TABLE;
        let Some(on) = relation::guarded(oid, with_children)? else { return Ok(None) };
        // ON ONLY a partitioned table builds nothing.
        if on.partitioned && !with_children {
            return Ok(None);
        }
        let schema = pg_sys::get_rel_namespace(oid);
        // IF NOT EXISTS that finds the name does nothing; without it, Postgres refuses.
        if !statement.idxname.is_null() && pg_sys::get_relname_relid(statement.idxname, schema) != pg_sys::Oid::INVALID
        {
            return Ok(None);
        }
        let definition = index_statement::definition(statement, oid, on.partitioned)?;
        let unique = if statement.unique { "UNIQUE " } else { "" };
        let sql = definition
            .body
            .as_ref()
            .map(|body| format!("CREATE {unique}INDEX {}ON {} {body}", definition.name_clause, on.quoted));
        let work = on
            .leaves
            .iter()
            .filter_map(|leaf| held::work(pg_sys::Oid::from(*leaf), WorkKind::Build, LockMode::Share))
            .collect();
        Ok(Some(Change {
            on: Some(on),
            kind: ChangeKind::CreateIndex(definition),
            lock: Some(LockMode::Share),
            sql,
            work,
        }))
    }
}
