//! `duplicate-index`: an index like it is there already.

use crate::catalog::indexes;
use crate::ddl::{Change, ChangeKind, Ddl, IndexDefinition};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::pg::analysis::index_statement::shape;

pub static RULE: Rule = Rule {
    id: "duplicate-index",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "CREATE INDEX of an index that the table has already.",
    hazard: "Every write maintains both, and nothing is faster.",
    safe_way: "Use the one that is there.",
    bad: "CREATE INDEX CONCURRENTLY a ON users (age); CREATE INDEX CONCURRENTLY b ON users (age);",
    good: "CREATE INDEX CONCURRENTLY a ON users (age); CREATE INDEX CONCURRENTLY b ON users (age, id);",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (index, relation): (&IndexDefinition, _) = match (&change.kind, &change.on) {
        (ChangeKind::CreateIndex(index) | ChangeKind::CreateIndexConcurrently { index, .. }, Some(on)) => (index, on),
        _ => return Ok(None),
    };
    let same = indexes::definitions(relation.oid)?
        .into_iter()
        .find(|(_, definition)| shape(definition).as_deref() == Some(index.shape.as_str()));
    let Some((name, definition)) = same else { return Ok(None) };
    let message = format!("\"{}\" has such an index already: {name}", relation.name);
    let recipe = Recipe::advice("Use that one, or drop it CONCURRENTLY when the new one is there.");
    Ok(Some(Finding::new(change, message, format!("{definition}."), recipe)))
}
