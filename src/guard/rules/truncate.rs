//! `truncate`: all rows of a table go at once. No event is fired for TRUNCATE.

use crate::catalog::usage;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::listed;

pub static RULE: Rule = Rule {
    id: "truncate",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "TRUNCATE of tables that hold rows; in migrations, and typed where the library is preloaded.",
    hazard: "The rows are gone. It waits for an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Delete in batches what is to go.",
    bad: "TRUNCATE orders;",
    good: "",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::Truncate { tables, .. } = &change.kind else { return Ok(None) };
    let leaves: Vec<u32> = tables.iter().flat_map(|t| t.leaves.iter().copied()).collect();
    let size = Size::of(&leaves)?;
    if size.bytes == 0 {
        return Ok(None);
    }
    let names: Vec<&str> = tables.iter().map(|t| t.quoted.as_str()).collect();
    let message = format!("TRUNCATE destroys the rows of {}", listed(&names));
    let evidence = if size.is_large() { format!(" {}", usage::of_tables(&leaves)?.describe()) } else { String::new() };
    let detail = format!(
        "{} has {}. The ACCESS EXCLUSIVE lock blocks reads and writes.{evidence}",
        listed(&names),
        size.describe()?
    );
    let sql = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let recipe = Recipe::allowing("If all of them are to go:", &[RULE.id], sql);
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(size.is_large())))
}
