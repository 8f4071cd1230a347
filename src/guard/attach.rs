//! How to attach a partition without reading it, or building on it, while it is locked. Shared by the rules about ATTACH
//! PARTITION, each of which looks at one reason for work.

use std::collections::{HashMap, HashSet};

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
    let tables: HashSet<u32> = tables.iter().copied().collect();
    part.work.retain(|work| work.kind == kind && tables.contains(&work.relation));
    Blocking::of(&part)
}

/// Everything that can be done before, then the statement, then what served as proof is dropped.
pub fn recipe(change: &Change, attachment: &Attachment, rule: &str) -> Recipe {
    let proofs: Option<Vec<_>> = attachment.unproven.iter().map(prove).collect();
    let indexes = builds(attachment);
    let keys: Option<Vec<_>> = attachment.validates.iter().map(add_key).collect();
    let (Some(proofs), Some(indexes), Some(keys), Some(sql)) = (proofs, indexes, keys, &change.sql) else {
        return Recipe::window(rule, no_way(attachment), change);
    };
    let mut lines: Vec<String> =
        proofs.into_iter().flatten().chain(indexes).chain(keys.into_iter().flatten()).collect();
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
        "What the bound means cannot be told now: another session has the partitioned table locked, or a function of yours is \
         in it."
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

/// Partitions for which a hint lists statements one by one; beyond that it generates them.
const LISTED: usize = 12;

/// The indexes, one after the other; where a large tree lacks one everywhere, generated.
fn builds(attachment: &Attachment) -> Option<Vec<String>> {
    let leaves = attachment.partition.leaves.len();
    // How many leaves lack each; what was generated counts no more.
    let mut lacking: HashMap<_, usize> = HashMap::new();
    let key = |index: &'_ MissingIndex| (index.body.clone(), index.unique, index.constraint.clone());
    for index in &attachment.builds {
        *lacking.entry(key(index)).or_default() += 1;
    }
    let mut lines = Vec::new();
    for index in &attachment.builds {
        match lacking.get_mut(&key(index)) {
            Some(count) if leaves > LISTED && *count == leaves => {
                *count = 0;
                lines.extend(generate(index, &attachment.partition.quoted)?);
            }
            Some(0) => {}
            _ => lines.extend(build(index)?),
        }
    }
    Some(lines)
}

/// The same on every leaf of a tree, for psql. An index that backs a constraint needs a name.
fn generate(index: &MissingIndex, tree: &str) -> Option<Vec<String>> {
    let literal = |text: &str| text.replace('\'', "''");
    let body = literal(index.body.as_ref()?).replace('%', "%%");
    let unique = if index.unique { "UNIQUE " } else { "" };
    let from = format!("FROM pg_partition_tree('{}') JOIN pg_class ON oid = relid WHERE isleaf \\gexec", literal(tree));
    let Some(constraint) = &index.constraint else {
        return Some(vec![format!("SELECT format('CREATE {unique}INDEX CONCURRENTLY ON %s {body}', relid) {from}")]);
    };
    let (kind, deferrable) = constraint.split_at(constraint.find(" DEFERRABLE").unwrap_or(constraint.len()));
    // As long as a name may be, and the same in both statements.
    let name = "left(relname, 54) || '_key'";
    Some(vec![
        format!("SELECT format('CREATE UNIQUE INDEX CONCURRENTLY %I ON %s {body}', {name}, relid) {from}"),
        format!(
            "SELECT format('ALTER TABLE %s ADD CONSTRAINT %I {kind} USING INDEX %I{deferrable}', relid, {name}, {name}) {from}"
        ),
    ])
}

fn build(index: &MissingIndex) -> Option<Vec<String>> {
    let (table, name, body) = (&index.table, &index.name, index.body.as_ref()?);
    let unique = if index.unique { "UNIQUE " } else { "" };
    let mut lines = vec![format!("CREATE {unique}INDEX CONCURRENTLY {name} ON {table} {body};")];
    if let Some(constraint) = &index.constraint {
        let (kind, deferrable) = constraint.split_at(constraint.find(" DEFERRABLE").unwrap_or(constraint.len()));
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
