//! `set-tablespace`: another tablespace. Hazard: a copy of the table's files.

use super::ddl_behind_long_transaction::capital;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "set-tablespace",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "SET TABLESPACE of a large table.",
    hazard: "Its files are copied under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "There is none online: a new table, filled in batches; for indexes REINDEX CONCURRENTLY with TABLESPACE.",
    bad: "",
    good: "ALTER TABLE users SET TABLESPACE pg_default;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::SetTablespace { what, online, .. }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let moved = what.clone().unwrap_or_else(|| format!("\"{}\"", relation.name));
    let message = format!("SET TABLESPACE would copy {moved}");
    let detail = match what {
        None => blocking.describe(change)?,
        Some(what) => format!(
            "{} would be copied under an ACCESS EXCLUSIVE lock, which blocks reads and writes of {}: {}.",
            capital(what),
            tables(&relation.quoted, blocking.tables.len()),
            blocking.size.describe()?
        ),
    };
    let recipe = if online.is_empty() {
        Recipe::window(RULE.id, "It cannot be done while the table is used.", change)
    } else {
        let statements = online.iter().map(|statement| format!("{statement};")).collect();
        Recipe::new("Build the index there while reads and writes go on:", statements)
    };
    Ok(Some(Finding::new(change, message, detail, recipe)))
}

/// `s.t`, or `s.t and 2 more tables`.
fn tables(first: &str, count: usize) -> String {
    match count.saturating_sub(1) {
        0 => first.to_owned(),
        1 => format!("{first} and another table"),
        more => format!("{first} and {more} more tables"),
    }
}
