//! What the command that an event trigger is called for has made, changed or dropped. Postgres's own functions that tell are
//! called without the executor around them.

use std::ffi::CStr;
use std::mem::MaybeUninit;

use pgrx::pg_sys::{self, Datum, NodeTag};

use super::spi::under_a_snapshot;
use super::{boundary, raw};
use crate::error::Result;

/// An object, as Postgres's functions describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// pg_class.oid of its catalogue.
    pub class: u32,
    pub oid: u32,
    /// Its type, such as `table column`.
    pub kind: String,
    /// Qualified and quoted; `None` where the command is about no single object, such as GRANT.
    pub identity: Option<String>,
    /// Named by the command, or dropped along with what is: worth a mention.
    pub shown: bool,
}

/// What the command has made or changed. At the end of a command only.
pub fn made() -> Result<Vec<Affected>> {
    // The columns of pg_event_trigger_ddl_commands().
    let [class, oid, kind, schema, identity, in_extension] = [0, 1, 4, 5, 6, 7];
    rows(raw::pg_event_trigger_ddl_commands, pg_sys::F_PG_EVENT_TRIGGER_DDL_COMMANDS, |row| {
        let identity = row.text(identity);
        let temporary = row.text(schema).as_deref() == Some("pg_temp") || identity.as_deref().is_some_and(is_temporary);
        Affected {
            class: row.number(class),
            oid: row.number(oid),
            kind: row.text(kind).unwrap_or_default(),
            shown: !temporary && !row.boolean(in_extension),
            identity,
        }
    })
}

/// What the command drops. While `sql_drop` is called only.
pub fn dropped() -> Result<Vec<Affected>> {
    // The columns of pg_event_trigger_dropped_objects().
    let [class, oid, sub, original, normal, temporary, kind, identity] = [0, 1, 2, 3, 4, 5, 6, 9];
    rows(raw::pg_event_trigger_dropped_objects, pg_sys::F_PG_EVENT_TRIGGER_DROPPED_OBJECTS, |row| {
        let (kind, identity) = (row.text(kind).unwrap_or_default(), row.text(identity));
        let named = row.boolean(original) || row.boolean(normal);
        let lasting = !row.boolean(temporary) && identity.as_deref().is_some_and(|i| !is_temporary(i));
        let whole = kind != "default value" && identity.as_deref().is_some_and(|i| !i.starts_with("\"_RETURN\" on "));
        // A column goes by the oid of its relation.
        let class = if row.number(sub) == 0 { row.number(class) } else { 0 };
        Affected { class, oid: row.number(oid), kind, identity, shown: named && lasting && whole }
    })
}

/// A trigger, rule or policy on a temporary table.
fn is_temporary(identity: &str) -> bool {
    identity.contains(" on pg_temp.")
}

/// What is about to be rewritten: the oid of the table, and why. While `table_rewrite` is called only.
pub fn rewritten() -> (u32, i32) {
    // SAFETY: functions without arguments that return an oid and an integer, or raise when called at another time.
    unsafe {
        let table = pgrx::direct_function_call_as_datum(pg_sys::pg_event_trigger_table_rewrite_oid, &[]);
        let reason = pgrx::direct_function_call_as_datum(pg_sys::pg_event_trigger_table_rewrite_reason, &[]);
        (table.map_or(0, |d| d.value() as u32), reason.map_or(0, |d| d.value() as i32))
    }
}

/// One row that such a function returned.
struct Row {
    slot: *mut pg_sys::TupleTableSlot,
    columns: usize,
}

impl Row {
    fn value(&self, column: usize) -> Option<Datum> {
        // SAFETY: rows() has read all columns.
        unsafe {
            let there = column < self.columns && !*(*self.slot).tts_isnull.add(column);
            there.then(|| *(*self.slot).tts_values.add(column))
        }
    }

    fn number(&self, column: usize) -> u32 {
        self.value(column).map_or(0, |d| d.value() as u32)
    }

    fn boolean(&self, column: usize) -> bool {
        self.value(column).is_some_and(|d| d.value() as u8 != 0)
    }

    fn text(&self, column: usize) -> Option<String> {
        let datum = self.value(column)?;
        // SAFETY: a column of type text, by the function's declaration; a copy that goes with the scratch context.
        let text = unsafe { CStr::from_ptr(pg_sys::text_to_cstring(datum.cast_mut_ptr::<pg_sys::varlena>())) };
        Some(text.to_string_lossy().into_owned())
    }
}

/// Calls a function that returns a set in a tuplestore, and reads its rows.
fn rows<T>(
    function: unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> Datum,
    oid: u32,
    read: impl Fn(&Row) -> T,
) -> Result<Vec<T>> {
    under_a_snapshot(|| {
        // SAFETY: zeroed nodes of Postgres's with the tags that the function looks at. What it allocates is in the scratch
        // context, the tuplestore included. Raw calls within the boundary, in closures that own nothing.
        unsafe {
            let mut info: pg_sys::FmgrInfo = MaybeUninit::zeroed().assume_init();
            let mut econtext: pg_sys::ExprContext = MaybeUninit::zeroed().assume_init();
            let mut set: pg_sys::ReturnSetInfo = MaybeUninit::zeroed().assume_init();
            let mut call: pg_sys::FunctionCallInfoBaseData = MaybeUninit::zeroed().assume_init();
            econtext.type_ = NodeTag::T_ExprContext;
            econtext.ecxt_per_query_memory = pg_sys::CurrentMemoryContext;
            econtext.ecxt_per_tuple_memory = pg_sys::CurrentMemoryContext;
            set.type_ = NodeTag::T_ReturnSetInfo;
            set.econtext = &raw mut econtext;
            set.allowedModes = pg_sys::SetFunctionReturnMode::SFRM_Materialize as i32;
            info.fn_oid = pg_sys::Oid::from(oid);
            info.fn_mcxt = pg_sys::CurrentMemoryContext;
            call.flinfo = &raw mut info;
            call.resultinfo = (&raw mut set).cast();
            let call = &raw mut call;
            boundary::catch(|| function(call))?;
            let (store, shape) = (set.setResult, set.setDesc);
            if store.is_null() || shape.is_null() {
                return Ok(Vec::new());
            }
            let slot = boundary::catch(|| raw::MakeSingleTupleTableSlot(shape, &raw const raw::TTSOpsMinimalTuple))?;
            let columns = (*shape).natts;
            let mut found = Vec::new();
            while boundary::catch(|| {
                let more = raw::tuplestore_gettupleslot(store, true, false, slot);
                if more {
                    raw::slot_getsomeattrs_int(slot, columns);
                }
                more
            })? {
                found.push(read(&Row { slot, columns: usize::try_from(columns).unwrap_or(0) }));
            }
            boundary::catch(|| {
                raw::ExecDropSingleTupleTableSlot(slot);
                raw::tuplestore_end(store);
            })?;
            Ok(found)
        }
    })
}
