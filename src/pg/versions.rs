//! All differences between major versions, behind names that say what they mean.

use std::ffi::{c_long, c_void};

use pgrx::pg_sys::{self, DestReceiver, Portal};

use super::raw;

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

/// Whether the current user owns the relation, directly or through a role.
pub fn is_relation_owner(relation: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-ups by oid.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_sys::pg_class_ownercheck(relation, pg_sys::GetUserId());
        #[cfg(not(feature = "pg15"))]
        return pg_sys::object_ownercheck(pg_sys::RelationRelationId, relation, pg_sys::GetUserId());
    }
}

/// Whether this transaction holds exactly this lock mode on a relation of this database.
pub fn holds_relation_lock(relation: pg_sys::Oid, mode: i32) -> bool {
    // SAFETY: a complete tag, as SET_LOCKTAG_RELATION makes it; a look-up in the backend's own table of locks.
    unsafe {
        let mut tag: pg_sys::LOCKTAG = std::mem::zeroed();
        tag.locktag_field1 = pg_sys::MyDatabaseId.to_u32();
        tag.locktag_field2 = relation.to_u32();
        tag.locktag_type = pg_sys::LockTagType::LOCKTAG_RELATION as u8;
        tag.locktag_lockmethodid = pg_sys::DEFAULT_LOCKMETHOD as u8;
        #[cfg(any(feature = "pg15", feature = "pg16"))]
        return pg_sys::LockHeldByMe(&raw const tag, mode);
        #[cfg(not(any(feature = "pg15", feature = "pg16")))]
        return pg_sys::LockHeldByMe(&raw const tag, mode, false);
    }
}

/// 18 has NOT VALID not-null constraints, which make a CHECK as proof unnecessary.
pub const NOT_NULL_CAN_BE_NOT_VALID: bool = cfg!(feature = "pg18");

/// Whether an UPDATE has no RETURNING. It became a clause of its own in 18.
pub fn returns_nothing(update: &pg_sys::UpdateStmt) -> bool {
    #[cfg(feature = "pg18")]
    return update.returningClause.is_null();
    #[cfg(not(feature = "pg18"))]
    update.returningList.is_null()
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

/// Foreign keys of partitioned tables can be NOT VALID from 18.
pub const PARTITIONED_KEYS_CAN_BE_NOT_VALID: bool = cfg!(feature = "pg18");

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
