//! Where relations are stored, and what statistics say about them.

use std::ffi::CStr;

use pgrx::pg_sys::{self, Datum, Oid};

use super::analysis::column_width;
use super::{boundary, raw};
use crate::error::Result;

/// One relation's main fork, and that of its TOAST table.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    pub oid: u32,
    /// Relative to the data directory; `None` without storage.
    pub path: Option<String>,
    /// The same of its TOAST table.
    pub toast_path: Option<String>,
    /// -1 when it was never analysed.
    pub reltuples: f64,
    pub relpages: f64,
}

/// Of a relation; `None` when there is none. Reads the catalogue only; no lock on the relation.
pub fn of(relation: u32) -> Option<Storage> {
    let oid = Oid::from(relation);
    let class = class(oid)?;
    Some(Storage {
        oid: relation,
        path: path(oid),
        toast_path: (class.reltoastrelid != Oid::INVALID).then(|| path(class.reltoastrelid)).flatten(),
        reltuples: f64::from(class.reltuples),
        relpages: f64::from(class.relpages),
    })
}

/// Width of a row of a relation without its header, guessed from the column types as the planner does.
pub fn width(relation: u32) -> f64 {
    let oid = Oid::from(relation);
    let columns = class(oid).map_or(0, |class| class.relnatts);
    (1..=columns).filter_map(|number| column_width(oid, number)).sum()
}

/// The fixed part of the relation's row in pg_class.
fn class(oid: Oid) -> Option<pg_sys::FormData_pg_class> {
    // SAFETY: a syscache look-up by oid; copied before it is released.
    unsafe {
        let row = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as i32, Datum::from(oid));
        if row.is_null() {
            return None;
        }
        let class = *pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_class>();
        pg_sys::ReleaseSysCache(row);
        Some(class)
    }
}

fn path(oid: Oid) -> Option<String> {
    // SAFETY: the function takes an oid and returns a text or NULL; the copy is NUL-terminated.
    unsafe {
        let path = pgrx::direct_function_call_as_datum(pg_sys::pg_relation_filepath, &[Some(Datum::from(oid))])?;
        let text = CStr::from_ptr(pg_sys::text_to_cstring(path.cast_mut_ptr::<pg_sys::varlena>()));
        Some(text.to_string_lossy().into_owned())
    }
}

/// How many columns a table has had, dropped ones included.
pub fn columns(relation: u32) -> u64 {
    class(Oid::from(relation)).map_or(0, |class| u64::try_from(class.relnatts).unwrap_or(0))
}

/// Whether sequences belong to columns of the table.
pub fn has_sequences(relation: u32) -> Result<bool> {
    let oid = Oid::from(relation);
    // SAFETY: a raw call within the boundary; a list or NIL.
    Ok(unsafe { !boundary::catch(|| raw::getOwnedSequences(oid))?.is_null() })
}
