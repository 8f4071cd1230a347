//! Rows of the system catalogues, by oid, read by the names of their columns: numbers differ between versions.

use std::ffi::CStr;

use pgrx::FromDatum;
use pgrx::pg_sys::{self, SysCacheIdentifier};

use super::convert;

/// pg_constraint's own oid; pgrx's bindings do not have it.
pub const CONSTRAINTS: pg_sys::Oid = pg_sys::Oid::from_u32(2606);

/// One row, pinned in the system cache as long as this lives.
pub struct Row {
    cache: i32,
    catalogue: pg_sys::Oid,
    tuple: pg_sys::HeapTuple,
}

impl Row {
    /// The row of pg_constraint with an oid.
    pub fn constraint(oid: pg_sys::Oid) -> Option<Self> {
        Self::find(SysCacheIdentifier::CONSTROID as i32, CONSTRAINTS, oid)
    }

    /// The row of pg_class with an oid.
    pub fn class(oid: pg_sys::Oid) -> Option<Self> {
        Self::find(SysCacheIdentifier::RELOID as i32, pg_sys::RelationRelationId, oid)
    }

    fn find(cache: i32, catalogue: pg_sys::Oid, oid: pg_sys::Oid) -> Option<Self> {
        // SAFETY: a look-up by oid; released in drop.
        let tuple = unsafe { pg_sys::SearchSysCache1(cache, pg_sys::Datum::from(oid)) };
        (!tuple.is_null()).then_some(Self { cache, catalogue, tuple })
    }

    fn value<T: FromDatum>(&self, column: &CStr) -> Option<T> {
        // SAFETY: the row is pinned; the number is that of a column of this catalogue on this server.
        unsafe {
            let number = pg_sys::get_attnum(self.catalogue, column.as_ptr());
            if number == 0 {
                return None;
            }
            let mut null = false;
            let datum = pg_sys::SysCacheGetAttr(self.cache, self.tuple, number, &raw mut null);
            T::from_datum(datum, null)
        }
    }

    /// An oid column; invalid when it is NULL, or not known to this version.
    pub fn oid(&self, column: &CStr) -> pg_sys::Oid {
        self.value(column).unwrap_or(pg_sys::Oid::INVALID)
    }

    /// A boolean column; `None` when this version does not have it.
    pub fn boolean(&self, column: &CStr) -> Option<bool> {
        self.value(column)
    }

    /// A column of type "char".
    pub fn char(&self, column: &CStr) -> u8 {
        self.value::<i8>(column).unwrap_or(0) as u8
    }

    /// A column of type smallint.
    pub fn small(&self, column: &CStr) -> i16 {
        self.value(column).unwrap_or(0)
    }

    /// A column of type name.
    pub fn name(&self, column: &CStr) -> String {
        // SAFETY: a name datum points into the pinned row and is NUL-terminated.
        unsafe {
            let number = pg_sys::get_attnum(self.catalogue, column.as_ptr());
            let mut null = false;
            let datum = pg_sys::SysCacheGetAttr(self.cache, self.tuple, number, &raw mut null);
            if null { String::new() } else { convert::string(datum.cast_mut_ptr()).unwrap_or_default() }
        }
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        // SAFETY: found once, released once.
        unsafe { pg_sys::ReleaseSysCache(self.tuple) }
    }
}
