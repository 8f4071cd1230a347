//! How to attach a partition without reading it, or building on it, while it is locked. Shared by the rules about ATTACH
//! PARTITION, each of which looks at one reason for work.

use super::rule::Recipe;
use super::work::Blocking;
use crate::ddl::{Attachment, Change, ChangeKind, MissingIndex, MissingKey, Unproven, WorkKind};
use crate::error::Result;

/// The attachment of a change, and what of its work is done on these tables.
pub fn blocking(
    change: &Change,
    kind: WorkKind,
    tables: impl Fn(&Attachment) -> Vec<u32>,
) -> Result<Option<(&Attachment, Blocking)>> {
    let ChangeKind::AttachPartition(attachment) = &change.kind else { return Ok(None) };
    Ok(on_tables(change, kind, &tables(attachment))?.map(|work| (attachment, work)))
}

/// What of a change's work is done on these tables.
pub fn on_tables(change: &Change, kind: WorkKind, tables: &[u32]) -> Result<Option<Blocking>> {
    let mut part = change.clone();
    part.work.retain(|work| work.kind == kind && tables.contains(&work.relation));
    Blocking::of(&part)
}

/// Everything that can be done before, then the statement, then what served as proof is dropped.
pub fn recipe(change: &Change, attachment: &Attachment, rule: &str) -> Recipe {
    let proofs: Option<Vec<_>> = attachment.unproven.iter().map(prove).collect();
    let indexes: Option<Vec<_>> = attachment.builds.iter().map(build).collect();
    let keys: Option<Vec<_>> = attachment.validates.iter().map(add_key).collect();
    let (Some(proofs), Some(indexes), Some(keys), Some(sql)) = (proofs, indexes, keys, &change.sql) else {
        return Recipe::window(rule, no_way(attachment), change);
    };
    let mut lines: Vec<String> = proofs.into_iter().chain(indexes).chain(keys).flatten().collect();
    lines.push(format!("{sql};"));
    lines.extend(attachment.unproven.iter().map(drop_proof));
    Recipe::new(sentence(attachment), lines)
}

fn sentence(attachment: &Attachment) -> &'static str {
    if attachment.builds.is_empty() {
        "Let it be checked without blocking first, each statement in a transaction of its own:"
    } else {
        "Let it be prepared without blocking first, outside of a transaction block:"
    }
}

fn no_way(attachment: &Attachment) -> &'static str {
    if attachment.bound.is_none() {
        "Another session has one of the tables locked now, so that its constraints cannot be read."
    } else if attachment.builds.iter().any(|index| index.body.is_none()) {
        "The index of an exclusion constraint cannot be built without blocking."
    } else {
        "No CHECK can prove this partition's bound."
    }
}

/// A CHECK that proves a condition, validated under SHARE UPDATE EXCLUSIVE.
pub fn prove(unproven: &Unproven) -> Option<Vec<String>> {
    let (table, name) = (&unproven.table.quoted, &unproven.name);
    let condition = unproven.condition.as_ref()?;
    let condition = if is_enclosed(condition) { condition.clone() } else { format!("({condition})") };
    Some(vec![
        format!("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK {condition} NOT VALID;"),
        format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name};"),
    ])
}

/// Whether one pair of parentheses encloses all of it.
fn is_enclosed(text: &str) -> bool {
    let mut depth = 0;
    let mut quote = None;
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            _ => {}
        }
        if depth == 0 && i + 1 < text.len() {
            return false;
        }
    }
    depth == 0
}

/// The other way round: once the table is a partition, its bound says the same.
pub fn drop_proof(unproven: &Unproven) -> String {
    format!("ALTER TABLE {} DROP CONSTRAINT {};", unproven.table.quoted, unproven.name)
}

fn build(index: &MissingIndex) -> Option<Vec<String>> {
    let (table, name, body) = (&index.table, &index.name, index.body.as_ref()?);
    let unique = if index.unique { "UNIQUE " } else { "" };
    let mut lines = vec![format!("CREATE {unique}INDEX CONCURRENTLY {name} ON {table} {body};")];
    if let Some(constraint) = &index.constraint {
        let (kind, deferrable) = match constraint.find(" DEFERRABLE") {
            Some(at) => constraint.split_at(at),
            None => (constraint.as_str(), ""),
        };
        lines.push(format!("ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name}{deferrable};"));
    }
    Some(lines)
}

fn add_key(key: &MissingKey) -> Option<Vec<String>> {
    let (table, name) = (&key.table, &key.name);
    let validate = format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name};");
    if key.exists {
        return Some(vec![validate]);
    }
    let definition = key.definition.as_ref()?;
    Some(vec![format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID;"), validate])
}

#[cfg(test)]
mod tests {
    use super::is_enclosed;

    #[test]
    fn parentheses_are_counted_outside_of_quotes() {
        assert!(is_enclosed("((a > 1) AND (b = ')'))") && is_enclosed("(\"x)\" > 1)"));
        assert!(!is_enclosed("(a > 1) AND (b > 2)") && !is_enclosed("a > 1"));
    }
}
