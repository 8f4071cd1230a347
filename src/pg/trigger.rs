//! Triggers on the rows of the ledger.

use pgrx::pg_sys::{self, NodeTag};

use super::entry::{Call, Returned};
use super::node;
use crate::error::{Report, Result, code, fail};

/// For a BEFORE trigger FOR EACH ROW: the row as it is, or none when a worker of logical replication brings it.
pub fn row_unless_replicated(call: &Call) -> Result<Returned> {
    // SAFETY: the tag says whether the context is TriggerData, of which Postgres fills what belongs to the event. An INSERT
    // and a DELETE have one row; an UPDATE has a new one. No row (a statement trigger) is returned as none, which is right.
    unsafe {
        let context = (*call.fcinfo).context;
        let Some(data) = node::cast::<pg_sys::TriggerData>(context, NodeTag::T_TriggerData) else {
            return fail(
                Report::new(code::INVALID_ARGUMENT, "a trigger function of the ledger was not called by a trigger")
                    .detail("It was called as an ordinary function.")
                    .hint("Leave it to the triggers not_replicated of the tables in schema migrator."),
            );
        };
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
