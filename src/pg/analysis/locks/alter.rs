//! ALTER TABLE and its like, RENAME.

use pgrx::pg_sys::{self, AlterTableType as At, NodeTag, Oid};

use super::{create, peers, taken::Taken};
use crate::ddl::LockMode;
use crate::error::Result;
use crate::pg::{boundary, convert, node, raw, relation};

/// Any ALTER of a relation that goes through ALTER TABLE's code: of views, indexes, sequences and composite types too.
///
/// # Safety
/// The parser's tree.
pub unsafe fn table(alter: &pg_sys::AlterTableStmt, taken: &mut Taken) -> Result<()> {
    // SAFETY: every cast follows the tag; a raw call within the boundary.
    unsafe {
        let cmds = alter.cmds;
        let number = boundary::catch(|| raw::AlterTableGetLockLevel(cmds))?;
        let mode = LockMode::from_number(number).unwrap_or(LockMode::AccessExclusive);
        let oid = taken.subject(alter.relation, mode)?.and_then(|place| place.oid);
        for command in node::elements(cmds) {
            if let Some(command) = node::cast::<pg_sys::AlterTableCmd>(command, NodeTag::T_AlterTableCmd) {
                by_definition(&*command, oid, taken)?;
                if let Some(oid) = oid {
                    by_name(&*command, oid, taken);
                }
            }
        }
        if let Some(oid) = oid
            && alter.objtype == pg_sys::ObjectType::OBJECT_TYPE
        {
            peers::typed_tables(oid, taken);
        }
        Ok(())
    }
}

/// What a command names besides the relation, which may be new.
///
/// # Safety
/// The parser's tree.
unsafe fn by_definition(command: &pg_sys::AlterTableCmd, oid: Option<Oid>, taken: &mut Taken) -> Result<()> {
    // SAFETY: every cast follows the tag.
    unsafe {
        let partition = node::cast::<pg_sys::PartitionCmd>(command.def, NodeTag::T_PartitionCmd);
        let parent = node::cast::<pg_sys::RangeVar>(command.def, NodeTag::T_RangeVar);
        match (command.subtype, partition, parent) {
            (At::AT_AddConstraint | At::AT_AddColumn, ..) => create::references(command.def, taken)?,
            (At::AT_AttachPartition, Some(partition), _) => {
                taken.other((*partition).name, LockMode::AccessExclusive)?;
                if let Some(oid) = oid {
                    peers::default_partition(oid, taken)?;
                }
            }
            (At::AT_DetachPartition | At::AT_DetachPartitionFinalize, Some(partition), _) => {
                taken.other((*partition).name, LockMode::AccessExclusive)?;
                if let Some(oid) = oid
                    && command.subtype == At::AT_DetachPartition
                    && !(*partition).concurrent
                {
                    peers::default_partition(oid, taken)?;
                }
            }
            (At::AT_AddInherit, _, Some(parent)) => {
                taken.other(parent, LockMode::ShareUpdateExclusive)?;
            }
            (At::AT_DropInherit, _, Some(parent)) => {
                taken.other(parent, LockMode::AccessShare)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// What the catalogue ties to a column or constraint that a command names.
fn by_name(command: &pg_sys::AlterTableCmd, oid: Oid, taken: &mut Taken) {
    // SAFETY: a name is NULL or NUL-terminated.
    let Some(name) = (unsafe { convert::string(command.name) }) else { return };
    match command.subtype {
        At::AT_DropColumn | At::AT_AlterColumnType => peers::by_foreign_keys(oid, Some(&name), taken),
        At::AT_DropConstraint => peers::referenced_by(oid, &name, LockMode::AccessExclusive, taken),
        At::AT_ValidateConstraint => peers::referenced_by(oid, &name, LockMode::RowShare, taken),
        _ => {}
    }
}

/// # Safety
/// The parser's tree.
pub unsafe fn sequence(alter: &pg_sys::AlterSeqStmt, taken: &mut Taken) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        taken.subject(alter.sequence, LockMode::ShareRowExclusive)?;
        create::owner(alter.options, taken)
    }
}

/// ALTER INDEX takes a weaker lock than ALTER TABLE, which renames indexes too.
///
/// # Safety
/// The parser's tree.
pub unsafe fn rename(rename: &pg_sys::RenameStmt, taken: &mut Taken) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        let found = if rename.relation.is_null() { None } else { relation::lookup(rename.relation)? };
        let is_index = found.is_some_and(|oid| {
            [pg_sys::RELKIND_INDEX, pg_sys::RELKIND_PARTITIONED_INDEX].contains(&relation::kind_of(oid))
        });
        let weak = is_index && rename.renameType == pg_sys::ObjectType::OBJECT_INDEX;
        let mode = if weak { LockMode::ShareUpdateExclusive } else { LockMode::AccessExclusive };
        taken.subject(rename.relation, mode).map(drop)
    }
}
