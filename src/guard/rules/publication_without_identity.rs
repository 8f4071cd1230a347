//! `publication-without-identity`: a table is published, or loses its key while it is, so that its rows cannot be told
//! apart. From then on Postgres refuses every UPDATE and DELETE of it.

use crate::catalog::constraints;
use crate::catalog::publications::{self, Unidentified};
use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::listed;

pub static RULE: Rule = Rule {
    id: "publication-without-identity",
    class: Class::Breaking,
    default: Default::ByWeight,
    summary: "A table without a replica identity is published, or a published table loses its own.",
    hazard: "Every UPDATE and DELETE of the table fails from the commit on.",
    safe_way: "Give the table a primary key or a replica identity first.",
    bad: "CREATE TABLE notes AS SELECT id, note FROM users; ANALYZE notes; CREATE PUBLICATION p FOR TABLE notes;",
    good: "CREATE PUBLICATION p FOR TABLE users;",
    find,
};

/// Tables a hint lists one by one; beyond that it generates the statements.
const LISTED: usize = 12;

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    match &change.kind {
        ChangeKind::Publish { publication, tables, schemas, all } => {
            let leaves: Vec<u32> = tables.iter().flat_map(|t| t.leaves.iter().copied()).collect();
            let mut found = if *all { Vec::new() } else { publications::without_identity(&leaves)? };
            if *all || !schemas.is_empty() {
                found.extend(publications::without_identity_in(schemas)?);
            }
            published(change, publication, &found)
        }
        ChangeKind::DropConstraint { kind: ConstraintKind::PrimaryKey | ConstraintKind::Unique, oid, .. } => {
            let Some(relation) = &change.on else { return Ok(None) };
            let is_identity = constraints::facts(relation.oid, *oid)?.is_some_and(|f| f.is_identity);
            if is_identity { loses(change) } else { Ok(None) }
        }
        ChangeKind::ReplicaIdentity { nothing: true } => loses(change),
        _ => Ok(None),
    }
}

fn published(change: &Change, publication: &str, found: &[Unidentified]) -> Result<Option<Finding>> {
    if found.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = found.iter().map(|t| t.quoted.as_str()).collect();
    let size = Size::of(&found.iter().map(|t| t.oid).collect::<Vec<_>>())?;
    let message = format!("publication \"{publication}\" would make UPDATE and DELETE of {} fail", listed(&names));
    let detail = format!(
        "They would be published, but have no primary key and no replica identity ({}). Postgres refuses to change such \
         rows while they are published.",
        size.describe()?
    );
    let mut statements: Vec<String> = if found.len() > LISTED {
        vec![
            "SELECT format('ALTER TABLE %s REPLICA IDENTITY FULL', oid::regclass) FROM pg_class c WHERE relkind = 'r' AND \
             relpersistence = 'p' AND oid >= 16384 AND relreplident <> 'f' AND NOT EXISTS (SELECT FROM pg_index \
             WHERE indrelid = c.oid AND (indisprimary OR indisreplident)) \\gexec"
                .into(),
        ]
    } else {
        found.iter().map(identity).collect()
    };
    statements.extend(change.sql.iter().map(|sql| format!("{sql};")));
    let recipe = Recipe::new("Say first what tells their rows apart (a primary key is better than FULL):", statements);
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(size.bytes > 0)))
}

fn identity(table: &Unidentified) -> String {
    match &table.index {
        Some(index) => format!("ALTER TABLE {} REPLICA IDENTITY USING INDEX {index};", table.quoted),
        None => format!("ALTER TABLE {} REPLICA IDENTITY FULL;", table.quoted),
    }
}

/// A published table loses what tells its rows apart.
fn loses(change: &Change) -> Result<Option<Finding>> {
    let Some(relation) = &change.on else { return Ok(None) };
    let publications = publications::publishing(&relation.leaves)?;
    if publications.is_empty() {
        return Ok(None);
    }
    let size = Size::of(&relation.leaves)?;
    let message = format!("UPDATE and DELETE of \"{}\" would fail from the commit on", relation.name);
    let detail = format!(
        "It is published by {}, and Postgres refuses to change rows that it cannot tell apart for the subscribers. {} has {}.",
        listed(&publications),
        relation.quoted,
        size.describe()?
    );
    let sql = change.sql.iter().map(|sql| format!("{sql};"));
    let recipe = match &change.kind {
        ChangeKind::ReplicaIdentity { .. } => {
            Recipe::allowing("If nothing updates or deletes its rows:", &[RULE.id], sql.collect())
        }
        _ => Recipe::allowing(
            "Let the whole row tell them apart, at the price of larger changes:",
            &[RULE.id],
            std::iter::once(format!("ALTER TABLE {} REPLICA IDENTITY FULL;", relation.quoted)).chain(sql).collect(),
        ),
    };
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(size.bytes > 0)))
}
