//! Procedures that commit may only be the client's whole statement.

use pgrx::pg_sys;

use super::entry::Call;
use crate::error::{Report, Result, code, fail};

/// Refuses anything but a direct top-level CALL of this procedure.
///
/// Inside DO, another procedure or a function, an outer SPI frame is open, and ending the transaction under it crashes
/// the server. `CallContext.atomic` is not enough: a plpgsql procedure may call ours non-atomically.
pub fn require(call: &Call, procedure: &str, usage: &str) -> Result<()> {
    let Some(why) = obstacle(call) else { return Ok(()) };
    fail(
        Report::new(code::NOT_TOP_LEVEL, format!("{procedure} must be called as a statement of its own"))
            .detail(why)
            .hint(usage),
    )
}

/// Why this is not a direct top-level CALL; `None` when it is one.
fn obstacle(call: &Call) -> Option<&'static str> {
    // SAFETY: fcinfo is valid for the call. A CALL passes a CallContext; the tag is checked before the cast.
    unsafe {
        let context = (*call.fcinfo).context;
        if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_CallContext {
            return Some("It was not invoked by CALL.");
        }
        if (*context.cast::<pg_sys::CallContext>()).atomic {
            return Some(
                "It was called inside a transaction block, a function, or a string of several statements, \
                 where it cannot commit.",
            );
        }
        if pg_sys::MyXactFlags & pg_sys::XACT_FLAGS_PIPELINING as i32 != 0 {
            return Some("Earlier statements of a pipeline are not committed yet.");
        }
        if !is_active_statement((*(*call.fcinfo).flinfo).fn_oid) {
            return Some("It was called inside DO or another procedure, whose own work would be cut in two.");
        }
    }
    None
}

/// The active portal runs exactly one statement, which is a CALL of this procedure.
///
/// # Safety
/// Called from within a statement.
unsafe fn is_active_statement(procedure: pg_sys::Oid) -> bool {
    // SAFETY: the active portal and its list of PlannedStmt live as long as the statement; tags are checked.
    unsafe {
        let portal = pg_sys::ActivePortal;
        if portal.is_null() || (*portal).stmts.is_null() || (*(*portal).stmts).length != 1 {
            return false;
        }
        let planned = (*(*(*portal).stmts).elements).ptr_value.cast::<pg_sys::PlannedStmt>();
        if (*planned).type_ != pg_sys::NodeTag::T_PlannedStmt {
            return false;
        }
        let utility = (*planned).utilityStmt;
        if utility.is_null() || (*utility).type_ != pg_sys::NodeTag::T_CallStmt {
            return false;
        }
        let function = (*utility.cast::<pg_sys::CallStmt>()).funcexpr;
        !function.is_null() && (*function).funcid == procedure
    }
}
