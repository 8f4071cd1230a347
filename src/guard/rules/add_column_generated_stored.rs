//! `add-column-generated-stored`: a stored generated column. Hazard: a rewrite of the table.

use crate::ddl::{Change, ChangeKind, Ddl, Filling, WorkKind};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-column-generated-stored",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD COLUMN ... GENERATED ALWAYS AS (...) STORED to a large table.",
    hazard: "It is computed for every row, which is written anew under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Use a virtual column (18), a view, or a plain column kept by a trigger and filled in batches.",
    bad: "ALTER TABLE users ADD COLUMN domain text GENERATED ALWAYS AS (split_part(email, '@', 2)) STORED;",
    good: "ALTER TABLE users ADD COLUMN domain text;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddColumn { new, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !matches!(new.filling, Filling::Stored(_)) {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |kind| kind == WorkKind::Rewrite)? else { return Ok(None) };
    let name = &new.column.name;
    let message = format!("adding stored generated column \"{name}\" to \"{}\" would rewrite it", relation.name);
    let steps = recipes::add_column(relation, new)?;
    let recipe = recipes::or_window(
        RULE.id,
        change,
        "Add it in steps:",
        steps,
        "A column cannot become a stored generated one later; a plain column that a trigger keeps can be filled in batches instead.",
    );
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(name)))
}
