//! `alter-type-drops-stats`: the statistics of a column go with every ALTER TYPE, also where nothing is rewritten.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;

pub static RULE: Rule = Rule {
    id: "alter-type-drops-stats",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "ALTER COLUMN TYPE on a large table.",
    hazard: "The column's statistics are deleted, even where nothing is rewritten: plans are bad until the next ANALYZE.",
    safe_way: "ANALYZE the column right afterwards.",
    bad: "ALTER TABLE users ALTER COLUMN note TYPE varchar(200);",
    good: "ALTER TABLE plans ALTER COLUMN name TYPE varchar;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AlterType { column, refused, .. }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    let size = Size::of(&relation.leaves)?;
    if *refused || column.number <= 0 || !size.is_large() {
        return Ok(None);
    }
    let message = format!("the statistics of \"{}\" would be deleted", column.name);
    let detail = format!("{} has {}; the planner guesses until they are back.", relation.quoted, size.describe()?);
    let recipe = Recipe::new("Right afterwards:", vec![format!("ANALYZE {} ({});", relation.quoted, column.quoted)]);
    Ok(Some(Finding::new(change, message, detail, recipe).column(&column.name)))
}
