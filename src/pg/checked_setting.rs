//! A text setting whose values are checked when they are set, also by ALTER DATABASE and in postgresql.conf.

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use pgrx::{GucContext, GucFlags, GucRegistry, pg_sys};

use super::convert;
use crate::error::Result;
use crate::settings::Checked;

/// What checks it. There is one such setting.
static CHECK: OnceLock<fn(&str) -> Result<()>> = OnceLock::new();

/// Defines it, for superusers and those they GRANT it to.
pub fn define(setting: Checked, check: fn(&str) -> Result<()>) {
    let _ = CHECK.set(check);
    let (name, short, long) = (setting.name, setting.short, setting.long);
    let context = GucContext::Suset;
    // SAFETY: the hook neither raises nor unwinds.
    unsafe {
        GucRegistry::define_string_guc_with_hooks(
            name,
            short,
            long,
            setting.setting,
            context,
            GucFlags::default(),
            Some(is_valid),
            None,
            None,
        );
    }
}

/// The check hook. A refusal keeps SQLSTATE, message and HINT of the check's error.
unsafe extern "C-unwind" fn is_valid(value: *mut *mut c_char, _: *mut *mut c_void, _: pg_sys::GucSource::Type) -> bool {
    // SAFETY: Postgres passes the address of the new value, which is NULL or NUL-terminated.
    let value = unsafe { convert::string(*value) }.unwrap_or_default();
    let checked = catch_unwind(AssertUnwindSafe(|| CHECK.get().map_or(Ok(()), |check| check(&value))));
    let error = match checked {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => error,
        Err(_) => return false,
    };
    // SAFETY: what the macros GUC_check_errmsg and its like do: texts that outlive the hook. The allocator returns NULL
    // when memory is out, and then Postgres uses a message of its own.
    unsafe {
        if let Some(state) = error.sqlstate {
            pg_sys::GUC_check_errcode(convert::pack(state));
        }
        pg_sys::GUC_check_errmsg_string = lasting(&error.message);
        pg_sys::GUC_check_errhint_string = error.hint.as_deref().map_or(std::ptr::null_mut(), lasting);
    }
    false
}

/// A copy in the context of the error that is about to be raised.
fn lasting(text: &str) -> *mut c_char {
    let text = convert::c_string(text);
    let bytes = text.as_bytes_with_nul();
    // SAFETY: bytes.len() bytes are allocated, or none.
    unsafe {
        let no_error = pg_sys::MCXT_ALLOC_NO_OOM as i32;
        let copy = pg_sys::MemoryContextAllocExtended(pg_sys::ErrorContext, bytes.len(), no_error).cast::<c_char>();
        if !copy.is_null() {
            copy.copy_from_nonoverlapping(bytes.as_ptr().cast(), bytes.len());
        }
        copy
    }
}
