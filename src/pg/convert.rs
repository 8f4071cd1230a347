//! Between Postgres's `ErrorData` and our `Report`, and between C strings and Rust's.

use std::ffi::{CStr, CString, c_char, c_int};

use pgrx::pg_sys;

use crate::error::{Report, SqlState};

/// Postgres packs a SQLSTATE into an integer, six bits a character.
pub fn pack(state: SqlState) -> c_int {
    state.0.iter().rev().fold(0, |packed, c| (packed << 6) | (c_int::from(c.wrapping_sub(b'0')) & 0x3f))
}

/// The other way round.
pub fn unpack(packed: c_int) -> SqlState {
    let mut code = *b"00000";
    for (i, c) in code.iter_mut().enumerate() {
        *c = b'0'.wrapping_add(((packed >> (6 * i)) & 0x3f) as u8);
    }
    SqlState(code)
}

/// A Rust string from a C one; `None` for NULL.
///
/// # Safety
/// `text` is NULL or NUL-terminated and readable.
pub unsafe fn string(text: *const c_char) -> Option<String> {
    // SAFETY: the caller's promise; NULL is checked.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// A C string in Rust's memory. Text from SQL holds no NUL; a stray one ends the string.
pub fn c_string(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

/// Copies every field.
///
/// # Safety
/// `data` comes from `CopyErrorData`: its strings are NULL or NUL-terminated.
pub unsafe fn report_of(data: &pg_sys::ErrorData) -> Report {
    // SAFETY: the caller's promise.
    unsafe {
        Report {
            sqlstate: Some(unpack(data.sqlerrcode)),
            message: string(data.message).unwrap_or_default(),
            detail: string(data.detail),
            detail_log: string(data.detail_log),
            hint: string(data.hint),
            context: string(data.context),
            schema: string(data.schema_name),
            table: string(data.table_name),
            column: string(data.column_name),
            datatype: string(data.datatype_name),
            constraint: string(data.constraint_name),
            position: data.cursorpos,
            internal_position: data.internalpos,
            internal_query: string(data.internalquery),
            raised_at: string(data.filename).map(|file| (file, data.lineno, string(data.funcname).unwrap_or_default())),
        }
    }
}

/// A copy in the current memory context; NULL for `None`. May panic when memory runs out.
fn palloc_string(text: Option<&str>) -> *mut c_char {
    text.map_or(std::ptr::null_mut(), |text| {
        let text = c_string(text);
        // SAFETY: pstrdup copies a NUL-terminated string.
        unsafe { pg_sys::pstrdup(text.as_ptr()) }
    })
}

/// The report as `ErrorData` in the current memory context, with nothing left in Rust's memory.
/// A report that was caught keeps its source location.
pub fn error_data(report: &Report, elevel: c_int) -> *mut pg_sys::ErrorData {
    // SAFETY: palloc0 returns zeroed memory of that size or does not return; all-zero is a valid ErrorData.
    let data = unsafe { &mut *pg_sys::palloc0(size_of::<pg_sys::ErrorData>()).cast::<pg_sys::ErrorData>() };
    data.elevel = elevel;
    data.sqlerrcode = pack(report.sqlstate.unwrap_or(SqlState::INTERNAL_ERROR));
    data.message = palloc_string(Some(&report.message));
    data.detail = palloc_string(report.detail.as_deref());
    data.detail_log = palloc_string(report.detail_log.as_deref());
    data.hint = palloc_string(report.hint.as_deref());
    data.context = palloc_string(report.context.as_deref());
    data.schema_name = palloc_string(report.schema.as_deref());
    data.table_name = palloc_string(report.table.as_deref());
    data.column_name = palloc_string(report.column.as_deref());
    data.datatype_name = palloc_string(report.datatype.as_deref());
    data.constraint_name = palloc_string(report.constraint.as_deref());
    data.cursorpos = report.position;
    data.internalpos = report.internal_position;
    data.internalquery = palloc_string(report.internal_query.as_deref());
    if let Some((file, line, function)) = &report.raised_at {
        data.filename = palloc_string(Some(file));
        data.lineno = *line;
        data.funcname = palloc_string(Some(function));
    }
    data
}
