//! `invalid-index-name-taken`: an interrupted build left an invalid index of the name: IF NOT EXISTS is content with it, and
//! without that the name is taken. Or it left one on a partition, which would be taken for a part of the new one.

use super::create_index_blocking;
use crate::catalog::indexes;
use crate::ddl::{Change, ChangeKind, Ddl, IndexDefinition, Relation};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;
use crate::pg::relation;

pub static RULE: Rule = Rule {
    id: "invalid-index-name-taken",
    class: Class::Live,
    default: Default::Always(Action::Error),
    summary: "CREATE INDEX of a name that an invalid index of the table has, or like an invalid one of a partition.",
    hazard: "With IF NOT EXISTS it does nothing, and the index stays invalid: queries do not use it, writers maintain it, and a \
             unique one may not hold what it promises. Without, Postgres says that the name is taken. On a partitioned table it \
             takes an invalid one of a partition for a part of the new one, which is invalid then, too.",
    safe_way: "Drop the invalid one, then build it.",
    bad: "",
    good: "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_email ON users (email);",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (index, if_not_exists, relation) = match (&change.kind, &change.on) {
        (ChangeKind::CreateIndex(index), Some(on)) => (index, index.name_clause.starts_with("IF NOT EXISTS "), on),
        (ChangeKind::CreateIndexConcurrently { index, if_not_exists, .. }, Some(on)) => (index, *if_not_exists, on),
        _ => return Ok(None),
    };
    if let Some(found) = of_partitions(change, relation, index)? {
        return Ok(Some(found));
    }
    let Some(invalid) = index.invalid.map(relation::qualified_name) else { return Ok(None) };
    // One that somebody is building now is nobody's leftover.
    if !indexes::invalid_of_table(relation.oid)?.iter().any(|left| left.quoted == invalid) {
        return Ok(None);
    }
    let then = if if_not_exists { "IF NOT EXISTS would leave it so" } else { "its name is taken" };
    let message = format!("index {invalid} exists and is invalid; {then}");
    let detail =
        "An attempt to build it failed and left it behind. Queries do not use it, but every write maintains it.";
    let mut statements = vec![format!("DROP INDEX CONCURRENTLY {invalid};")];
    statements.extend(index.body.as_ref().map(|body| {
        let unique = if index.unique { "UNIQUE " } else { "" };
        format!("CREATE {unique}INDEX CONCURRENTLY {}ON {} {body};", index.name_clause, relation.quoted)
    }));
    let recipe = Recipe::new("Drop it, then build it, outside of a transaction block:", statements);
    Ok(Some(Finding::new(change, message, detail, recipe)))
}

/// An index of a partitioned table for which little is to be built, because Postgres finds an invalid one; where much is,
/// `create-index-blocking` says so.
fn of_partitions(change: &Change, on: &Relation, index: &IndexDefinition) -> Result<Option<Finding>> {
    let plain = matches!(change.kind, ChangeKind::CreateIndex(_)) && on.partitioned && !on.only;
    if !plain || Blocking::of(change)?.is_some() {
        return Ok(None);
    }
    let left = recipes::leftovers(&on.leaves, index, None)?;
    let Some(first) = left.first() else { return Ok(None) };
    let message = format!("index {} is invalid, and would make the one on \"{}\" invalid", first.quoted, on.name);
    let detail = "An attempt to build it failed and left it behind. Postgres would take it for its partition's part: queries \
                  would not use the new index, and a unique one would let in what it is to keep out.";
    let built = change.work.iter().map(|w| w.relation).collect();
    Ok(Some(Finding::new(change, message, detail, create_index_blocking::instead_of(on, index, built, &left))))
}
