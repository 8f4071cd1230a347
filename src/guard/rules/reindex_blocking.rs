//! `reindex-blocking`: REINDEX. Hazard: SHARE on the table and ACCESS EXCLUSIVE on the index.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::listed;
use crate::guard::work::Blocking;

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
    let ChangeKind::Reindex { concurrently: false, instead, each, left_out, what } = &change.kind else {
        return Ok(None);
    };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
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
    let detail = format!("{} Reads that could use the index wait, too.", blocking.describe(change)?);
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
