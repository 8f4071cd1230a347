//! UPDATE, DELETE and MERGE that a client sends: a hook sees them when they begin, with their plan. Everybody's statements
//! come by here, so where no rule asks for them it costs a few comparisons and no look at the catalogue.

use std::cell::Cell;
use std::ffi::c_int;
use std::sync::OnceLock;

use pgrx::pg_sys::{self, CmdType, Node, NodeTag, Oid, PlannedStmt, QueryDesc};

use super::on_guard::{self, Trigger};
use super::relation::Peek;
use super::{by_hand, convert, invalidation, node, raise, raw, statement_text};
use crate::ddl::Ddl;
use crate::error::Result;

/// One that is about to run.
pub struct Modifying {
    query: *mut QueryDesc,
}

type Listener = fn(&Modifying) -> Result<()>;

static LISTENER: OnceLock<Listener> = OnceLock::new();

thread_local! {
    static PREVIOUS: Cell<pg_sys::ExecutorStart_hook_type> = const { Cell::new(None) };
    /// Nothing is asked for; until something changes.
    static AT_REST: Cell<bool> = const { Cell::new(false) };
    /// Who else is told of a change.
    static ON_CHANGE: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// Names who judges, and who is told that what was asked for may have changed; once per process.
pub fn install(listener: Listener, on_change: fn()) {
    if LISTENER.set(listener).is_ok() {
        ON_CHANGE.set(Some(on_change));
        // SAFETY: while the library is loaded; the hook that was there before is called by ours.
        unsafe {
            PREVIOUS.set(pg_sys::ExecutorStart_hook);
            pg_sys::ExecutorStart_hook = Some(executor_start);
        }
    }
}

/// Nothing is asked for: no statement is to be judged until that changes.
pub fn rest() {
    AT_REST.set(true);
}

/// The hook.
///
/// # Safety
/// Postgres calls it with the arguments of ExecutorStart.
unsafe extern "C-unwind" fn executor_start(query: *mut QueryDesc, flags: c_int) {
    // SAFETY: arguments of Postgres's, handed on as they came. Nothing in this frame has a destructor when an error passes:
    // neither ours, nor one that is raised further down.
    unsafe {
        if changes_rows(&*(*query).plannedstmt)
            && !AT_REST.get()
            && flags & pg_sys::EXEC_FLAG_EXPLAIN_ONLY as c_int == 0
            && let Some(refusal) = judge(query)
        {
            raise::raise(refusal);
        }
        match PREVIOUS.get() {
            Some(previous) => previous(query, flags),
            None => raw::standard_ExecutorStart(query, flags),
        }
    }
}

fn changes_rows(plan: &PlannedStmt) -> bool {
    matches!(plan.commandType, CmdType::CMD_UPDATE | CmdType::CMD_DELETE | CmdType::CMD_MERGE) || plan.hasModifyingCTE
}

/// # Safety
/// `query` is about to be executed.
unsafe fn judge(query: *mut QueryDesc) -> Option<raise::Raisable> {
    let listener = LISTENER.get()?;
    let look = || -> Result<Option<Trigger>> {
        // SAFETY: the caller's promise; a read of the transaction's state. What is read-only changes temporary tables at most.
        if unsafe { pg_sys::XactReadOnly || !is_clients_own(&*query) } || !on_guard::is_place() {
            return Ok(None);
        }
        let policies = policies();
        invalidation::watch(policies, changed);
        let Some(trigger) = Trigger::find() else {
            rest();
            return Ok(None);
        };
        // Whoever holds it exclusively is about to change what we are, and nobody's UPDATE is to wait for that.
        Ok(Peek::open(policies).map(|_| trigger))
    };
    match on_guard::contained(look) {
        Ok(trigger) => on_guard::judge(trigger, || listener(&Modifying { query })),
        Err(error) => Some(error),
    }
}

fn changed() {
    AT_REST.set(false);
    if let Some(listener) = ON_CHANGE.get() {
        listener();
    }
}

/// The table of policies.
fn policies() -> Oid {
    // SAFETY: syscache look-ups by name, which answer 0 for what there is not.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"migrator".as_ptr(), true);
        if schema == Oid::INVALID { schema } else { pg_sys::get_relname_relid(c"policy".as_ptr(), schema) }
    }
}

/// Whether the client sent it, however it did; not a function, a trigger or a foreign key. Those run in the client's portal,
/// but it does not list their plans. A cursor of a function is a portal of its own, with a name that Postgres makes up.
///
/// # Safety
/// `query` is about to be executed.
unsafe fn is_clients_own(query: &QueryDesc) -> bool {
    // SAFETY: the active portal and its statements live as long as it runs; casts follow the tag.
    unsafe {
        let Some(portal) = pg_sys::ActivePortal.as_ref() else { return false };
        let statements = node::elements(portal.stmts);
        if statements.contains(&query.plannedstmt.cast()) {
            let name = convert::string(portal.name).unwrap_or_default();
            return !(portal.visible && name.starts_with("<unnamed portal"));
        }
        query.instrument_options != 0 && explained(&statements).is_some()
    }
}

/// The EXPLAIN that a portal runs.
///
/// # Safety
/// Statements of a portal.
unsafe fn explained(statements: &[*mut Node]) -> Option<*mut PlannedStmt> {
    // SAFETY: casts follow the tag.
    unsafe {
        let [only] = statements else { return None };
        let planned = node::cast::<PlannedStmt>(*only, NodeTag::T_PlannedStmt)?;
        node::cast::<pg_sys::ExplainStmt>((*planned).utilityStmt, NodeTag::T_ExplainStmt).map(|_| planned)
    }
}

impl Modifying {
    /// The text of the statement, EXPLAIN or PREPARE included.
    pub fn text(&self) -> Option<String> {
        // SAFETY: the query and the active portal live as long as the statement runs.
        unsafe {
            if let Some(portal) = pg_sys::ActivePortal.as_ref()
                && let Some(explain) = explained(&node::elements(portal.stmts))
            {
                return statement_text::of_planned(&*explain, portal.sourceText);
            }
            statement_text::of_planned(&*(*self.query).plannedstmt, (*self.query).sourceText)
        }
    }

    /// What it changes, in tables that others see: where its text has no WHERE, if that is asked for, and where the planner
    /// expects `many` rows or more.
    pub fn describe(&self, without_where: bool, many: Option<u64>) -> Result<Ddl> {
        // SAFETY: a plan of the planner's, which lives as long as the statement runs.
        unsafe { by_hand::describe((*self.query).plannedstmt, self.text(), without_where, many) }
    }
}
