//! `drop-index-in-use`: an index is dropped that queries use, and no other index could do its work.

use crate::catalog::{indexes, usage};
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;

pub static RULE: Rule = Rule {
    id: "drop-index-in-use",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "DROP INDEX of an index of a large table that queries use.",
    hazard: "Queries that used it read the whole table from then on.",
    safe_way: "Build the index that is to take its place first.",
    bad: "",
    good: "CREATE INDEX CONCURRENTLY unused ON users (age); DROP INDEX CONCURRENTLY unused;",
    find,
};

/// Fewer scans than this are somebody trying something.
const SCANS: u64 = 1000;

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::Drop { objects, .. } = &change.kind else { return Ok(None) };
    for object in objects.iter().filter(|o| o.kind == "INDEX") {
        let Some(table) = &object.relation else { continue };
        let usage = usage::of_index(object.oid)?;
        let size = Size::of(&table.leaves)?;
        if usage.scans < SCANS || !size.is_large() || indexes::covering(object.oid)?.is_some() {
            continue;
        }
        let message = format!("queries use index {}", object.identity);
        let detail = format!("{} {} has {}.", usage.describe(), table.quoted, size.describe()?);
        let recipe = Recipe::advice("Build the index that is to take its place CONCURRENTLY first.");
        return Ok(Some(Finding::new(change, message, detail, recipe)));
    }
    Ok(None)
}
