//! `add-column-not-null`: a new column that must not be NULL and has nothing to hold, on a table that has rows.
//!
//! Hazard: the statement fails on the first row, after it has waited for ACCESS EXCLUSIVE and made every other session
//! wait behind it.

use super::Finding;
use super::size::Size;
use crate::catalog::keys;
use crate::ddl::{Presence, Relation, RequiredColumn};
use crate::error::Result;
use crate::pg;

const RULE: &str = "add-column-not-null";

/// Refuses when a row is there.
pub fn find(relation: &Relation, columns: &[RequiredColumn], more: bool) -> Result<Option<Finding>> {
    let Some(presence) = first_row(relation)? else { return Ok(None) };
    let Some(first) = columns.first() else { return Ok(None) };
    let size = Size::of(&relation.leaves)?.describe()?;
    let found = match presence {
        Presence::Locked => format!(
            "Another session has {} locked, so its rows could not be looked at without waiting, but it has {size}.",
            relation.quoted
        ),
        _ => format!(
            "{} has rows ({size}). They would have no value for it, so the statement can only fail, after waiting for an \
             ACCESS EXCLUSIVE lock, which blocks reads and writes.",
            relation.quoted
        ),
    };
    let has_key = keys::primary_key(relation.oid)?.is_some();
    Ok(Some(Finding {
        rule: RULE,
        message: format!(
            "column \"{}\" cannot be added to \"{}\" as NOT NULL without a default",
            first.name, relation.name
        ),
        detail: found,
        hint: hint(relation, columns, more, has_key),
        schema: relation.schema.clone(),
        table: relation.name.clone(),
        column: Some(first.name.clone()),
    }))
}

/// A leaf that has a row, or cannot be looked at; `None` when all are empty.
fn first_row(relation: &Relation) -> Result<Option<Presence>> {
    let mut locked = false;
    for leaf in &relation.leaves {
        match pg::relation::presence(*leaf) {
            Presence::Rows => return Ok(Some(Presence::Rows)),
            Presence::Locked => locked |= Size::of(&[*leaf])?.bytes > 0,
            Presence::Empty => {}
        }
    }
    Ok(locked.then_some(Presence::Locked))
}

/// Nullable first, filled in batches, then proven and set.
fn hint(relation: &Relation, columns: &[RequiredColumn], more: bool, has_key: bool) -> String {
    recipe(relation, columns, more, has_key, pg::NOT_NULL_CAN_BE_NOT_VALID)
}

fn recipe(relation: &Relation, columns: &[RequiredColumn], more: bool, has_key: bool, native: bool) -> String {
    let table = &relation.quoted;
    let rest = if more { ", and then do what else the statement does" } else { "" };
    let sentence = "Add it nullable, fill it in batches (put your own value), then make it NOT NULL";
    let mut lines = vec![format!("{sentence}{rest}:")];
    for column in columns {
        let RequiredColumn { quoted, type_name, constraint, .. } = column;
        let value = column.neutral_value.as_deref().unwrap_or("your_value");
        lines.push(format!("ALTER TABLE {table} ADD COLUMN {quoted} {type_name};"));
        if has_key {
            let literal = |text: &str| text.replace('\'', "''");
            lines.push(format!(
                "CALL migrator.backfill('{}', '{}', '{} IS NULL');",
                literal(table),
                literal(&format!("{quoted} = {value}")),
                literal(quoted)
            ));
        } else {
            lines.push(format!("UPDATE {table} SET {quoted} = {value} WHERE {quoted} IS NULL;"));
        }
        if native {
            lines.push(format!("ALTER TABLE {table} ADD CONSTRAINT {constraint} NOT NULL {quoted} NOT VALID;"));
            lines.push(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint};"));
        } else {
            lines.push(format!(
                "ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({quoted} IS NOT NULL) NOT VALID;"
            ));
            lines.push(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint};"));
            lines.push(format!("ALTER TABLE {table} ALTER COLUMN {quoted} SET NOT NULL;"));
            lines.push(format!("ALTER TABLE {table} DROP CONSTRAINT {constraint};"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_keeps_the_users_names() {
        let relation = Relation {
            oid: 1,
            schema: "s".into(),
            name: "Odd'Name".into(),
            quoted: "s.\"Odd'Name\"".into(),
            partitioned: false,
            leaves: vec![1],
        };
        let column = RequiredColumn {
            name: "c".into(),
            quoted: "c".into(),
            type_name: "text".into(),
            neutral_value: Some("''".into()),
            constraint: "k".into(),
        };
        let old = recipe(&relation, std::slice::from_ref(&column), false, true, false);
        assert!(old.contains("CALL migrator.backfill('s.\"Odd''Name\"', 'c = ''''', 'c IS NULL');"), "{old}");
        assert!(old.ends_with("DROP CONSTRAINT k;"));
        let new = recipe(&relation, &[column], true, false, true);
        assert!(new.contains("what else the statement does"));
        assert!(new.contains("UPDATE s.\"Odd'Name\" SET c = '' WHERE c IS NULL;"));
        assert!(new.contains("ADD CONSTRAINT k NOT NULL c NOT VALID;") && !new.contains("CHECK"));
    }
}
