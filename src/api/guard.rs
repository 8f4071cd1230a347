//! The guard's event triggers and its policies.

use crate::error::Result;
use crate::guard::{self, policy};
use crate::pg::entry::{Call, Returned};
use crate::pg::{background_worker, event_trigger, sql_function, trigger, writable};

sql_function!(migrator_guard_ddl_command_start, start);
sql_function!(migrator_guard_table_rewrite, rewrite);
sql_function!(migrator_guard_sql_drop, drop);
sql_function!(migrator_guard_ddl_command_end, end);
sql_function!(migrator_ddl_append_only, append_only);
sql_function!(migrator_prune_ddl_log, prune);
sql_function!(migrator_not_replicated, trigger::row_unless_replicated);
sql_function!(migrator_owner_only, trigger::refuse_others);
// Writes the refusal of a statement, whose own transaction is lost.
background_worker!(migrator_write_refusals, guard::write_refusals);
sql_function!(migrator_guard_rules, rules);
sql_function!(migrator_set_rule, set_rule);
sql_function!(migrator_preloaded_by, preloaded_by);

fn rules(call: &Call) -> Result<Returned> {
    Ok(call.returns_rows(&policy::records()))
}

fn preloaded_by(call: &Call) -> Result<Returned> {
    Ok(guard::preloaded_by().map_or_else(|| call.returns_null(), |setting| call.returns(setting)))
}

fn set_rule(call: &Call) -> Result<Returned> {
    writable::require("migrator.set_rule")?;
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

fn start(call: &Call) -> Result<Returned> {
    guard::starts(&event_trigger::event(call)?)?;
    Ok(call.nothing())
}

fn rewrite(call: &Call) -> Result<Returned> {
    guard::rewrites(&event_trigger::event(call)?)?;
    Ok(call.nothing())
}

fn drop(call: &Call) -> Result<Returned> {
    guard::drops(&event_trigger::event(call)?)?;
    Ok(call.nothing())
}

fn end(call: &Call) -> Result<Returned> {
    guard::ends(&event_trigger::event(call)?)?;
    Ok(call.nothing())
}

fn append_only(call: &Call) -> Result<Returned> {
    guard::ddl_log_is_append_only()?;
    Ok(call.nothing())
}

fn prune(call: &Call) -> Result<Returned> {
    writable::require("migrator.prune_ddl_log")?;
    Ok(call.returns_big_integer(guard::prune_ddl_log()?))
}
