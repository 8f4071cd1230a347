//! `add-column-volatile-default`: a default that is volatile after planning. Hazard: a rewrite of the table.

use crate::ddl::{Change, ChangeKind, Ddl, Filling, WorkKind};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-column-volatile-default",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD COLUMN with a default that has to be computed for every row of a large table.",
    hazard: "Every row is written anew and every index built anew under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Add the column, set its default for new rows, and fill the others in batches.",
    bad: "ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();",
    good: "ALTER TABLE users ADD COLUMN seen timestamptz DEFAULT now();",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddColumn { new, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !matches!(new.filling, Filling::EachRow(_) | Filling::DomainDefault(_) | Filling::Unreadable) {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |kind| kind == WorkKind::Rewrite)? else { return Ok(None) };
    let name = &new.column.name;
    let message =
        format!("adding column \"{name}\" to \"{}\" would rewrite it: its default is volatile", relation.name);
    let steps = recipes::add_column(relation, new)?;
    let recipe = recipes::or_window(
        RULE.id,
        change,
        "Add it without a default, set the default for new rows, and fill the others in batches:",
        steps,
        "Its constraints leave no other way.",
    );
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(name)))
}
