//! `drop-materialized-view`: a large materialized view is dropped; to have it back, its query runs again.

use crate::catalog::usage;
use crate::ddl::{Change, ChangeKind, Ddl, Relation};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::listed;

pub static RULE: Rule = Rule {
    id: "drop-materialized-view",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "A large materialized view is dropped.",
    hazard: "Its rows and indexes are gone; to have them back, its query has to run over its tables again.",
    safe_way: "Build the new one under another name first, and swap the names.",
    bad: "CREATE MATERIALIZED VIEW all_users AS SELECT * FROM users; DROP MATERIALIZED VIEW all_users;",
    good: "DROP MATERIALIZED VIEW user_counts;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::Drop { objects, .. } = &change.kind else { return Ok(None) };
    let views: Vec<&Relation> =
        objects.iter().filter(|o| o.kind == "MATERIALIZED VIEW").filter_map(|o| o.relation.as_ref()).collect();
    let leaves: Vec<u32> = views.iter().flat_map(|v| v.leaves.iter().copied()).collect();
    let size = Size::of(&leaves)?;
    if leaves.is_empty() || !size.is_large() {
        return Ok(None);
    }
    let names: Vec<&str> = views.iter().map(|v| v.quoted.as_str()).collect();
    let message = format!("dropping {} destroys its rows", listed(&names));
    let detail = format!(
        "{} has {}. To have it back, its query must run again. {}",
        listed(&names),
        size.describe()?,
        usage::of_tables(&leaves)?.describe()
    );
    let sql = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let recipe = Recipe::allowing("When nobody needs it any more:", &[RULE.id], sql);
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(true)))
}
