//! Sequences. The next value of one of ours, without a trace in the user's session: nextval() would change what lastval()
//! returns there. And how far one of somebody's is, by its oid: behind its name may be something else by the time it is read.

use pgrx::pg_sys::{self, Datum};

use super::relation::Peek;
use super::{boundary, raw};
use crate::error::Result;

/// The next value; `first` says it while the sequence has never been used. The current user has rights on the sequence.
///
/// Sessions that take one at the same time do so one after the other, under a lock that lasts no longer than this.
pub fn next(sequence: u32, first: impl FnOnce() -> Result<i64>) -> Result<i64> {
    let tag = tag(sequence);
    let tag = &raw const tag;
    let exclusive = pg_sys::ExclusiveLock as i32;
    // SAFETY: a complete tag; on an error the lock goes with the transaction.
    unsafe { boundary::catch(|| raw::LockAcquire(tag, exclusive, false, false))? };
    let oid = pg_sys::Oid::from(sequence);
    // SAFETY: Postgres's functions behind SQL's, with arguments of their types.
    let next = unsafe {
        match pgrx::direct_function_call_as_datum(pg_sys::pg_sequence_last_value, &[Some(Datum::from(oid))]) {
            Some(last) => (last.value() as i64).saturating_add(1),
            None => first()?,
        }
    };
    // SAFETY: as above; setval() does not touch what lastval() returns.
    unsafe {
        boundary::catch(|| {
            raw::DirectFunctionCall2Coll(raw::setval_oid, pg_sys::Oid::INVALID, Datum::from(oid), Datum::from(next));
            raw::LockRelease(tag, exclusive, false)
        })?;
    }
    Ok(next)
}

/// The last value that a sequence has given out, or its start; `None` when another session has locked it, or it cannot be read here.
/// Postgres's own pg_sequence_last_value() would wait for who alters it, and keep others from doing so.
pub fn last_value(sequence: u32) -> Option<i64> {
    let open = Peek::open(pg_sys::Oid::from(sequence))?;
    let entry = open.entry();
    // SAFETY: open. A sequence has one row, of which the first field is the value; it is changed in place, in one store.
    unsafe {
        let class = &*(*entry).rd_rel;
        // The files of what is not logged are not there on a standby.
        let readable = class.relpersistence as u8 == pg_sys::RELPERSISTENCE_PERMANENT || !pg_sys::RecoveryInProgress();
        if class.relkind as u8 != pg_sys::RELKIND_SEQUENCE || !readable {
            return None;
        }
        let (any, no_index) = (&raw mut pg_sys::SnapshotAnyData, pg_sys::Oid::INVALID);
        let scan = pg_sys::systable_beginscan(entry, no_index, false, any, 0, std::ptr::null_mut());
        let tuple = pg_sys::systable_getnext(scan);
        let last = (!tuple.is_null()).then(|| *pg_sys::GETSTRUCT(tuple).cast::<i64>());
        pg_sys::systable_endscan(scan);
        last
    }
}

/// Nobody else locks relations under this kind of tag.
fn tag(sequence: u32) -> pg_sys::LOCKTAG {
    pg_sys::LOCKTAG {
        // SAFETY: a read; set when the backend connected.
        locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
        locktag_field2: pg_sys::RelationRelationId.to_u32(),
        locktag_field3: sequence,
        locktag_field4: 0,
        locktag_type: pg_sys::LockTagType::LOCKTAG_OBJECT as u8,
        locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
    }
}
