//! `alter-sequence-blocks-nextval`: ALTER SEQUENCE in a longer transaction keeps every INSERT that needs a number waiting.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::pg;

pub static RULE: Rule = Rule {
    id: "alter-sequence-blocks-nextval",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "ALTER SEQUENCE in a transaction block.",
    hazard: "It takes a SHARE ROW EXCLUSIVE lock on the sequence until the end of the transaction: nextval waits, and with it \
             every INSERT that needs a number.",
    safe_way: "A transaction of its own.",
    bad: "CREATE SEQUENCE numbers; BEGIN; ALTER SEQUENCE numbers INCREMENT BY 2;",
    good: "CREATE SEQUENCE numbers; ALTER SEQUENCE numbers INCREMENT BY 2;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::AlterSequence { sequence } = &change.kind else { return Ok(None) };
    if !pg::transaction::in_block() {
        return Ok(None);
    }
    let message = format!("nextval of {} would wait until this transaction ends", sequence.identity);
    let detail =
        "ALTER SEQUENCE takes a SHARE ROW EXCLUSIVE lock on it, and every INSERT that needs a number waits with it.";
    let recipe = Recipe::advice("Do it in a transaction of its own.");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
