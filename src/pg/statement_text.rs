//! The text of the statement that is about to run: of itself, not of everything the client sent with it.
//!
//! Postgres hands event triggers a parse tree without its text. At top level the active portal has both. Inside functions
//! and DO blocks the innermost query is known to the error context alone, which hands it out to an error that has a
//! position. A text counts only when the parser makes the same tree of it.

use std::cell::Cell;
use std::ffi::{CStr, c_char};
use std::hash::{DefaultHasher, Hash, Hasher};

use pgrx::pg_sys::{self, NodeTag};

use super::memory::Scratch;
use super::{boundary, convert, node, raw, settings_scope};
use crate::error::{Report, SqlState};

/// Beyond this a query of many statements inside a function is not parsed once more for each of them.
const LARGE: usize = 64 * 1024;

thread_local! {
    /// The last such query, hashed.
    static TOO_MANY: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The text; `None` when it cannot be told for certain.
///
/// # Safety
/// `statement` is the tree of the utility statement that is about to run, before anything has changed it.
pub unsafe fn of(statement: *mut pg_sys::Node) -> Option<String> {
    let _scratch = Scratch::new();
    // SAFETY: the caller's promise.
    unsafe { of_portal(statement).or_else(|| within(&innermost_query()?, statement)) }
}

/// Where the active portal runs it.
///
/// The text for a hint, which has one statement a line; `None` for one that is longer.
///
/// # Safety
/// As for [`of`].
pub unsafe fn on_one_line<T>(statement: &T) -> Option<String> {
    // SAFETY: the caller's promise.
    let text = unsafe { of(std::ptr::from_ref(statement).cast_mut().cast()) }?;
    let text = text.trim();
    (!text.contains('\n')).then(|| text.to_owned())
}

/// # Safety
/// As for [`of`].
unsafe fn of_portal(statement: *mut pg_sys::Node) -> Option<String> {
    // SAFETY: the active portal, its source and its statements live as long as it runs; tags are checked.
    unsafe {
        let portal = pg_sys::ActivePortal;
        if portal.is_null() {
            return None;
        }
        let planned = node::elements((*portal).stmts)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::PlannedStmt>(n, NodeTag::T_PlannedStmt))
            // Of a prepared statement Postgres runs a copy.
            .find(|p| {
                let own = (**p).utilityStmt;
                !own.is_null() && (own == statement || pg_sys::equal(own.cast(), statement.cast()))
            })?;
        if (*portal).sourceText.is_null() {
            return None;
        }
        // Of a long script only what is wanted is copied.
        let source = CStr::from_ptr((*portal).sourceText).to_bytes();
        let (start, end) = part(source.len(), (*planned).stmt_location, (*planned).stmt_len);
        source.get(start..end).map(|text| String::from_utf8_lossy(text).into_owned())
    }
}

/// The text of a statement as Postgres has planned it; `None` when its source is not valid.
///
/// # Safety
/// `source` is what it was parsed from, NUL-terminated.
pub unsafe fn of_planned(planned: &pg_sys::PlannedStmt, source: *const c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    cut(&unsafe { convert::string(source) }?, planned.stmt_location, planned.stmt_len)
}

/// The query that SPI or a SQL function runs now.
fn innermost_query() -> Option<String> {
    // SAFETY: a read of the backend's own stack; a frame lives until the function that pushed it returns.
    let top = unsafe { pg_sys::error_context_stack.as_ref()? };
    let mut only =
        pg_sys::ErrorContextCallback { previous: std::ptr::null_mut(), callback: top.callback, arg: top.arg };
    let asked = Report { position: 1, ..Report::new(SqlState::SYNTAX_ERROR, "which query is this?") };
    let asked = convert::error_data(&asked, pgrx::PgLogLevel::ERROR as i32);
    // SAFETY: raw calls only; the copied frame outlives the closure, and catch puts the real stack back. The error goes no
    // further than this.
    let answer = unsafe {
        boundary::catch(|| {
            pg_sys::error_context_stack = &raw mut only;
            raw::ThrowErrorData(asked);
        })
    };
    answer.err().and_then(|error| error.internal_query)
}

/// The statement of a query that has this tree. Of several equal ones it does not matter which, as long as they are
/// written alike.
///
/// # Safety
/// As for [`of`].
unsafe fn within(query: &str, statement: *mut pg_sys::Node) -> Option<String> {
    let hash = (query.len() > LARGE).then(|| {
        let mut hasher = DefaultHasher::new();
        query.hash(&mut hasher);
        hasher.finish()
    });
    if hash.is_some() && hash == TOO_MANY.get() {
        return None;
    }
    // The scanner warns of cut identifiers and of backslashes, as it did when the statement was parsed.
    let _silence = settings_scope::silently();
    let source = convert::c_string(query);
    let source: *const c_char = source.as_ptr();
    // SAFETY: `source` is NUL-terminated and outlives the trees, which are in the scratch context.
    unsafe {
        let list = boundary::catch(|| raw::pg_parse_query(source)).ok()?;
        let statements: Vec<*mut pg_sys::RawStmt> = node::elements(list).into_iter().map(<*mut _>::cast).collect();
        if statements.len() > 1 && hash.is_some() {
            TOO_MANY.set(hash);
            return None;
        }
        let texts: Vec<String> = statements
            .into_iter()
            .filter(|s| is_same((**s).stmt, statement))
            .filter_map(|s| cut(query, (*s).stmt_location, (*s).stmt_len))
            .collect();
        let first = texts.first()?;
        texts.iter().all(|text| text == first).then(|| first.clone())
    }
}

/// Whether the parser's tree is that of the statement. What CREATE TABLE AS fills the table with has been analysed by now,
/// so there the name of the new table decides.
///
/// # Safety
/// Both are trees.
unsafe fn is_same(parsed: *mut pg_sys::Node, statement: *mut pg_sys::Node) -> bool {
    // SAFETY: tags are checked before the casts.
    unsafe {
        let Some(running) = node::cast::<pg_sys::CreateTableAsStmt>(statement, NodeTag::T_CreateTableAsStmt) else {
            return pg_sys::equal(parsed.cast(), statement.cast());
        };
        let into = match (
            node::cast::<pg_sys::CreateTableAsStmt>(parsed, NodeTag::T_CreateTableAsStmt),
            node::cast::<pg_sys::SelectStmt>(parsed, NodeTag::T_SelectStmt),
        ) {
            (Some(create), _) => (*create).into,
            (None, Some(select)) => (*select).intoClause,
            (None, None) => return false,
        };
        !into.is_null() && pg_sys::equal((*into).rel.cast(), (*(*running).into).rel.cast())
    }
}

/// Bytes of a text.
fn cut(text: &str, location: i32, length: i32) -> Option<String> {
    let (start, end) = part(text.len(), location, length);
    text.get(start..end).map(str::to_owned)
}

/// From where to where; a length of zero means: to the end.
fn part(whole: usize, location: i32, length: i32) -> (usize, usize) {
    let start = usize::try_from(location).unwrap_or(0);
    let end = usize::try_from(length).ok().filter(|length| *length > 0).map_or(whole, |length| start + length);
    (start, end)
}
