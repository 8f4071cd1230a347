//! `if-not-exists-noop`: CREATE TABLE IF NOT EXISTS of a table that exists.
//!
//! Hazard: it does nothing, whatever the existing table looks like, and statements behind it meet an old table where a new
//! one was expected. Off by default: set-up scripts that run at every start do nothing on purpose.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "if-not-exists-noop",
    class: Class::Hygiene,
    default: Default::Always(Action::Off),
    summary: "CREATE TABLE IF NOT EXISTS of a relation that exists.",
    hazard: "Nothing is created or compared. What follows works on the old table, with its rows and columns.",
    safe_way: "Leave IF NOT EXISTS out of migrations: each runs once.",
    bad: "CREATE TABLE IF NOT EXISTS users (id bigint PRIMARY KEY, email text);",
    good: "CREATE TABLE IF NOT EXISTS invoices (id bigint PRIMARY KEY, email text);",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::CreateTable(table), Some(on)) = (&change.kind, &change.on) else { return Ok(None) };
    if !table.exists || table.temporary {
        return Ok(None);
    }
    let message = format!("\"{}\" exists already, so nothing would be created", on.name);
    let detail = format!("{} stays as it is, whatever its columns are.", on.quoted);
    let recipe = Recipe::advice("Leave IF NOT EXISTS out, to be told; or compare the columns first (\\d in psql).");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
