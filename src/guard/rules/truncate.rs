//! `truncate`: a migration empties tables with rows, or that others use.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::{Weight, listed};

pub static RULE: Rule = Rule {
    id: "truncate",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "A migration truncates a table that holds rows.",
    hazard: "The rows are gone; CASCADE empties every table that references it as well. It waits for an ACCESS EXCLUSIVE lock, \
             which blocks reads and writes.",
    safe_way: "DELETE what is not needed, in batches by key; or truncate in a transaction that allows it.",
    bad: "TRUNCATE orders;",
    good: "CREATE TABLE scratch (a int); TRUNCATE scratch;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::Truncate { tables, cascade }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    let weight = Weight::of(relation)?;
    let others: Vec<u32> = tables.iter().flat_map(|t| t.leaves.iter().copied()).collect();
    let lost = Size::of(&others)?;
    if weight.size.bytes == 0 && lost.bytes == 0 {
        return Ok(None);
    }
    let names: Vec<&str> = tables.iter().map(|t| t.quoted.as_str()).collect();
    let more = match names.as_slice() {
        [] => String::new(),
        names => format!(" CASCADE also empties {}: {}.", listed(names), lost.describe()?),
    };
    let message = format!("TRUNCATE destroys the rows of \"{}\"", relation.name);
    let detail = format!(
        "{} has {}.{more} It takes an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
        relation.quoted,
        weight.size.describe()?
    );
    let heavy = weight.is_large() || lost.is_large() || (*cascade && lost.bytes > 0);
    let recipe = Recipe::advice(format!(
        "When nobody needs them any more, register the migration with allow => array['{}'] and a reason.",
        RULE.id
    ));
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(heavy)))
}
