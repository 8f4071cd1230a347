//! Triggers on the rows of the ledger.

use pgrx::pg_sys::{self, NodeTag};

use super::entry::{Call, Returned};
use super::{node, relation, user};
use crate::error::{Report, Result, code, fail};

/// For a BEFORE trigger FOR EACH ROW: the row as it is, or none when a worker of logical replication brings it.
pub fn row_unless_replicated(call: &Call) -> Result<Returned> {
    // SAFETY: Postgres fills what belongs to the event. An INSERT and a DELETE have one row; an UPDATE has a new one. No row
    // (a statement trigger) is returned as none, which is right.
    unsafe {
        let data = data(call)?;
        let row = match (*data).tg_newtuple {
            none if none.is_null() => (*data).tg_trigtuple,
            new => new,
        };
        if pg_sys::IsLogicalWorker() {
            return Ok(call.nothing());
        }
        Ok(Returned { datum: pg_sys::Datum::from(row), null: false })
    }
}

/// For a BEFORE trigger FOR EACH STATEMENT: refuses it. Whether the role is another one than the owner is the trigger's
/// condition.
pub fn refuse_others(call: &Call) -> Result<Returned> {
    let data = data(call)?;
    // SAFETY: the relation of a trigger is open.
    let table = unsafe { relation::qualified_name((*(*data).tg_relation).rd_id.to_u32()) };
    fail(
        Report::new(code::NOT_THE_OWNER, format!("{table} is written by migrator's own functions only"))
            .detail(format!(
                "Role \"{}\" has the right to write to it all the same, perhaps as a member of pg_write_all_data.",
                user::current_role()
            ))
            .hint("The functions that change it: \\df migrator.*"),
    )
}

/// What a trigger function is called with.
fn data(call: &Call) -> Result<*mut pg_sys::TriggerData> {
    // SAFETY: the tag says whether the context is TriggerData.
    match unsafe { node::cast::<pg_sys::TriggerData>((*call.fcinfo).context, NodeTag::T_TriggerData) } {
        Some(data) => Ok(data),
        None => fail(
            Report::new(code::INVALID_ARGUMENT, "a trigger function of the ledger was not called by a trigger")
                .detail("It was called as an ordinary function.")
                .hint("Leave it to the triggers of the tables in schema migrator."),
        ),
    }
}
