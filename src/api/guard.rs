//! The event trigger.

use crate::error::Result;
use crate::guard;
use crate::pg::entry::{Call, Returned};
use crate::pg::{event_trigger, sql_function};

sql_function!(migrator_guard_ddl_command_start, ddl_command_start);

fn ddl_command_start(call: &Call) -> Result<Returned> {
    if guard::is_on() {
        guard::check(&event_trigger::statement(call)?)?;
    }
    Ok(call.nothing())
}
