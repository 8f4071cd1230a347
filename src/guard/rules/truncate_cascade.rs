//! `truncate-cascade`: CASCADE empties the tables that reference the one named.

use crate::catalog::references;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::{counted, listed};

pub static RULE: Rule = Rule {
    id: "truncate-cascade",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "TRUNCATE ... CASCADE that empties tables which the statement does not name; seen as truncate.",
    hazard: "Every table that references the one named, directly or through others, loses all its rows.",
    safe_way: "Name all of them.",
    bad: "TRUNCATE users CASCADE;",
    good: "",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::Truncate { tables, cascade: true } = &change.kind else { return Ok(None) };
    let named: Vec<u32> = tables.iter().flat_map(|t| t.leaves.iter().copied().chain([t.oid])).collect();
    let victims = references::referencing(&named)?;
    if victims.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = victims.iter().map(|v| v.1.as_str()).collect();
    let size = Size::of(&victims.iter().map(|v| v.0).collect::<Vec<_>>())?;
    let message = format!("TRUNCATE CASCADE would also empty {}", counted(victims.len(), "table"));
    let detail = format!("{} with {}, because they reference what is truncated.", listed(&names), size.describe()?);
    let all: Vec<&str> = tables.iter().map(|t| t.quoted.as_str()).chain(names.iter().copied()).collect();
    let recipe = Recipe::allowing(
        "If they are to be emptied, name them:",
        &[RULE.id, "truncate"],
        vec![format!("TRUNCATE {};", all.join(", "))],
    );
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(true)))
}
