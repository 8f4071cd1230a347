//! `set-tablespace`: another tablespace. Hazard: a copy of the table's files.

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
    let (ChangeKind::SetTablespace { online, .. }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let message = format!("SET TABLESPACE would copy \"{}\"", relation.name);
    let recipe = match online {
        Some(statement) => {
            Recipe::new("Build the index there while reads and writes go on:", vec![format!("{statement};")])
        }
        None => Recipe::window(RULE.id, "It cannot be done while the table is used.", change),
    };
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}
