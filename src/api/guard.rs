//! The guard's event triggers and its policies.

use crate::error::Result;
use crate::guard::{self, policy};
use crate::pg::entry::{Call, Returned};
use crate::pg::{event_trigger, sql_function};

sql_function!(migrator_guard_ddl_command_start, ddl_command_start);
sql_function!(migrator_guard_rules, rules);
sql_function!(migrator_set_rule, set_rule);

fn rules(call: &Call) -> Result<Returned> {
    Ok(call.returns_rows(&policy::records()))
}

fn set_rule(call: &Call) -> Result<Returned> {
    let place = policy::Policy {
        relation: call.oid(2),
        schema: call.oid(3),
        role: call.oid(4),
        threshold_rows: call.big_integer(5),
        threshold_size: call.text(6),
        until: call.big_integer(7),
        reason: call.text(8),
        ..policy::Policy::default()
    };
    let outcome = policy::set_rule(call.text(0).as_deref(), call.text(1).as_deref(), place)?;
    Ok(call.returns(outcome))
}

fn ddl_command_start(call: &Call) -> Result<Returned> {
    if guard::is_on() {
        guard::check(&event_trigger::statement(call)?)?;
    }
    Ok(call.nothing())
}
