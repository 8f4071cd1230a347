//! Backfills.

use crate::backfill::{self, Request};
use crate::error::Result;
use crate::pg::entry::{Call, Returned};
use crate::pg::{sql_function, top_level, writable};

sql_function!(migrator_backfill, run);

fn run(call: &Call) -> Result<Returned> {
    writable::require("migrator.backfill")?;
    let request = Request {
        relation: call.oid(0),
        set_clause: call.text(1),
        where_clause: call.text(2),
        batch_rows: call.integer(3),
    };
    let usage = "CALL migrator.backfill('users', 'a = b', 'a IS NULL');";
    top_level::require(call, "migrator.backfill", usage)?;
    backfill::run(request)?;
    Ok(call.nothing())
}
