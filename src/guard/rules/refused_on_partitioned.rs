//! `refused-on-partitioned`: good practice that Postgres does not take on a partitioned table, where it is done partition by
//! partition.

use super::{add_foreign_key_validating, create_index_blocking};
use crate::ddl::{Change, ChangeKind, Ddl, IndexDefinition, NewConstraint, Relation, Work};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "refused-on-partitioned",
    class: Class::Breaking,
    default: Default::Always(Action::Error),
    summary: "On a partitioned table: CREATE INDEX CONCURRENTLY, and before 18 ADD FOREIGN KEY ... NOT VALID.",
    hazard: "Postgres refuses it, but only after it has waited for a lock on the table, and does not say how it is done.",
    safe_way: "Partition by partition; the partitioned table then attaches what its partitions have.",
    bad: "CREATE INDEX CONCURRENTLY events_kind ON events (kind);",
    good: "CREATE INDEX CONCURRENTLY events_2025_kind ON events_2025 (kind);",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let Some(relation) = change.on.as_ref().filter(|on| on.partitioned) else { return Ok(None) };
    let (message, locked, recipe) = match &change.kind {
        ChangeKind::CreateIndexConcurrently { index, withheld, .. } => (
            format!("Postgres builds no index CONCURRENTLY on \"{}\", which is partitioned", relation.name),
            format!("a SHARE UPDATE EXCLUSIVE lock on {} and its partitions", relation.quoted),
            index_recipe(change, relation, index, withheld.as_deref())?,
        ),
        ChangeKind::AddConstraint(key @ NewConstraint { withheld: Some(withheld), .. }) => {
            let other = key.references.as_ref().filter(|other| other.oid != relation.oid);
            let and = other.map(|other| format!(" and {}", other.quoted)).unwrap_or_default();
            (
                format!("Postgres adds no foreign key NOT VALID to \"{}\", which is partitioned", relation.name),
                format!("a lock on {}{and} that blocks writes", relation.quoted),
                key_recipe(change, relation, key, withheld)?,
            )
        }
        _ => return Ok(None),
    };
    let detail = format!("It would refuse the statement, after waiting for {locked}.");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}

/// What is said of the same without CONCURRENTLY.
fn index_recipe(change: &Change, on: &Relation, index: &IndexDefinition, withheld: Option<&[Work]>) -> Result<Recipe> {
    let Some(body) = &index.body else {
        return Ok(Recipe::advice(
            "The table is locked now. Build the index CONCURRENTLY on each partition, then type the statement without \
             CONCURRENTLY, which attaches them.",
        ));
    };
    let unique = if index.unique { "UNIQUE " } else { "" };
    let name = &index.name_clause;
    // ONLY asks for no tree.
    if index.tree.is_empty() {
        let only = format!("CREATE {unique}INDEX {name}ON ONLY {} {body};", on.quoted);
        return Ok(Recipe::new("With ONLY nothing is built, so that it needs no CONCURRENTLY:", vec![only]));
    }
    let sql = format!("CREATE {unique}INDEX {name}ON {} {body}", on.quoted);
    let Some(withheld) = withheld else {
        return Ok(Recipe::new("Without CONCURRENTLY it refuses it for another reason:", vec![format!("{sql};")]));
    };
    let (kind, work) = (ChangeKind::CreateIndex(index.clone()), withheld.to_vec());
    create_index_blocking::without_concurrently(&Change { kind, sql: Some(sql), work, ..change.clone() })
}

/// What is said of the same without NOT VALID; where that is nothing, it can be typed.
fn key_recipe(change: &Change, on: &Relation, key: &NewConstraint, withheld: &[Work]) -> Result<Recipe> {
    let valid = NewConstraint { not_valid: false, ..key.clone() };
    let plain = Change { kind: ChangeKind::AddConstraint(valid), work: withheld.to_vec(), ..change.clone() };
    if let Some(finding) = (add_foreign_key_validating::RULE.find)(&plain, &Ddl::default())? {
        return Ok(finding.recipe);
    }
    let Some(definition) = &key.definition else {
        return Ok(Recipe::advice("There is little or nothing to check: type the statement without NOT VALID."));
    };
    let (table, name, deferrable) = (recipes::alter(on), &key.quoted, &key.deferrable);
    Ok(Recipe::new(
        "There is little or nothing to check, so that it needs no NOT VALID:",
        vec![format!("{table}ADD CONSTRAINT {name} {definition}{deferrable};")],
    ))
}
