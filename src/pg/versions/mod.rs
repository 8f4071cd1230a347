//! All differences between major versions, behind names that say what they mean.

use std::ffi::{c_long, c_void};

use pgrx::pg_sys::{self, DestReceiver, Portal};

use super::raw;

mod locks;
mod rights;

pub use locks::{holds_relation_lock, is_lock_held, is_over, virtual_transaction};
pub use rights::{is_object_owner, is_relation_owner, may_execute, may_maintain, may_maintain_all, may_use_schema};

#[cfg(any(feature = "pg15", feature = "pg16", feature = "pg17"))]
unsafe extern "C-unwind" {
    fn PortalRun(
        portal: Portal,
        count: c_long,
        is_top_level: bool,
        run_once: bool,
        dest: *mut DestReceiver,
        altdest: *mut DestReceiver,
        qc: *mut c_void,
    ) -> bool;
}

#[cfg(feature = "pg18")]
unsafe extern "C-unwind" {
    fn PortalRun(
        portal: Portal,
        count: c_long,
        is_top_level: bool,
        dest: *mut DestReceiver,
        altdest: *mut DestReceiver,
        qc: *mut c_void,
    ) -> bool;
}

/// Runs a portal to its end and discards its rows. 18 dropped the run-once argument.
///
/// # Safety
/// Raw: call it within a boundary, on a started portal.
pub unsafe fn portal_run(portal: Portal, top_level: bool) {
    const ALL: c_long = c_long::MAX;
    let nothing = std::ptr::null_mut();
    // SAFETY: the caller's promise; None_Receiver is a static of the server.
    unsafe {
        let discard = raw::None_Receiver;
        #[cfg(feature = "pg18")]
        PortalRun(portal, ALL, top_level, discard, discard, nothing);
        #[cfg(not(feature = "pg18"))]
        PortalRun(portal, ALL, top_level, true, discard, discard, nothing);
    }
}

/// Lets SIGTERM end a background worker where it is safe, as it ends a backend. The handler that workers begin with raises
/// from within the signal: in a critical section, such as a write of WAL, that is a PANIC, which takes the server down.
pub fn end_at_sigterm() {
    let signal = pg_sys::SIGTERM as std::ffi::c_int;
    // SAFETY: the handler of every backend, which sets flags and a latch only.
    unsafe {
        #[cfg(feature = "pg18")]
        pg_sys::pqsignal_be(signal, Some(raw::die));
        #[cfg(not(feature = "pg18"))]
        pg_sys::pqsignal(signal, Some(raw::die));
    }
}

/// Whether GRANT and REVOKE lock the relations that they name.
pub const GRANT_LOCKS: bool = cfg!(feature = "pg18");

/// From 18, NOT NULL is a constraint, which children get from their parents where they have the column already.
pub const NOT_NULL_IS_A_CONSTRAINT: bool = cfg!(feature = "pg18");

/// 18 has NOT VALID not-null constraints, which make a CHECK as proof unnecessary.
pub const NOT_NULL_CAN_BE_NOT_VALID: bool = cfg!(feature = "pg18");

/// From 17, REINDEX fires ddl_command_start.
pub const REINDEX_FIRES_EVENTS: bool = cfg!(any(feature = "pg17", feature = "pg18"));

/// Whether event triggers are called; from 17 the setting `event_triggers` can stop them.
pub fn event_triggers_fire() -> bool {
    #[cfg(any(feature = "pg15", feature = "pg16"))]
    return true;
    // SAFETY: a read of a setting.
    #[cfg(not(any(feature = "pg15", feature = "pg16")))]
    unsafe {
        pg_sys::event_triggers
    }
}

/// Whether a DELETE has no RETURNING, as [`returns_nothing`].
pub fn deletes_silently(delete: &pg_sys::DeleteStmt) -> bool {
    #[cfg(feature = "pg18")]
    return delete.returningClause.is_null();
    #[cfg(not(feature = "pg18"))]
    delete.returningList.is_null()
}

/// 18 lets a partitioned table have a foreign key that is NOT VALID.
pub const FOREIGN_KEY_ON_PARTITIONED_CAN_WAIT: bool = cfg!(feature = "pg18");

/// Whether an UPDATE has no RETURNING. It became a clause of its own in 18.
pub fn returns_nothing(update: &pg_sys::UpdateStmt) -> bool {
    #[cfg(feature = "pg18")]
    return update.returningClause.is_null();
    #[cfg(not(feature = "pg18"))]
    update.returningList.is_null()
}

/// Whether a GENERATED clause says STORED. 18 has VIRTUAL, and makes it the default.
pub fn is_stored(constraint: &pg_sys::Constraint) -> bool {
    #[cfg(feature = "pg18")]
    return constraint.generated_kind as u8 == b's';
    #[cfg(not(feature = "pg18"))]
    return !constraint.raw_expr.is_null();
}

/// Whether a constraint is enforced. 18 has NOT ENFORCED.
pub fn is_enforced(constraint: &pg_sys::Constraint) -> bool {
    #[cfg(feature = "pg18")]
    return constraint.is_enforced
        || !matches!(constraint.contype, pg_sys::ConstrType::CONSTR_CHECK | pg_sys::ConstrType::CONSTR_FOREIGN);
    #[cfg(not(feature = "pg18"))]
    return constraint.type_ == pg_sys::NodeTag::T_Constraint;
}

/// WITHOUT OVERLAPS of a key, from 18.
pub fn without_overlaps(constraint: &pg_sys::Constraint) -> bool {
    #[cfg(feature = "pg18")]
    return constraint.without_overlaps;
    #[cfg(not(feature = "pg18"))]
    return constraint.type_ != pg_sys::NodeTag::T_Constraint;
}

/// PERIOD in a foreign key, from 18.
pub fn has_period(constraint: &pg_sys::Constraint) -> bool {
    #[cfg(feature = "pg18")]
    return constraint.fk_with_period || constraint.pk_with_period;
    #[cfg(not(feature = "pg18"))]
    return constraint.type_ != pg_sys::NodeTag::T_Constraint;
}

/// ALTER COLUMN ... SET EXPRESSION, from 17.
pub fn is_set_expression(subtype: pg_sys::AlterTableType::Type) -> bool {
    #[cfg(any(feature = "pg17", feature = "pg18"))]
    return subtype == pg_sys::AlterTableType::AT_SetExpression;
    #[cfg(not(any(feature = "pg17", feature = "pg18")))]
    return subtype == pg_sys::AlterTableType::Type::MAX;
}

/// NOT ENFORCED behind a constraint of a column, from 18.
pub fn says_not_enforced(attribute: pg_sys::ConstrType::Type) -> bool {
    #[cfg(feature = "pg18")]
    return attribute == pg_sys::ConstrType::CONSTR_ATTR_NOT_ENFORCED;
    #[cfg(not(feature = "pg18"))]
    return attribute == pg_sys::ConstrType::Type::MAX;
}

/// What ALTER CONSTRAINT says.
pub struct AlteredConstraint {
    pub name: String,
    /// ENFORCED or NOT ENFORCED, from 18.
    pub enforced: Option<bool>,
    /// INHERIT, from 18.
    pub inherits: bool,
}

/// ALTER CONSTRAINT. 18 has a node of its own for it.
///
/// # Safety
/// `command` is the parser's.
pub unsafe fn altered_constraint(command: &pg_sys::AlterTableCmd) -> Option<AlteredConstraint> {
    // SAFETY: the cast follows the tag; the name is NUL-terminated.
    unsafe {
        #[cfg(feature = "pg18")]
        {
            use pg_sys::{ATAlterConstraint, NodeTag};
            let alter = &*super::node::cast::<ATAlterConstraint>(command.def, NodeTag::T_ATAlterConstraint)?;
            let enforced = alter.alterEnforceability.then_some(alter.is_enforced);
            let inherits = alter.alterInheritability && !alter.noinherit;
            Some(AlteredConstraint { name: super::convert::string(alter.conname)?, enforced, inherits })
        }
        #[cfg(not(feature = "pg18"))]
        {
            use pg_sys::{Constraint, NodeTag};
            let constraint = super::node::cast::<Constraint>(command.def, NodeTag::T_Constraint)?;
            let name = super::convert::string((*constraint).conname)?;
            Some(AlteredConstraint { name, enforced: None, inherits: false })
        }
    }
}

/// A pseudo-type that stands for any type, or any of a kind: `IsPolymorphicType`. Their oids are fixed.
pub fn is_polymorphic(type_oid: pg_sys::Oid) -> bool {
    const POLYMORPHIC: [u32; 12] = [2277, 2283, 2776, 3500, 3831, 4537, 4538, 5077, 5078, 5079, 5080, 4600];
    POLYMORPHIC.contains(&type_oid.to_u32())
}

/// A map from the columns of one relation to those of another, by name. 16 added the permission to miss some.
///
/// # Safety
/// Both are row types; a column that is missing is an error.
pub unsafe fn map_by_name(to: pg_sys::TupleDesc, from: pg_sys::TupleDesc) -> *mut pg_sys::AttrMap {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_sys::build_attrmap_by_name(to, from);
        #[cfg(not(feature = "pg15"))]
        return pg_sys::build_attrmap_by_name(to, from, false);
    }
}

/// What a new partition's rows must satisfy: its bound, and its parent's own constraint. Up to 17 ATTACH PARTITION
/// appends to the list of the bound itself, from which the constraint of the DEFAULT partition is then made.
///
/// # Safety
/// Lists of nodes, or NIL.
pub unsafe fn bound_and_parent(bound: *mut pg_sys::List, parent: *mut pg_sys::List) -> *mut pg_sys::List {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(feature = "pg18")]
        return pg_sys::list_concat_copy(bound, parent);
        #[cfg(not(feature = "pg18"))]
        return pg_sys::list_concat(bound, parent);
    }
}

/// An index that backs a constraint is only taken for one of the same kind from 18.
pub const CONSTRAINT_KINDS_MUST_MATCH: bool = cfg!(feature = "pg18");

/// A foreign key of the partition that is NOT VALID is attached, and then checked, from 18; before, it is passed over.
pub const UNVALIDATED_KEYS_ARE_ATTACHED: bool = cfg!(feature = "pg18");

/// A column of a row type, from 0. From 18 they lie behind the compact ones.
///
/// # Safety
/// `number` is below the row type's `natts`.
pub unsafe fn attribute<'a>(row_type: pg_sys::TupleDesc, number: i32) -> &'a pg_sys::FormData_pg_attribute {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(feature = "pg18")]
        return &*pg_sys::TupleDescAttr(row_type, number);
        #[cfg(not(feature = "pg18"))]
        &*(*row_type).attrs.as_ptr().add(usize::try_from(number).unwrap_or(0))
    }
}

/// LIST, RANGE or HASH of a PARTITION BY. The parser resolves it from 16.
///
/// # Safety
/// `spec` is the parser's tree.
pub unsafe fn partition_strategy(spec: &pg_sys::PartitionSpec) -> Option<String> {
    #[cfg(feature = "pg15")]
    // SAFETY: a NUL-terminated word.
    return unsafe { super::convert::string(spec.strategy) }.map(|word| word.to_uppercase());
    #[cfg(not(feature = "pg15"))]
    {
        use pg_sys::PartitionStrategy::{PARTITION_STRATEGY_HASH, PARTITION_STRATEGY_LIST};
        Some(
            match spec.strategy {
                PARTITION_STRATEGY_LIST => "LIST",
                PARTITION_STRATEGY_HASH => "HASH",
                _ => "RANGE",
            }
            .to_owned(),
        )
    }
}

/// A foreign key that a partition takes over is named after its parent's where that name is taken, from 18; before, after
/// the table and its columns.
pub const KEYS_ARE_NAMED_AFTER_PARENTS: bool = cfg!(feature = "pg18");

/// From 17 a partition has the identity columns of its parent, and may not bring its own.
pub const PARTITIONS_SHARE_IDENTITY: bool = cfg!(any(feature = "pg17", feature = "pg18"));
