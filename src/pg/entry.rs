//! How Postgres enters our code: the outermost `extern "C-unwind"` frame of each SQL function.
//!
//! It is written by hand because pgrx's generated wrapper would rewrite the errors that pass through it. Here the
//! body returns a `Result`; after every Rust value is gone, the error is raised by Postgres's own functions.

use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use pgrx::pg_sys;
use pgrx::prelude::*;

use super::raise::{prepare, raise, report_of_panic};
use super::user::InFunction;
use crate::error::Result;

/// One call of one of our SQL functions.
pub struct Call {
    pub(super) fcinfo: pg_sys::FunctionCallInfo,
}

/// What a body hands back to Postgres.
pub struct Returned {
    pub(super) datum: pg_sys::Datum,
    pub(super) null: bool,
}

impl Call {
    /// A text argument; `None` for NULL.
    pub fn text(&self, number: usize) -> Option<String> {
        // SAFETY: the SQL declarations in sql/functions.sql say which argument is text.
        unsafe { pgrx::fcinfo::pg_getarg::<String>(self.fcinfo, number) }
    }

    /// An integer argument; `None` for NULL.
    pub fn integer(&self, number: usize) -> Option<i32> {
        // SAFETY: as above, for integer.
        unsafe { pgrx::fcinfo::pg_getarg::<i32>(self.fcinfo, number) }
    }

    /// A double precision argument; `None` for NULL.
    pub fn float(&self, number: usize) -> Option<f64> {
        // SAFETY: as above, for double precision.
        unsafe { pgrx::fcinfo::pg_getarg::<f64>(self.fcinfo, number) }
    }

    /// A jsonb argument as text, which other readers of JSON may find too deep or its numbers too large; `None` for NULL.
    pub fn json(&self, number: usize) -> Option<String> {
        // SAFETY: as above, for jsonb.
        unsafe {
            let argument = pgrx::fcinfo::pg_getarg_datum(self.fcinfo, number)?;
            super::convert::string(pg_sys::OidOutputFunctionCall(pg_sys::Oid::from(pg_sys::F_JSONB_OUT), argument))
        }
    }

    /// A boolean argument; NULL is false.
    pub fn boolean(&self, number: usize) -> bool {
        // SAFETY: as above, for boolean.
        unsafe { pgrx::fcinfo::pg_getarg::<bool>(self.fcinfo, number) }.unwrap_or(false)
    }

    /// A bigint argument, or a timestamptz as microseconds since 2000; `None` for NULL.
    pub fn big_integer(&self, number: usize) -> Option<i64> {
        // SAFETY: as above, for bigint and timestamptz, which are both 64 bits by value.
        unsafe { pgrx::fcinfo::pg_getarg::<i64>(self.fcinfo, number) }
    }

    /// An argument of type text[] without its NULLs; `None` for NULL.
    pub fn texts(&self, number: usize) -> Option<Vec<String>> {
        // SAFETY: as above, for text[].
        let array = unsafe { pgrx::fcinfo::pg_getarg::<Vec<Option<String>>>(self.fcinfo, number) };
        array.map(|texts| texts.into_iter().flatten().collect())
    }

    /// A regclass, regnamespace or regrole argument; `None` for NULL.
    pub fn oid(&self, number: usize) -> Option<u32> {
        // SAFETY: as above, for types that are an Oid.
        unsafe { pgrx::fcinfo::pg_getarg::<pg_sys::Oid>(self.fcinfo, number) }.map(|oid| oid.to_u32())
    }

    /// Returns nothing: for procedures, event triggers and functions that return void.
    pub fn nothing(&self) -> Returned {
        Returned { datum: pg_sys::Datum::from(0), null: false }
    }

    /// Returns NULL.
    pub fn returns_null(&self) -> Returned {
        Returned { datum: pg_sys::Datum::from(0), null: true }
    }

    /// Returns a text.
    pub fn returns(&self, text: &str) -> Returned {
        text.into_datum().map_or_else(
            || Returned { datum: pg_sys::Datum::from(0), null: true },
            |datum| Returned { datum, null: false },
        )
    }

    /// Returns an integer.
    pub fn returns_integer(&self, number: i32) -> Returned {
        Returned { datum: pg_sys::Datum::from(number), null: false }
    }

    /// Returns a bigint.
    pub fn returns_big_integer(&self, number: i64) -> Returned {
        Returned { datum: pg_sys::Datum::from(number), null: false }
    }

    /// Returns a set of rows; each value is given as text and read by its column's input function.
    pub fn returns_rows(&self, rows: &[Vec<Option<String>>]) -> Returned {
        // SAFETY: the function is declared to return a set, so resultinfo is a ReturnSetInfo, which
        // InitMaterializedSRF checks. The value arrays outlive each BuildTupleFromCStrings call.
        unsafe {
            pg_sys::InitMaterializedSRF(self.fcinfo, 0);
            let info = (*self.fcinfo).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            let input = pg_sys::TupleDescGetAttInMetadata((*info).setDesc);
            for row in rows {
                let owned: Vec<Option<CString>> =
                    row.iter().map(|v| v.as_deref().map(super::convert::c_string)).collect();
                let mut values: Vec<*mut c_char> =
                    owned.iter().map(|v| v.as_ref().map_or(std::ptr::null_mut(), |v| v.as_ptr().cast_mut())).collect();
                let tuple = pg_sys::BuildTupleFromCStrings(input, values.as_mut_ptr());
                pg_sys::tuplestore_puttuple((*info).setResult, tuple);
            }
        }
        Returned { datum: pg_sys::Datum::from(0), null: true }
    }
}

/// Runs a body and gives Postgres its value or its error.
///
/// # Safety
/// Called only from a frame made by [`sql_function!`], with the `fcinfo` Postgres passed to it.
pub unsafe fn enter(fcinfo: pg_sys::FunctionCallInfo, body: fn(&Call) -> Result<Returned>) -> pg_sys::Datum {
    let run = || {
        // SAFETY: Postgres fills flinfo for every call.
        let _function = InFunction::enter(unsafe { (*(*fcinfo).flinfo).fn_oid });
        body(&Call { fcinfo })
    };
    let outcome = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(returned)) => Ok(returned),
        Ok(Err(error)) => Err(prepare(error)),
        Err(payload) => Err(prepare(report_of_panic(payload))),
    };
    match outcome {
        Ok(returned) => {
            // SAFETY: fcinfo is valid for the whole call.
            unsafe { (*fcinfo).isnull = returned.null };
            returned.datum
        }
        // SAFETY: every Rust value was moved into Postgres's memory or dropped above.
        Err(error) => unsafe { raise(error) },
    }
}

/// Defines the C symbol of a SQL function: `sql_function!(migrator_apply, apply)` makes `migrator_apply`, declared in
/// `sql/functions.sql`, run `fn apply(&Call) -> Result<Returned>`.
macro_rules! sql_function {
    ($symbol:ident, $body:path) => {
        $crate::pg::entry::paste_info!($symbol);

        /// The C entry of the SQL function that names this symbol.
        ///
        /// # Safety
        /// Postgres calls it with the call information of that function.
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $symbol(fcinfo: pgrx::pg_sys::FunctionCallInfo) -> pgrx::pg_sys::Datum {
            // SAFETY: this is the outermost frame, entered from Postgres.
            unsafe { $crate::pg::entry::enter(fcinfo, $body) }
        }
    };
}
pub(crate) use sql_function;

/// The `pg_finfo_` function beside a symbol, which tells Postgres its calling convention.
macro_rules! paste_info {
    ($symbol:ident) => {
        const _: () = {
            #[allow(unsafe_code)]
            #[unsafe(export_name = concat!("pg_finfo_", stringify!($symbol)))]
            extern "C-unwind" fn info() -> *const pgrx::pg_sys::Pg_finfo_record {
                const V1: pgrx::pg_sys::Pg_finfo_record = pgrx::pg_sys::Pg_finfo_record { api_version: 1 };
                &V1
            }
        };
    };
}
pub(crate) use paste_info;
