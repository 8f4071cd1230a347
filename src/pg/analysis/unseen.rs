//! Statements that are only about what nobody else sees yet, or that the analysis has nothing to say about. They are told by
//! look-ups that cannot fail, so they need no subtransaction; ending one costs the more, the more a transaction has made.

use std::ffi::c_char;

use pgrx::pg_sys::{self, AlterTableType as At, ConstrType, NodeTag, ObjectType, Oid};

use crate::pg::{node, relation};

/// Whether [`super::changes`] would find nothing.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn is(statement: *mut pg_sys::Node) -> bool {
    // SAFETY: every cast follows the tag.
    unsafe {
        match (*statement).type_ {
            NodeTag::T_CreateStmt => makes_a_table(&*statement.cast()),
            NodeTag::T_AlterTableStmt => alters_what_is_new(&*statement.cast()),
            NodeTag::T_IndexStmt => {
                let index = &*statement.cast::<pg_sys::IndexStmt>();
                !index.concurrent && is_unseen(index.relation)
            }
            NodeTag::T_DropStmt => drops_what_is_new(&*statement.cast()),
            tag => !ANALYSED.contains(&tag),
        }
    }
}

/// What [`super::changes`] looks at, beside the above.
const ANALYSED: &[NodeTag] = &[
    NodeTag::T_AlterTableMoveAllStmt,
    NodeTag::T_CreateForeignTableStmt,
    NodeTag::T_AlterDomainStmt,
    NodeTag::T_RefreshMatViewStmt,
    NodeTag::T_ReindexStmt,
    NodeTag::T_DropOwnedStmt,
    NodeTag::T_RenameStmt,
    NodeTag::T_AlterObjectSchemaStmt,
    NodeTag::T_CreateEnumStmt,
    NodeTag::T_AlterEnumStmt,
    NodeTag::T_CreateDomainStmt,
    NodeTag::T_CreateFunctionStmt,
    NodeTag::T_CreatePublicationStmt,
    NodeTag::T_AlterPublicationStmt,
    NodeTag::T_AlterSeqStmt,
    NodeTag::T_CreateTrigStmt,
];

/// A new table that is no partition, and references no other.
///
/// # Safety
/// The parser's tree.
unsafe fn makes_a_table(create: &pg_sys::CreateStmt) -> bool {
    // SAFETY: lists are of nodes; casts follow the tag.
    unsafe {
        create.partbound.is_null()
            && !create.if_not_exists
            && !node::elements(create.tableElts).into_iter().any(|e| references(e))
    }
}

/// ALTER TABLE of a new table without children, by commands that look at no other table.
///
/// # Safety
/// The parser's tree.
unsafe fn alters_what_is_new(alter: &pg_sys::AlterTableStmt) -> bool {
    // SAFETY: lists are of nodes; casts follow the tag.
    unsafe {
        let harmless = |element| {
            let Some(command) = node::cast::<pg_sys::AlterTableCmd>(element, NodeTag::T_AlterTableCmd) else {
                return false;
            };
            let own =
                [At::AT_AddColumn, At::AT_ColumnDefault, At::AT_SetNotNull, At::AT_DropNotNull, At::AT_AddConstraint]
                    .contains(&(*command).subtype);
            own && !references((*command).def)
        };
        alter.objtype == ObjectType::OBJECT_TABLE
            && node::elements(alter.cmds).into_iter().all(harmless)
            && found(alter.relation).is_some_and(|oid| !relation::has_children(oid) && !relation::existed_before(oid))
    }
}

/// Whether a column or a constraint has a foreign key.
///
/// # Safety
/// NULL, or a node of the parser's.
unsafe fn references(element: *mut pg_sys::Node) -> bool {
    // SAFETY: casts follow the tag.
    unsafe {
        let is_key = |n| {
            node::cast::<pg_sys::Constraint>(n, NodeTag::T_Constraint)
                .is_some_and(|c| (*c).contype == ConstrType::CONSTR_FOREIGN)
        };
        let column = node::cast::<pg_sys::ColumnDef>(element, NodeTag::T_ColumnDef);
        is_key(element) || column.is_some_and(|c| node::elements((*c).constraints).into_iter().any(is_key))
    }
}

/// DROP TABLE and the like.
///
/// # Safety
/// The parser's tree.
unsafe fn drops_what_is_new(drop: &pg_sys::DropStmt) -> bool {
    let relations =
        [ObjectType::OBJECT_TABLE, ObjectType::OBJECT_VIEW, ObjectType::OBJECT_SEQUENCE, ObjectType::OBJECT_INDEX];
    // SAFETY: such objects are named by lists of strings, each of one to three.
    unsafe {
        relations.contains(&drop.removeType)
            && node::elements(drop.objects).into_iter().all(|name| {
                let Some(list) = node::cast::<pg_sys::List>(name, NodeTag::T_List) else { return false };
                let short = (1..=2).contains(&(*list).length);
                short && is_unseen(pg_sys::makeRangeVarFromNameList(list))
            })
    }
}

/// Whether a name means a relation that no other session sees, without older children.
///
/// # Safety
/// NULL, or a RangeVar.
unsafe fn is_unseen(name: *const pg_sys::RangeVar) -> bool {
    // SAFETY: the caller's promise.
    unsafe { found(name) }.is_some_and(|oid| !relation::concerns_others(oid))
}

/// The relation of a name, without complaints about it.
///
/// # Safety
/// NULL, or a RangeVar.
unsafe fn found(name: *const pg_sys::RangeVar) -> Option<Oid> {
    // SAFETY: names are NULL or NUL-terminated; look-ups in the syscache.
    unsafe {
        let name = name.as_ref()?;
        let none: *const c_char = std::ptr::null();
        let oid = match (name.schemaname.cast_const(), name.relpersistence as u8) {
            (schema, _) if schema != none => {
                pg_sys::get_relname_relid(name.relname, pg_sys::get_namespace_oid(schema, true))
            }
            (_, pg_sys::RELPERSISTENCE_TEMP) => return None,
            _ => pg_sys::RelnameGetRelid(name.relname),
        };
        (oid != Oid::INVALID).then_some(oid)
    }
}
