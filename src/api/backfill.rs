//! Backfills.

use crate::backfill::{self, Request, Wanted};
use crate::error::Result;
use crate::pg::entry::{Call, Returned};
use crate::pg::{session_worker, sql_function, top_level, writable};

sql_function!(migrator_backfill, run);
sql_function!(migrator_start_backfill, start);
sql_function!(migrator_plan_backfill, plan);
sql_function!(migrator_pause_backfill, pause);
sql_function!(migrator_resume_backfill, resume);
sql_function!(migrator_cancel_backfill, cancel);
sql_function!(migrator_alter_backfill, alter);
session_worker!(migrator_backfill_leader, c"migrator: a backfill", backfill::run_started);
session_worker!(migrator_backfill_worker, c"migrator: a worker of a backfill", backfill::run_worker);

fn request(call: &Call) -> Request {
    Request {
        relation: call.oid(0),
        set_clause: call.text(1),
        where_clause: call.text(2),
        walk: call.text(6),
        stripes: call.integer(7),
        settings: Wanted {
            batch_rows: call.integer(3),
            target_ms: call.integer(4),
            workers: call.integer(5),
            error_ratio: call.float(8),
            limits: call.json(9),
        },
    }
}

fn run(call: &Call) -> Result<Returned> {
    writable::require("migrator.backfill")?;
    let request = request(call);
    let usage = "CALL migrator.backfill('users', 'a = b', 'a IS NULL');";
    top_level::require(call, "migrator.backfill", usage)?;
    backfill::run(&request)?;
    Ok(call.nothing())
}

fn start(call: &Call) -> Result<Returned> {
    writable::require("migrator.start_backfill")?;
    let id = backfill::start(&request(call))?;
    Ok(call.returns_integer(i32::try_from(id).unwrap_or(i32::MAX)))
}

fn plan(call: &Call) -> Result<Returned> {
    let rows: Vec<_> = backfill::plan(&request(call))?
        .into_iter()
        .map(|row| vec![Some(row.subject.to_owned()), Some(row.finding), row.advice])
        .collect();
    Ok(call.returns_rows(&rows))
}

fn pause(call: &Call) -> Result<Returned> {
    writable::require("migrator.pause_backfill")?;
    Ok(call.returns(&backfill::pause(call.integer(0))?))
}

fn resume(call: &Call) -> Result<Returned> {
    writable::require("migrator.resume_backfill")?;
    Ok(call.returns(&backfill::resume(call.integer(0))?))
}

fn cancel(call: &Call) -> Result<Returned> {
    writable::require("migrator.cancel_backfill")?;
    Ok(call.returns(&backfill::cancel(call.integer(0))?))
}

fn alter(call: &Call) -> Result<Returned> {
    writable::require("migrator.alter_backfill")?;
    let wanted = Wanted {
        target_ms: call.integer(1),
        workers: call.integer(2),
        batch_rows: call.integer(3),
        error_ratio: call.float(4),
        limits: call.json(5),
    };
    Ok(call.returns(&backfill::alter(call.integer(0), &wanted)?))
}
