//! `id-exhaustion`: a table is worked on whose ids will run out.

use crate::catalog::sequences;
use crate::ddl::{Change, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "id-exhaustion",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "DDL on a table whose ids have used three quarters of their type.",
    hazard: "When nextval reaches the end of the type, every INSERT fails, and the way to bigint is long.",
    safe_way: "Move to bigint while there is time.",
    bad: "CREATE TABLE small (id serial); SELECT setval('small_id_seq', 2000000000); ALTER TABLE small ADD COLUMN a int;",
    good: "CREATE TABLE small (id serial); ALTER TABLE small ADD COLUMN a int;",
    find,
};

/// Percent of the range from which it is time.
const LATE: u32 = 75;

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let Some(relation) = &change.on else { return Ok(None) };
    // Once a statement.
    if !ddl.changes.first().is_some_and(|first| std::ptr::eq(first, change)) || !matches!(relation.kind, 'r' | 'p') {
        return Ok(None);
    }
    let Some(used) = sequences::consumption(relation.oid)?.into_iter().find(|c| c.percent >= LATE) else {
        return Ok(None);
    };
    let message = format!("the ids of \"{}\" will run out", relation.name);
    let detail = format!(
        "Column \"{}\" is at {}: {} % of {} is used. At its end every INSERT fails.",
        used.column, used.last, used.percent, used.type_name
    );
    let recipe = Recipe::advice("Move the column to bigint while there is time.");
    Ok(Some(Finding::new(change, message, detail, recipe).column(&used.column)))
}
