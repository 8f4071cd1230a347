//! Running one statement of a script in a portal of its own, as the main loop of a backend does.

use std::cell::RefCell;
use std::ffi::CString;

use pgrx::pg_sys;

use super::memory::Scratch;
use super::{boundary, convert, raw, versions};
use crate::error::Result;

/// Where a statement runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// With others in one transaction: statements that refuse a transaction block fail, procedures cannot commit.
    InTransaction,
    /// As if the client had sent it: it may end the transaction it was begun in.
    TopLevel,
}

thread_local! {
    /// Portals whose statement failed. One that had committed meanwhile outlives the rollback and must be dropped.
    static FAILED: RefCell<Vec<CString>> = const { RefCell::new(Vec::new()) };
}

/// Drops what failed statements left behind. Called in the transaction that follows the rollback.
pub(super) fn drop_failed() -> Result<()> {
    for name in FAILED.take() {
        let name = name.as_ptr();
        // SAFETY: raw calls; the portal is no longer active, and is looked up by name because the rollback may
        // have dropped it.
        unsafe {
            boundary::catch(|| {
                let portal = raw::GetPortalByName(name);
                if !portal.is_null() {
                    raw::PortalDrop(portal, false);
                }
            })?;
        }
    }
    Ok(())
}

/// Runs a text that holds one statement, with the rights and settings in force, and discards its result rows.
/// An error is returned whole; the transaction is then broken and must be rolled back or the error raised.
pub fn run(statement: &str, level: Level) -> Result<()> {
    // The trees must outlive commits inside the statement, so they live below the caller's context.
    let _scratch = Scratch::new();
    let source = convert::c_string(statement);
    let source = source.as_ptr();
    let mut running: pg_sys::Portal = std::ptr::null_mut();
    let running_out = &raw mut running;
    // SAFETY: raw calls only, on trees the parser just made; `source` outlives the closure. The portal is dropped on
    // success, and on error by transaction abort or by drop_failed. The snapshot pushed for analysis is popped before the portal
    // runs, so that the statement finds the stack as a client's would.
    let outcome = unsafe {
        boundary::catch(|| {
            let parsed = raw::pg_parse_query(source);
            let count = if parsed.is_null() { 0 } else { (*parsed).length };
            for i in 0..count {
                let statement = (*(*parsed).elements.add(i as usize)).ptr_value.cast::<pg_sys::RawStmt>();
                let tag = raw::CreateCommandTag((*statement).stmt);
                let needs_snapshot = raw::analyze_requires_snapshot(statement);
                if needs_snapshot {
                    raw::PushActiveSnapshot(raw::GetTransactionSnapshot());
                }
                let queries = raw::pg_analyze_and_rewrite_fixedparams(
                    statement,
                    source,
                    std::ptr::null(),
                    0,
                    std::ptr::null_mut(),
                );
                let options = pg_sys::CURSOR_OPT_PARALLEL_OK as i32;
                let plans = raw::pg_plan_queries(queries, source, options, std::ptr::null_mut());
                if needs_snapshot {
                    raw::PopActiveSnapshot();
                }
                let portal = raw::CreateNewPortal();
                *running_out = portal;
                (*portal).visible = false;
                let none = std::ptr::null_mut();
                raw::PortalDefineQuery(portal, std::ptr::null(), source, tag, plans, none);
                raw::PortalStart(portal, std::ptr::null_mut(), 0, std::ptr::null_mut());
                versions::portal_run(portal, level == Level::TopLevel);
                raw::PortalDrop(portal, false);
                *running_out = std::ptr::null_mut();
                raw::CommandCounterIncrement();
            }
        })
    };
    if outcome.is_err() && !running.is_null() {
        // SAFETY: an error does not free the portal; its name is a NUL-terminated key of the portal table.
        let name = unsafe { std::ffi::CStr::from_ptr((*running).name) }.to_owned();
        FAILED.with_borrow_mut(|failed| failed.push(name));
    }
    outcome
}
