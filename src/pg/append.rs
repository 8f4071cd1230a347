//! A row added to a table of ours, without the planner and the executor around it: constraints are checked, indexes kept and
//! row triggers fired as INSERT does. Rights are not asked for; the table is ours.

use std::ffi::{CStr, c_char, c_int};

use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::prelude::*;

use super::spi::under_a_snapshot;
use super::{boundary, convert, raw};
use crate::error::{Report, Result, SqlState, fail};

/// As Postgres says that there is no such column.
const UNDEFINED_COLUMN: SqlState = SqlState(*b"42703");

/// A value of a column, by the column's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Text(&'a str),
    Name(&'a str),
    Texts(&'a [&'a str]),
    Integer(i32),
    BigInteger(i64),
    /// Where the client is; NULL for a Unix socket.
    ClientAddress,
    /// The process that this is.
    Process,
    /// The current transaction's number.
    Transaction,
    /// The time of the clock.
    Now,
}

impl Value<'_> {
    fn type_oid(&self) -> Oid {
        match self {
            Self::Text(_) => pg_sys::TEXTOID,
            Self::Name(_) => pg_sys::NAMEOID,
            Self::Texts(_) => pg_sys::TEXTARRAYOID,
            Self::Integer(_) | Self::Process => pg_sys::INT4OID,
            Self::BigInteger(_) => pg_sys::INT8OID,
            Self::ClientAddress => pg_sys::INETOID,
            Self::Transaction => pg_sys::XID8OID,
            Self::Now => pg_sys::TIMESTAMPTZOID,
        }
    }

    /// In the current memory context.
    fn datum(&self) -> Result<Option<Datum>> {
        Ok(match self {
            Self::Text(text) => text.into_datum(),
            Self::Name(name) => Some(name_datum(name)),
            Self::Texts(texts) => texts_datum(texts),
            Self::Integer(number) => Some(Datum::from(*number)),
            Self::BigInteger(number) => Some(Datum::from(*number)),
            // SAFETY: a read.
            Self::Process => Some(Datum::from(unsafe { pg_sys::MyProcPid })),
            // SAFETY: a function without arguments.
            Self::ClientAddress => unsafe { client_address() },
            Self::Transaction => {
                // SAFETY: a raw call; it raises where there is no transaction.
                Some(Datum::from(unsafe { boundary::catch(|| raw::GetTopFullTransactionId())? }.value))
            }
            // SAFETY: reads the clock.
            Self::Now => Some(Datum::from(unsafe { pg_sys::GetCurrentTimestamp() })),
        })
    }
}

/// # Safety
/// Called in a backend or worker.
unsafe fn client_address() -> Option<Datum> {
    // SAFETY: the function looks at the call's information to say that there is none.
    unsafe {
        if pg_sys::MyProcPort.is_null() {
            return None;
        }
        pgrx::direct_function_call_as_datum(pg_sys::inet_client_addr, &[])
    }
}

fn name_datum(name: &str) -> Datum {
    let name = convert::c_string(name);
    // SAFETY: palloc0 returns that much zeroed memory; namestrcpy writes no more. Names of the catalogue are never longer.
    unsafe {
        let data = pg_sys::palloc0(size_of::<pg_sys::NameData>()).cast::<pg_sys::NameData>();
        pg_sys::namestrcpy(data, name.as_ptr());
        Datum::from(data)
    }
}

fn texts_datum(texts: &[&str]) -> Option<Datum> {
    let mut elements: Vec<Datum> = texts.iter().filter_map(|text| text.into_datum()).collect();
    // SAFETY: as many texts as said; the array is a copy.
    let array = unsafe {
        let (align, count) = (pg_sys::TYPALIGN_INT as c_char, elements.len() as c_int);
        pg_sys::construct_array(elements.as_mut_ptr(), count, pg_sys::TEXTOID, -1, false, align)
    };
    Some(Datum::from(array))
}

/// Whether adding a row runs nothing but what the extension has put there: no more checks than that, and no trigger, except
/// one that fires on replicas only where this is none.
pub fn is_plain(table: u32, checks: u16) -> bool {
    let Some(open) = super::relation::Peek::open(Oid::from(table)) else { return false };
    // SAFETY: open; the relcache entry's parts are NULL or valid, and the array has as many triggers as said.
    unsafe {
        let entry = &*open.entry();
        let triggers = entry.trigdesc.as_ref().map_or(&[][..], |all| {
            std::slice::from_raw_parts(all.triggers, usize::try_from(all.numtriggers).unwrap_or(0))
        });
        let replica = pg_sys::SessionReplicationRole == pg_sys::SESSION_REPLICATION_ROLE_REPLICA as c_int;
        let silent = |t: &pg_sys::Trigger| match t.tgenabled as u8 {
            b'D' => true,
            b'R' => !replica,
            _ => u32::from(t.tgtype.cast_unsigned()) & pg_sys::TRIGGER_TYPE_INSERT == 0,
        };
        triggers.iter().all(silent) && (*entry.rd_att).constr.as_ref().is_some_and(|c| c.num_check <= checks)
    }
}

/// Adds a row. What has no value is NULL. The caller holds the table's lock for it.
pub fn row(table: u32, values: &[(&str, Value<'_>)]) -> Result<()> {
    under_a_snapshot(|| {
        let oid = Oid::from(table);
        let lock = pg_sys::RowExclusiveLock as c_int;
        // SAFETY: raw calls within the boundary. On an error everything goes with the (sub)transaction.
        let relation = unsafe { boundary::catch(|| raw::table_open(oid, lock))? };
        // SAFETY: open.
        let (mut datums, mut nulls) = unsafe { placed(relation, values)? };
        let (datums, nulls) = (datums.as_mut_ptr(), nulls.as_mut_ptr());
        // SAFETY: the arrays have one element a column, and outlive the closure.
        unsafe { boundary::catch(|| insert(relation, datums, nulls)) }
    })
}

/// The values in the order of the table's columns.
///
/// # Safety
/// An open relation.
unsafe fn placed(relation: pg_sys::Relation, values: &[(&str, Value<'_>)]) -> Result<(Vec<Datum>, Vec<bool>)> {
    // SAFETY: a relcache entry's descriptor has natts attributes, whose names are NUL-terminated.
    let columns: Vec<(&CStr, Oid)> = unsafe {
        let shape = (*relation).rd_att;
        (0..(*shape).natts)
            .map(|i| {
                let column = super::versions::attribute(shape, i);
                let name = if column.attisdropped { c"" } else { CStr::from_ptr(column.attname.data.as_ptr()) };
                (name, column.atttypid)
            })
            .collect()
    };
    let (mut datums, mut nulls) = (vec![Datum::from(0); columns.len()], vec![true; columns.len()]);
    for (name, value) in values {
        let fits =
            |(column, type_oid): &(&CStr, Oid)| column.to_bytes() == name.as_bytes() && *type_oid == value.type_oid();
        let Some(place) = columns.iter().position(fits) else {
            return fail(
                Report::new(
                    UNDEFINED_COLUMN,
                    format!("column \"{name}\" of migrator's own table is not as it was made"),
                )
                .hint("Put it back, with its type."),
            );
        };
        if let Some(datum) = value.datum()? {
            (datums[place], nulls[place]) = (datum, false);
        }
    }
    Ok((datums, nulls))
}

/// # Safety
/// Raw: within a boundary, with one datum and one flag a column of an open relation.
unsafe fn insert(relation: pg_sys::Relation, datums: *mut Datum, nulls: *mut bool) {
    // SAFETY: the order is that of a worker that applies logical replication; a virtual slot borrows the arrays.
    unsafe {
        let estate = raw::CreateExecutorState();
        let result = raw::palloc0(size_of::<pg_sys::ResultRelInfo>()).cast::<pg_sys::ResultRelInfo>();
        (*result).type_ = pg_sys::NodeTag::T_ResultRelInfo;
        raw::InitResultRelInfo(result, relation, 0, std::ptr::null_mut(), 0);
        let slot = raw::MakeSingleTupleTableSlot((*relation).rd_att, &raw const raw::TTSOpsVirtual);
        let count = (*(*relation).rd_att).natts as usize;
        std::ptr::copy_nonoverlapping(datums, (*slot).tts_values, count);
        std::ptr::copy_nonoverlapping(nulls, (*slot).tts_isnull, count);
        raw::ExecStoreVirtualTuple(slot);
        raw::AfterTriggerBeginQuery();
        raw::ExecOpenIndices(result, false);
        raw::ExecSimpleRelationInsert(result, estate, slot);
        raw::ExecCloseIndices(result);
        raw::AfterTriggerEndQuery(estate);
        raw::ExecDropSingleTupleTableSlot(slot);
        raw::FreeExecutorState(estate);
        raw::table_close(relation, pg_sys::NoLock as c_int);
        raw::CommandCounterIncrement();
    }
}
