//! `drop-index-blocking`: DROP INDEX without CONCURRENTLY on a large table.
//!
//! Hazard: it waits for ACCESS EXCLUSIVE on the table, behind whatever reads it now, and everybody else waits behind it.

use crate::catalog::indexes;
use crate::ddl::{Change, ChangeKind, Ddl, Object};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::{counted, listed};

pub static RULE: Rule = Rule {
    id: "drop-index-blocking",
    class: Class::Live,
    default: Default::ByWeight,
    summary: "DROP INDEX without CONCURRENTLY on a large table.",
    hazard: "It waits for an ACCESS EXCLUSIVE lock on the table, behind every query that reads it now, and every new reader and \
             writer waits behind it.",
    safe_way: "DROP INDEX CONCURRENTLY, which waits without blocking anybody.",
    bad: "CREATE INDEX CONCURRENTLY users_age ON users (age); DROP INDEX users_age;",
    good: "CREATE INDEX CONCURRENTLY users_age ON users (age); DROP INDEX CONCURRENTLY users_age;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::Drop { objects, cascade, concurrently: false } = &change.kind else { return Ok(None) };
    let mut dropped: Vec<&Object> = Vec::new();
    for object in objects.iter().filter(|o| o.kind == "INDEX") {
        // Postgres refuses to drop the index of a constraint or of a partitioned index.
        if indexes::is_part_of_another(object.oid)? {
            return Ok(None);
        }
        dropped.push(object);
    }
    let relations: Vec<_> = dropped.iter().filter_map(|o| o.relation.as_ref()).collect();
    let mut leaves: Vec<u32> = relations.iter().flat_map(|r| r.leaves.iter().copied()).collect();
    leaves.sort_unstable();
    leaves.dedup();
    let size = Size::of(&leaves)?;
    if leaves.is_empty() || !size.is_large() {
        return Ok(None);
    }
    let mut tables: Vec<&str> = relations.iter().map(|r| r.quoted.as_str()).collect();
    tables.dedup();
    let names: Vec<&str> = dropped.iter().map(|o| o.identity.as_str()).collect();
    let message = format!("dropping {} would block its table", listed(&names));
    let detail = format!(
        "{} has {}. DROP INDEX waits for an ACCESS EXCLUSIVE lock on it, which blocks reads and writes, also while it waits.",
        listed(&tables),
        size.describe()?
    );
    let partitioned = relations.iter().any(|r| r.partitioned);
    let recipe = if partitioned || *cascade {
        let why = if partitioned {
            "A partitioned index cannot be dropped CONCURRENTLY"
        } else {
            "CONCURRENTLY knows no CASCADE"
        };
        let sentence = format!("{why}. Bound the time that others wait:");
        let sql = change.sql.iter().map(|sql| format!("{sql};"));
        Recipe::allowing(
            sentence,
            &[RULE.id],
            std::iter::once("SET LOCAL lock_timeout = '1s';".into()).chain(sql).collect(),
        )
    } else {
        let each = names.iter().map(|name| format!("DROP INDEX CONCURRENTLY {name};")).collect();
        let them = if names.len() == 1 { "it".to_owned() } else { counted(names.len(), "index") };
        Recipe::new(format!("Drop {them} without blocking, outside of a transaction block:"), each)
    };
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(true)))
}
