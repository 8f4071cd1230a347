//! `ddl-behind-long-transaction`: another session's long transaction holds what the statement would wait for.
//!
//! Hazard: while DDL waits for its lock, every statement that comes after it and conflicts with that lock waits behind it,
//! plain reads included, for as long as the other transaction lasts.

use crate::ddl::{Change, Ddl};
use crate::error::Result;
use crate::guard::moment::{blockers, is_long};
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "ddl-behind-long-transaction",
    class: Class::Live,
    default: Default::Always(Action::Error),
    summary: "DDL that would wait for a transaction that has been open for longer than migrator.long_transaction.",
    hazard: "While it waits for its lock, every reader and writer that comes after it waits behind it.",
    safe_way: "End that transaction, or try again when it is over. migrator.deploy steps back and tries again by itself.",
    bad: "",
    good: "ALTER TABLE users ADD COLUMN nick text;",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let long = blockers(change, ddl)
        .into_iter()
        .find(|(holder, lock)| lock.blocks_writes() && !holder.session.autovacuum && is_long(&holder.session));
    let Some((holder, lock)) = long else { return Ok(None) };
    let session = &holder.session;
    let message =
        format!("{} would make everybody wait who uses {}, behind a long transaction", ddl.tag, holder.quoted);
    let article = if lock.name().starts_with(['A', 'E']) { "an" } else { "a" };
    let detail = format!(
        "{} has held {} on it, in a transaction open for {}{}. {} would wait for that with {article} {} lock, and {} wait behind it.",
        capital(&session.name()),
        holder.lock.name(),
        session.age(),
        session.doing(),
        ddl.tag,
        lock.name(),
        lock.blocks(),
    );
    let again = change.sql.iter().map(|sql| format!("{sql};"));
    let recipe = Recipe::new(
        "Wait until it is over, or end it; then try again:",
        session.ended_by().into_iter().chain(again).collect(),
    );
    Ok(Some(Finding::new(change, message, detail, recipe)))
}

/// With a capital letter.
pub fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
