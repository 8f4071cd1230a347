//! Relations, looked at without ever waiting for a lock.

use std::ffi::c_char;

use pgrx::pg_sys;

use super::analysis::prior;
use super::{boundary, convert, raw};
use crate::ddl::{Presence, Relation};
use crate::error::Result;

/// A relation opened under ACCESS SHARE, which was free. Dropping it closes it and gives the lock back.
pub struct Peek {
    relation: pg_sys::Relation,
}

impl Peek {
    /// Opens it; `None` when another session holds ACCESS EXCLUSIVE, or it is gone.
    pub fn open(oid: pg_sys::Oid) -> Option<Self> {
        let mode = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        // SAFETY: the lock is taken before the relcache entry is read, and never waited for.
        unsafe {
            if !pg_sys::ConditionalLockRelationOid(oid, mode) {
                return None;
            }
            let relation = pg_sys::try_relation_open(oid, pg_sys::NoLock as pg_sys::LOCKMODE);
            if relation.is_null() {
                pg_sys::UnlockRelationOid(oid, mode);
                return None;
            }
            Some(Self { relation })
        }
    }

    /// Whether this transaction created it: only the relcache knows (savepoints and ALTERs mislead `xmin`).
    pub fn is_new(&self) -> bool {
        // SAFETY: open.
        unsafe { (*self.relation).rd_createSubid != pg_sys::SubTransactionId::MIN }
    }
}

impl Peek {
    /// The relcache entry. It lives as long as this.
    pub(super) fn entry(&self) -> pg_sys::Relation {
        self.relation
    }

    /// Its oid.
    pub fn oid(&self) -> pg_sys::Oid {
        // SAFETY: open.
        unsafe { (*self.relation).rd_id }
    }
}

impl Drop for Peek {
    fn drop(&mut self) {
        // SAFETY: opened by open() with this lock.
        unsafe { pg_sys::relation_close(self.relation, pg_sys::AccessShareLock as pg_sys::LOCKMODE) }
    }
}

/// The oid a name resolves to when the statement runs; `None` when there is no such relation, or the script makes it.
///
/// # Safety
/// `name` points to a RangeVar.
pub unsafe fn lookup(name: *const pg_sys::RangeVar) -> Result<Option<pg_sys::Oid>> {
    // SAFETY: the caller's promise.
    Ok(unsafe { prior::resolve(name) }?.and_then(|place| place.oid))
}

/// The relation of that name, whatever the search path; the names are in lower case.
pub fn named(schema: &str, name: &str) -> Option<u32> {
    let (schema, name) = (convert::c_string(schema), convert::c_string(name));
    // SAFETY: syscache look-ups by name.
    let oid = unsafe { pg_sys::get_relname_relid(name.as_ptr(), pg_sys::get_namespace_oid(schema.as_ptr(), true)) };
    (oid != pg_sys::Oid::INVALID).then_some(oid.to_u32())
}

/// Takes the lock that inserting takes, until the end of the transaction; `None` where it would have to wait for it, or
/// where there is no such relation.
pub fn try_lock_for_insert(schema: &str, name: &str) -> Option<u32> {
    let mode = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
    // SAFETY: the lock is never waited for.
    named(schema, name).filter(|oid| unsafe { pg_sys::ConditionalLockRelationOid(pg_sys::Oid::from(*oid), mode) })
}

/// Whether a table has pages, in which there may be rows. A table that another session has locked may have some.
pub fn has_pages(oid: u32) -> bool {
    let Some(table) = Peek::open(pg_sys::Oid::from(oid)) else { return true };
    // SAFETY: open; a table of ours has storage.
    unsafe { pg_sys::RelationGetNumberOfBlocksInFork(table.relation, pg_sys::ForkNumber::MAIN_FORKNUM) > 0 }
}

/// What the guard wants to know of a relation; `None` when it is none of the guard's business: temporary, a system
/// relation, created in this transaction, no table, or not the current user's (Postgres will say so). A script may be run
/// by another role than the one that asks about it, so there all tables count.
pub fn guarded(oid: pg_sys::Oid, with_children: bool) -> Result<Option<Relation>> {
    let table =
        [pg_sys::RELKIND_RELATION, pg_sys::RELKIND_PARTITIONED_TABLE, pg_sys::RELKIND_MATVIEW].contains(&kind_of(oid));
    let theirs = !prior::in_script() && !super::versions::is_relation_owner(oid);
    if !table || theirs || !concerns_others(oid) {
        return Ok(None);
    }
    describe(oid, with_children).map(Some)
}

/// A table that is about to be rewritten, whoever owns it; `None` when nobody else can see it.
pub fn rewritten(oid: u32) -> Result<Option<Relation>> {
    let oid = pg_sys::Oid::from(oid);
    if existed_before(oid) { describe(oid, false).map(Some) } else { Ok(None) }
}

/// Whether it is an ordinary table of the current user's that this transaction made.
pub fn is_own_new_table(oid: pg_sys::Oid) -> bool {
    // SAFETY: a syscache look-up by oid.
    let persistence = unsafe { pg_sys::get_rel_persistence(oid) } as u8;
    kind_of(oid) == pg_sys::RELKIND_RELATION
        && persistence != pg_sys::RELPERSISTENCE_TEMP
        && oid.to_u32() >= pg_sys::FirstNormalObjectId
        && !existed_before(oid)
        && super::versions::is_relation_owner(oid)
}

/// Whether other sessions can see the relation: it is not temporary, not the system's, and older than this transaction.
pub fn existed_before(oid: pg_sys::Oid) -> bool {
    // SAFETY: a syscache look-up by oid; a read of the backend's own state.
    let (persistence, has_written) = unsafe {
        (pg_sys::get_rel_persistence(oid) as u8, pg_sys::GetTopTransactionIdIfAny() != pg_sys::InvalidTransactionId)
    };
    persistence != pg_sys::RELPERSISTENCE_TEMP
        && oid.to_u32() >= pg_sys::FirstNormalObjectId
        // A transaction without an id has made nothing; that spares opening each of thousands of partitions.
        && !(has_written && Peek::open(oid).is_some_and(|relation| relation.is_new()))
}

/// Whether other sessions can see the relation or one of its children: what is done to a new parent is done to those, too.
pub fn concerns_others(oid: pg_sys::Oid) -> bool {
    let has_older = || inheritors(oid).map_or(true, |all| all.into_iter().any(existed_before));
    existed_before(oid) || (has_children(oid) && has_older())
}

/// Whether a relation may have children or partitions.
pub fn has_children(oid: pg_sys::Oid) -> bool {
    // SAFETY: a raw call within the boundary. A relation that never had any says so at once.
    unsafe { boundary::catch(|| raw::has_subclass(oid)) }.unwrap_or(true)
}

/// Whether others inherit from a relation now.
pub fn has_inheritors(oid: u32) -> bool {
    children(pg_sys::Oid::from(oid)).is_ok_and(|children| !children.is_empty())
}

/// Whether a relation is older than this transaction, see [`existed_before`].
pub fn is_older(oid: u32) -> bool {
    existed_before(pg_sys::Oid::from(oid))
}

/// A relation as data, whatever it is.
pub fn describe(oid: pg_sys::Oid, with_children: bool) -> Result<Relation> {
    let tables = if with_children { inheritors(oid)? } else { vec![oid] };
    let (schema, name) = names(oid);
    let kind = kind_of(oid);
    // SAFETY: a syscache look-up by oid; a partition has a parent.
    let partition_of = unsafe {
        if pg_sys::get_rel_relispartition(oid) {
            Some(boundary::catch(|| raw::get_partition_parent(oid, true))?.to_u32())
        } else {
            None
        }
    };
    Ok(Relation {
        oid: oid.to_u32(),
        quoted: qualified(&schema, &name),
        schema,
        name,
        kind: kind as char,
        partitioned: kind == pg_sys::RELKIND_PARTITIONED_TABLE,
        only: false,
        partition_of,
        leaves: tables
            .into_iter()
            .filter(|leaf| has_storage(*leaf) && existed_before(*leaf) && !is_emptied(*leaf))
            .map(pg_sys::Oid::to_u32)
            .collect(),
    })
}

/// Whether the script that is analysed has truncated it.
pub fn is_emptied(oid: pg_sys::Oid) -> bool {
    prior::ask(|prior| prior.is_emptied(oid.to_u32())) == Some(true)
}

/// The relation and all its children or partitions, parents first. Takes no lock.
pub fn inheritors(oid: pg_sys::Oid) -> Result<Vec<pg_sys::Oid>> {
    // SAFETY: one raw call; the result is a list of oids in the current memory context.
    unsafe {
        let list = boundary::catch(|| raw::find_all_inheritors(oid, 0, std::ptr::null_mut()))?;
        Ok(oids(list))
    }
}

/// The tables with storage among a relation and all that inherit from it.
pub fn leaves(oid: u32) -> Result<Vec<u32>> {
    let all = inheritors(pg_sys::Oid::from(oid))?;
    Ok(all.into_iter().filter(|leaf| has_storage(*leaf)).map(pg_sys::Oid::to_u32).collect())
}

/// The tables with rows that a table, or the table of an index, stands for; `None` for what has none: views, sequences,
/// foreign tables.
pub fn rows_of(oid: u32) -> Result<Option<Vec<u32>>> {
    let oid = pg_sys::Oid::from(oid);
    let table = match kind_of(oid) {
        // SAFETY: a catalogue look-up by oid.
        pg_sys::RELKIND_INDEX | pg_sys::RELKIND_PARTITIONED_INDEX => unsafe { pg_sys::IndexGetRelation(oid, true) },
        _ => oid,
    };
    if !has_storage(table) && kind_of(table) != pg_sys::RELKIND_PARTITIONED_TABLE {
        return Ok(None);
    }
    let leaves = leaves(table.to_u32())?;
    Ok(Some(leaves.into_iter().filter(|leaf| !is_emptied(pg_sys::Oid::from(*leaf))).collect()))
}

/// Whether it is a sequence.
pub fn is_sequence(oid: u32) -> bool {
    kind_of(pg_sys::Oid::from(oid)) == pg_sys::RELKIND_SEQUENCE
}

/// The direct children or partitions. Takes no lock.
pub fn children(oid: pg_sys::Oid) -> Result<Vec<pg_sys::Oid>> {
    // SAFETY: one raw call; the result is a list of oids in the current memory context.
    unsafe {
        let list = boundary::catch(|| raw::find_inheritance_children(oid, 0))?;
        Ok(oids(list))
    }
}

/// # Safety
/// `list` is NIL or a list of oids.
unsafe fn oids(list: *const pg_sys::List) -> Vec<pg_sys::Oid> {
    // SAFETY: the caller's promise.
    unsafe {
        let count = if list.is_null() { 0 } else { usize::try_from((*list).length).unwrap_or(0) };
        (0..count).map(|i| (*(*list).elements.add(i)).oid_value).collect()
    }
}

/// pg_class.relkind.
pub fn kind_of(oid: pg_sys::Oid) -> u8 {
    // SAFETY: a syscache look-up by oid.
    unsafe { pg_sys::get_rel_relkind(oid) as u8 }
}

/// A table or materialized view: it has rows of its own, and an access method to read them with.
pub fn has_storage(oid: pg_sys::Oid) -> bool {
    [pg_sys::RELKIND_RELATION, pg_sys::RELKIND_MATVIEW].contains(&kind_of(oid))
}

/// Schema and name; empty for a relation that is gone.
pub fn names(oid: pg_sys::Oid) -> (String, String) {
    prior::ask(|prior| prior.name_of(oid.to_u32()).cloned()).flatten().unwrap_or_else(|| catalogue_names(oid))
}

/// The same as the catalogue has them, whatever a script that is analysed will have made of them.
pub fn catalogue_names(oid: pg_sys::Oid) -> (String, String) {
    // SAFETY: palloc'd names, or NULL.
    unsafe {
        let schema = convert::string(pg_sys::get_namespace_name(pg_sys::get_rel_namespace(oid)));
        (schema.unwrap_or_default(), convert::string(pg_sys::get_rel_name(oid)).unwrap_or_default())
    }
}

/// `schema.name`, quoted where needed.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(name))
}

/// An identifier, quoted where needed.
pub fn quoted(identifier: &str) -> String {
    let identifier = convert::c_string(identifier);
    // SAFETY: returns its argument or a palloc'd copy.
    unsafe { convert::string(pg_sys::quote_identifier(identifier.as_ptr())) }.unwrap_or_default()
}

/// A name made of parts that no relation (and no constraint, when it is to be one) of the schema has yet, as Postgres
/// chooses one.
pub fn free_name(
    table: &str,
    columns: &str,
    label: &std::ffi::CStr,
    schema: pg_sys::Oid,
    is_constraint: bool,
) -> String {
    let (table, own) = (convert::c_string(table), convert::c_string(columns));
    // Without columns there is no part for them in the name.
    let columns = if columns.is_empty() { std::ptr::null() } else { own.as_ptr() };
    // SAFETY: NUL-terminated arguments, or NULL; the result is palloc'd.
    unsafe {
        let name: *mut c_char =
            pg_sys::ChooseRelationName(table.as_ptr(), columns, label.as_ptr(), schema, is_constraint);
        convert::string(name).unwrap_or_default()
    }
}

/// A free name for a not-null constraint on a column, quoted where needed.
pub fn free_constraint_name(table: u32, column: &str) -> String {
    let oid = pg_sys::Oid::from(table);
    // SAFETY: a syscache look-up by oid.
    let schema = unsafe { pg_sys::get_rel_namespace(oid) };
    quoted(&free_name(&names(oid).1, column, c"not_null", schema, true))
}

/// `schema.name` of a relation, quoted where needed.
pub fn qualified_name(oid: u32) -> String {
    let (schema, name) = names(pg_sys::Oid::from(oid));
    qualified(&schema, &name)
}

/// The name that Postgres would choose first, taken or not.
pub fn first_name(table: &str, columns: &str, label: &std::ffi::CStr) -> String {
    let (table, own) = (convert::c_string(table), convert::c_string(columns));
    let columns = if columns.is_empty() { std::ptr::null() } else { own.as_ptr() };
    // SAFETY: NUL-terminated arguments, or NULL; the result is palloc'd.
    unsafe { convert::string(pg_sys::makeObjectName(table.as_ptr(), columns, label.as_ptr())) }.unwrap_or_default()
}

/// Whether a table holds a row now, as the ALTER TABLE would see it.
pub fn presence(oid: u32) -> Presence {
    let oid = pg_sys::Oid::from(oid);
    // Foreign and partitioned tables have no access method; scanning one would crash.
    if !has_storage(oid) || is_emptied(oid) {
        return Presence::Empty;
    }
    holds_row(oid)
}

/// Whether values of a table's are stored beside it now, or may be.
pub fn has_toasted(oid: pg_sys::Oid) -> bool {
    // SAFETY: a syscache look-up by oid; the fixed part of a pg_class row.
    let toast = unsafe {
        let row = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as i32, pg_sys::Datum::from(oid));
        if row.is_null() {
            return false;
        }
        let toast = (*pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_class>()).reltoastrelid;
        pg_sys::ReleaseSysCache(row);
        toast
    };
    toast != pg_sys::Oid::INVALID && !is_emptied(oid) && holds_row(toast) != Presence::Empty
}

/// `oid` has an access method.
fn holds_row(oid: pg_sys::Oid) -> Presence {
    let Some(table) = Peek::open(oid) else { return Presence::Locked };
    // SAFETY: open under a lock; the snapshot is registered for the time of the scan; a heap scan without keys.
    unsafe {
        let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot());
        let none = pg_sys::Oid::INVALID;
        let scan = pg_sys::systable_beginscan(table.relation, none, false, snapshot, 0, std::ptr::null_mut());
        let found = !pg_sys::systable_getnext(scan).is_null();
        pg_sys::systable_endscan(scan);
        pg_sys::UnregisterSnapshot(snapshot);
        if found { Presence::Rows } else { Presence::Empty }
    }
}
