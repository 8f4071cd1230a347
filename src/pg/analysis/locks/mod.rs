//! The relations that a statement locks, and how: for a plan. What Postgres decides with a function of its own
//! (`AlterTableGetLockLevel`) is asked there; the other modes are those its commands are written with, compared with
//! pg_locks by `tests/driver/test_plan.py`.
//!
//! A table stands for its partitions or children, its indexes and its TOAST table, where the statement does not name them.

mod alter;
mod create;
mod drop;
mod peers;
mod query;
mod taken;
mod upkeep;

use pgrx::pg_sys::{self, Node, NodeTag, ObjectType};

use crate::ddl::{Change, LockMode, Locked};
use crate::error::Result;
use crate::pg::relation;
use taken::Taken;

/// The locks of a statement, of which `changes` are known already; `None` where nobody can know before it runs.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn of(statement: *mut Node, changes: &[Change]) -> Result<Option<Vec<Locked>>> {
    // SAFETY: the caller's promise.
    let mut taken = Taken { may_miss: unsafe { may_miss(statement) }, ..Taken::default() };
    // SAFETY: the caller's promise.
    let known = unsafe { collect(statement, changes, &mut taken) }?;
    // What it is about comes first.
    taken.locks.sort_by_key(|lock| !lock.subject);
    for lock in taken.locks.iter_mut().filter(|lock| lock.subject) {
        lock.tables = lock.relation.map(relation::rows_of).transpose()?.flatten();
    }
    Ok(known.then_some(taken.locks))
}

/// See [`Taken::may_miss`].
///
/// # Safety
/// `statement` is the parser's tree.
unsafe fn may_miss(statement: *mut Node) -> bool {
    let named_by_postgres = |kind| [ObjectType::OBJECT_INDEX, ObjectType::OBJECT_SEQUENCE].contains(&kind);
    // SAFETY: every cast follows the tag.
    unsafe {
        match (*statement).type_ {
            NodeTag::T_DropStmt => {
                let drop = &*statement.cast::<pg_sys::DropStmt>();
                drop.missing_ok || named_by_postgres(drop.removeType)
            }
            NodeTag::T_AlterTableStmt => {
                let alter = &*statement.cast::<pg_sys::AlterTableStmt>();
                alter.missing_ok || named_by_postgres(alter.objtype)
            }
            NodeTag::T_RenameStmt => {
                let rename = &*statement.cast::<pg_sys::RenameStmt>();
                rename.missing_ok || named_by_postgres(rename.renameType)
            }
            NodeTag::T_AlterObjectSchemaStmt => {
                let alter = &*statement.cast::<pg_sys::AlterObjectSchemaStmt>();
                alter.missing_ok || named_by_postgres(alter.objectType)
            }
            NodeTag::T_AlterSeqStmt | NodeTag::T_ReindexStmt | NodeTag::T_CommentStmt => true,
            NodeTag::T_GrantStmt => named_by_postgres((*statement.cast::<pg_sys::GrantStmt>()).objtype),
            _ => false,
        }
    }
}

/// False where it cannot be known.
///
/// # Safety
/// As for [`of`].
unsafe fn collect(statement: *mut Node, changes: &[Change], taken: &mut Taken) -> Result<bool> {
    // SAFETY: every cast follows the tag.
    unsafe {
        match (*statement).type_ {
            NodeTag::T_InsertStmt | NodeTag::T_UpdateStmt | NodeTag::T_DeleteStmt | NodeTag::T_MergeStmt => {
                query::locks(statement, taken)?;
            }
            NodeTag::T_SelectStmt => {
                let select = &*statement.cast::<pg_sys::SelectStmt>();
                if !select.intoClause.is_null() {
                    taken.created((*select.intoClause).rel);
                }
                let calls = query::locks(statement, taken)?;
                // A function that is called may do anything.
                return Ok(!calls || !taken.locks.is_empty());
            }
            NodeTag::T_CreateStmt | NodeTag::T_CreateForeignTableStmt => {
                create::table(&*statement.cast::<pg_sys::CreateStmt>(), taken)?;
            }
            NodeTag::T_CreateTableAsStmt => create::table_as(&*statement.cast(), taken)?,
            NodeTag::T_ViewStmt => create::view(&*statement.cast(), taken)?,
            NodeTag::T_CreateSeqStmt => create::sequence(&*statement.cast(), taken)?,
            NodeTag::T_IndexStmt => create::index(&*statement.cast(), taken)?,
            NodeTag::T_CreateSchemaStmt => {
                return Ok((*statement.cast::<pg_sys::CreateSchemaStmt>()).schemaElts.is_null());
            }
            NodeTag::T_AlterTableStmt => alter::table(&*statement.cast(), taken)?,
            NodeTag::T_AlterTableMoveAllStmt | NodeTag::T_AlterDomainStmt => worked_on(changes, taken),
            NodeTag::T_AlterSeqStmt => alter::sequence(&*statement.cast(), taken)?,
            NodeTag::T_RenameStmt => alter::rename(&*statement.cast(), taken)?,
            NodeTag::T_AlterObjectSchemaStmt => {
                taken.subject(
                    (*statement.cast::<pg_sys::AlterObjectSchemaStmt>()).relation,
                    LockMode::AccessExclusive,
                )?;
            }
            NodeTag::T_DropStmt => return drop::objects(&*statement.cast(), taken),
            NodeTag::T_CreateTrigStmt
            | NodeTag::T_CreateStatsStmt
            | NodeTag::T_RuleStmt
            | NodeTag::T_CreatePolicyStmt
            | NodeTag::T_AlterPolicyStmt => belonging(statement, taken)?,
            _ => return upkeep::locks(statement, changes, taken),
        }
    }
    Ok(true)
}

/// What belongs to a table and is made or altered by itself.
///
/// # Safety
/// As for [`of`].
unsafe fn belonging(statement: *mut Node, taken: &mut Taken) -> Result<()> {
    // SAFETY: every cast follows the tag.
    unsafe {
        match (*statement).type_ {
            NodeTag::T_CreateTrigStmt => {
                let create = &*statement.cast::<pg_sys::CreateTrigStmt>();
                taken.subject(create.relation, LockMode::ShareRowExclusive)?;
                taken.other(create.constrrel, LockMode::AccessShare)?;
            }
            NodeTag::T_CreateStatsStmt => {
                let relations = (*statement.cast::<pg_sys::CreateStatsStmt>()).relations;
                taken.subjects(relations, LockMode::ShareUpdateExclusive)?;
            }
            NodeTag::T_RuleStmt => {
                taken.subject((*statement.cast::<pg_sys::RuleStmt>()).relation, LockMode::AccessExclusive)?;
            }
            NodeTag::T_CreatePolicyStmt => {
                taken.subject((*statement.cast::<pg_sys::CreatePolicyStmt>()).table, LockMode::AccessExclusive)?;
            }
            NodeTag::T_AlterPolicyStmt => {
                taken.subject((*statement.cast::<pg_sys::AlterPolicyStmt>()).table, LockMode::AccessExclusive)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The tables on whose rows a statement works that names none.
fn worked_on(changes: &[Change], taken: &mut Taken) {
    for work in changes.iter().flat_map(|change| &change.work) {
        taken.oid(work.relation.into(), work.lock, true);
    }
}
