//! `reindex-blocking`: REINDEX. Hazard: SHARE on the table and ACCESS EXCLUSIVE on the index.

use crate::ddl::{Change, ChangeKind, Ddl, LockMode};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::listed;
use crate::guard::work::Blocking;
use crate::pg;

pub static RULE: Rule = Rule {
    id: "reindex-blocking",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "REINDEX without CONCURRENTLY of a large table; before 17 typed ones only where the library is preloaded.",
    hazard: "Writes wait for the table, and reads that could use the index wait, too, while it is built.",
    safe_way: "REINDEX CONCURRENTLY.",
    bad: "REINDEX TABLE users;",
    good: "REINDEX (CONCURRENTLY) TABLE users;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::Reindex { concurrently: false, instead, each, left_out, what, separately } = &change.kind else {
        return Ok(None);
    };
    let Some(mut blocking) = Blocking::of(change)? else { return Ok(None) };
    if *separately {
        // Each table has its own transaction: one of them must be large, not all together.
        let Some(largest) = largest(change)? else { return Ok(None) };
        blocking = largest;
    }
    let message = format!("reindexing {what} would block its tables");
    let statements = |list: &[String]| list.iter().map(|statement| format!("{statement};")).collect();
    let recipe = match (instead.as_slice(), left_out.as_slice()) {
        ([], _) => Recipe::allowing(
            "The index of an exclusion constraint cannot be built without blocking. In a maintenance window:",
            &[RULE.id],
            statements(each),
        ),
        (instead, []) => Recipe::new("Build it without blocking, outside of a transaction block:", statements(instead)),
        (instead, left_out) => Recipe::new(
            format!(
                "Build it without blocking, outside of a transaction block; that leaves out {}, of an exclusion constraint:",
                listed(left_out)
            ),
            statements(instead),
        ),
    };
    let detail = match blocking.tables.as_slice() {
        [only] => blocking.describe_as(&pg::relation::qualified_name(*only), 1)?,
        tables => blocking.describe_as(&format!("The {what}"), tables.len())?,
    };
    let reads =
        if blocking.lock == LockMode::AccessExclusive { "" } else { " Reads that plan with its indexes wait, too." };
    let detail = format!("{detail}{reads}");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}

/// The largest of the tables, if it is a large one.
fn largest(change: &Change) -> Result<Option<Blocking>> {
    let mut found: Option<Blocking> = None;
    let mut one = Change { work: Vec::new(), ..change.clone() };
    for work in &change.work {
        one.work = vec![*work];
        if let Some(blocking) = Blocking::of(&one)?
            && found.as_ref().is_none_or(|known| known.size.bytes < blocking.size.bytes)
        {
            found = Some(blocking);
        }
    }
    Ok(found)
}
