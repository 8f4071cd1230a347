//! The text of the statement that runs, found in what the client sent.

use pgrx::pg_sys;

use super::{convert, lexer};

/// The text of a statement, when the client's string contains a statement with the same tree; `None` for one that a
/// function or a migration runs. Locations do not count for Postgres's comparison of trees.
///
/// # Safety
/// `tree` is the parser's tree.
pub unsafe fn text_of(tree: *const pg_sys::Node) -> Option<String> {
    // SAFETY: set by the backend for the whole time of a client's command, or NULL; the trees live in the current
    // memory context.
    unsafe {
        let source = pg_sys::debug_query_string;
        if source.is_null() {
            return None;
        }
        let text = convert::string(source)?;
        for raw in lexer::parse(source).ok()? {
            if !pg_sys::equal((*raw).stmt.cast(), tree.cast()) {
                continue;
            }
            let start = usize::try_from((*raw).stmt_location).unwrap_or(0).min(text.len());
            let end = match usize::try_from((*raw).stmt_len) {
                Ok(length) if length > 0 => (start + length).min(text.len()),
                _ => text.len(),
            };
            return Some(text.get(start..end)?.trim().trim_end_matches(';').to_owned());
        }
        None
    }
}
