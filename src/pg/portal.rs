//! Running one statement of a script in a portal of its own, as the main loop of a backend does.

use pgrx::pg_sys;

use super::memory::Scratch;
use super::{boundary, convert, lexer, raw, versions};
use crate::error::{Report, Result, code, fail};

/// Where a statement runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// With others in one transaction: statements that refuse a transaction block fail, procedures cannot commit.
    InTransaction,
    /// As if the client had sent it: it may end the transaction it was begun in.
    TopLevel,
}

/// Runs a text that holds one statement, with the rights and settings in force, and discards its result rows.
/// An error is returned whole; the transaction is then broken and must be rolled back or the error raised.
pub fn run(statement: &str, level: Level) -> Result<()> {
    // The trees must outlive commits inside the statement, so they live below the caller's context.
    let _scratch = Scratch::new();
    let source = convert::c_string(statement);
    let source = source.as_ptr();
    let parsed = only_statement(source)?;
    // SAFETY: raw calls only, on a tree the parser just made; `source` outlives the closure. The portal is dropped on
    // success and by transaction abort on error, also when the statement has committed meanwhile. The snapshot pushed
    // for analysis is popped before the portal runs, so that the statement finds the stack as a client's would.
    unsafe {
        boundary::catch(|| {
            let nothing: *mut std::ffi::c_void = std::ptr::null_mut();
            let tag = raw::CreateCommandTag((*parsed).stmt);
            let needs_snapshot = raw::analyze_requires_snapshot(parsed);
            if needs_snapshot {
                raw::PushActiveSnapshot(raw::GetTransactionSnapshot());
            }
            let queries = raw::pg_analyze_and_rewrite_fixedparams(parsed, source, std::ptr::null(), 0, nothing.cast());
            let plans = raw::pg_plan_queries(queries, source, pg_sys::CURSOR_OPT_PARALLEL_OK as i32, nothing.cast());
            if needs_snapshot {
                raw::PopActiveSnapshot();
            }
            let portal = raw::CreateNewPortal();
            (*portal).visible = false;
            raw::PortalDefineQuery(portal, std::ptr::null(), source, tag, plans, nothing);
            raw::PortalStart(portal, nothing.cast(), 0, nothing.cast());
            versions::portal_run(portal, level == Level::TopLevel);
            raw::PortalDrop(portal, false);
            raw::CommandCounterIncrement();
        })
    }
}

/// The parse tree of a text that is one statement and no transaction control: registration has seen to it, but here it
/// would end the transaction of whoever called us.
fn only_statement(source: *const std::ffi::c_char) -> Result<*mut pg_sys::RawStmt> {
    // SAFETY: `source` is NUL-terminated; the tag is read from the parser's own tree.
    unsafe {
        if let [only] = lexer::parse(source)?.as_slice()
            && (*(**only).stmt).type_ != pg_sys::NodeTag::T_TransactionStmt
        {
            return Ok(*only);
        }
    }
    fail(
        Report::new(
            code::UNSUPPORTED_STATEMENT,
            "a statement of a migration is not what it was when it was registered",
        )
        .detail("It is several statements now, or transaction control.")
        .hint("Register the script again."),
    )
}
