//! `add-column-not-null`: a new column that must not be NULL and has nothing to hold, on a table that has rows.
//!
//! Hazard: the statement fails on the first row, after it has waited for ACCESS EXCLUSIVE and made every other session
//! wait behind it.

use crate::ddl::{Change, ChangeKind, Ddl, Filling, Presence};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::size::Size;
use crate::pg;

pub static RULE: Rule = Rule {
    id: "add-column-not-null",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD COLUMN ... NOT NULL without a default on a table that has rows.",
    hazard: "It can only fail, after it has waited for an ACCESS EXCLUSIVE lock and made every reader and writer wait \
             behind it.",
    safe_way: "Add the column nullable, fill it in batches, then prove and set NOT NULL.",
    bad: "ALTER TABLE users ADD COLUMN nick text NOT NULL;",
    good: "ALTER TABLE users ADD COLUMN nick text NOT NULL DEFAULT '';",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddColumn { new, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !(new.required || new.required_later) || new.filling != Filling::Nothing {
        return Ok(None);
    }
    // What has the column already keeps its values.
    let tables: Vec<u32> =
        change.work.iter().map(|work| work.relation).filter(|table| !new.kept_by.contains(table)).collect();
    let Some(presence) = first_row(&tables)? else { return Ok(None) };
    let size = Size::of(&tables)?.describe()?;
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
    let name = &new.column.name;
    let message = format!("column \"{name}\" cannot be added to \"{}\" as NOT NULL without a default", relation.name);
    let sentence = "Add it nullable, fill it in batches (put your own value), then make it NOT NULL:";
    let recipe = recipes::or_window(RULE.id, change, sentence, recipes::add_column(relation, new)?, "");
    Ok(Some(Finding::new(change, message, found, recipe).column(name)))
}

/// A leaf that has a row, or cannot be looked at; `None` when all are empty.
fn first_row(tables: &[u32]) -> Result<Option<Presence>> {
    let mut locked = false;
    for leaf in tables {
        match pg::relation::presence(*leaf) {
            Presence::Rows => return Ok(Some(Presence::Rows)),
            Presence::Locked => locked |= Size::of(&[*leaf])?.bytes > 0,
            Presence::Empty => {}
        }
    }
    Ok(locked.then_some(Presence::Locked))
}
