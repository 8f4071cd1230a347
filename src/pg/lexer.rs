//! One way to read SQL text, whatever the session has set: a script means the same when it is registered and when it is
//! run.

use std::ffi::c_char;

use pgrx::pg_sys;

use super::{boundary, node, raw};
use crate::error::Result;

/// The settings Postgres's lexer reads, as the standard has them. Dropping it puts the session's own back.
struct StandardStrings {
    conforming: bool,
    backslash_quote: i32,
    warning: bool,
}

impl StandardStrings {
    fn pin() -> Self {
        // SAFETY: variables of this backend's, which the lexer reads when it begins; their types are those of the
        // settings. Parsing runs no user code that could see them.
        unsafe {
            let before = Self {
                conforming: pg_sys::standard_conforming_strings,
                backslash_quote: pg_sys::backslash_quote,
                warning: pg_sys::escape_string_warning,
            };
            pg_sys::standard_conforming_strings = true;
            pg_sys::backslash_quote = pg_sys::BackslashQuoteType::BACKSLASH_QUOTE_SAFE_ENCODING as i32;
            pg_sys::escape_string_warning = false;
            before
        }
    }
}

impl Drop for StandardStrings {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe {
            pg_sys::standard_conforming_strings = self.conforming;
            pg_sys::backslash_quote = self.backslash_quote;
            pg_sys::escape_string_warning = self.warning;
        }
    }
}

/// Postgres's parse trees of a text, in the current memory context.
///
/// # Safety
/// `source` is NUL-terminated.
pub unsafe fn parse(source: *const c_char) -> Result<Vec<*mut pg_sys::RawStmt>> {
    let _strings = StandardStrings::pin();
    // SAFETY: one raw call; it returns a list of RawStmt.
    unsafe {
        let list = boundary::catch(|| raw::pg_parse_query(source))?;
        Ok(node::elements(list).into_iter().map(<*mut pg_sys::Node>::cast).collect())
    }
}
