//! Utility statements for which Postgres fires no event: a hook sees them before they lock anything.

use std::cell::Cell;
use std::ffi::c_char;
use std::sync::OnceLock;

use pgrx::pg_sys::{self, Node, NodeTag, PlannedStmt};

use super::on_guard::{self, Trigger};
use super::{analysis, node, raise, raw, statement_text, versions};
use crate::ddl::Ddl;
use crate::error::Result;

/// One that is about to run.
pub struct Utility {
    planned: *mut PlannedStmt,
    source: *const c_char,
}

impl Utility {
    /// The analysis of the statement.
    pub fn analyse(&self) -> Result<Ddl> {
        // SAFETY: the tree lives as long as the command. A copy, because the analysis may change it.
        unsafe { analysis::analyse_unseen(pg_sys::copyObjectImpl((*self.planned).utilityStmt.cast()).cast()) }
    }

    /// Its text.
    pub fn text(&self) -> Option<String> {
        // SAFETY: the source lives as long as the command.
        unsafe { statement_text::of_planned(&*self.planned, self.source) }
    }

    /// Whether the active portal runs it, and no function within it.
    pub fn is_portals_own(&self) -> bool {
        // SAFETY: the active portal and its statements live as long as it runs.
        unsafe {
            let portal = pg_sys::ActivePortal;
            !portal.is_null() && node::elements((*portal).stmts).contains(&self.planned.cast())
        }
    }
}

static LISTENER: OnceLock<fn(&Utility) -> Result<()>> = OnceLock::new();

thread_local! {
    static PREVIOUS: Cell<pg_sys::ProcessUtility_hook_type> = const { Cell::new(None) };
}

/// Names who judges, once per process.
pub fn install(listener: fn(&Utility) -> Result<()>) {
    if LISTENER.set(listener).is_ok() {
        // SAFETY: while the library is loaded; the hook that was there before is called by ours.
        unsafe {
            PREVIOUS.set(pg_sys::ProcessUtility_hook);
            pg_sys::ProcessUtility_hook = Some(process_utility);
        }
    }
}

/// Whether Postgres tells nobody about a statement that the guard has rules for. Quick: every utility statement comes by.
///
/// # Safety
/// `statement` is NULL or a utility statement.
unsafe fn is_unseen(statement: *const Node) -> bool {
    if statement.is_null() {
        return false;
    }
    // SAFETY: the caller's promise; casts follow the tag.
    unsafe {
        match (*statement).type_ {
            NodeTag::T_TruncateStmt | NodeTag::T_ClusterStmt => true,
            NodeTag::T_VacuumStmt => (*statement.cast::<pg_sys::VacuumStmt>()).is_vacuumcmd,
            NodeTag::T_ReindexStmt => !versions::REINDEX_FIRES_EVENTS,
            // The weaker modes are for reading and writing; dumps take them by the thousand.
            NodeTag::T_LockStmt => {
                (*statement.cast::<pg_sys::LockStmt>()).mode >= pg_sys::ShareUpdateExclusiveLock as i32
            }
            _ => false,
        }
    }
}

/// The hook.
///
/// # Safety
/// Postgres calls it with the arguments of ProcessUtility.
#[allow(clippy::too_many_arguments)]
unsafe extern "C-unwind" fn process_utility(
    planned: *mut PlannedStmt,
    source: *const c_char,
    read_only: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    parameters: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    destination: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    // SAFETY: arguments of Postgres's, handed on as they came. Nothing in this frame has a destructor when an error passes:
    // neither ours, nor one that is raised further down.
    unsafe {
        if is_unseen((*planned).utilityStmt)
            && let Some(refusal) = judge(Utility { planned, source })
        {
            raise::raise(refusal);
        }
        if let Some(previous) = PREVIOUS.get() {
            previous(planned, source, read_only, context, parameters, environment, destination, completion);
        } else {
            raw::standard_ProcessUtility(
                planned,
                source,
                read_only,
                context,
                parameters,
                environment,
                destination,
                completion,
            );
        }
    }
}

fn judge(utility: Utility) -> Option<raise::Raisable> {
    let listener = LISTENER.get()?;
    let trigger = match on_guard::contained(|| Ok(on_guard::is_place().then(Trigger::find).flatten())) {
        Ok(trigger) => trigger,
        Err(error) => return Some(error),
    };
    on_guard::judge(trigger, || listener(&utility))
}
