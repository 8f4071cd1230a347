//! `reindex-blocking`: REINDEX. Hazard: SHARE on the table and ACCESS EXCLUSIVE on the index.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;
use crate::pg;

pub static RULE: Rule = Rule {
    id: "reindex-blocking",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "REINDEX without CONCURRENTLY of a large table (an event from 17).",
    hazard: "Writes wait for the table, and reads that could use the index wait, too, while it is built.",
    safe_way: "REINDEX CONCURRENTLY.",
    bad: "",
    good: "REINDEX (CONCURRENTLY) TABLE users;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::Reindex { concurrently: false, instead, what, separately } = &change.kind else { return Ok(None) };
    let Some(mut blocking) = Blocking::of(change)? else { return Ok(None) };
    if *separately {
        // Each table has its own transaction: one of them must be large, not all together.
        let Some(largest) = largest(change)? else { return Ok(None) };
        blocking = largest;
    }
    let message = format!("reindexing {what} would block its tables");
    let recipe = Recipe::new("Build it without blocking, outside of a transaction block:", vec![format!("{instead};")]);
    let detail = match blocking.tables.as_slice() {
        [only] => blocking.describe_as(&pg::relation::qualified_name(*only), 1)?,
        tables => blocking.describe_as(&format!("The {what}"), tables.len())?,
    };
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
