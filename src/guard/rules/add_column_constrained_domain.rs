//! `add-column-constrained-domain`: a domain that checks its values. Hazard: a rewrite even without a default.

use crate::ddl::{Change, ChangeKind, Ddl, Filling, WorkKind};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-column-constrained-domain",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD COLUMN of a domain with constraints to a large table.",
    hazard: "Postgres tries the constraints on every row, even where the value is NULL, and writes it anew under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Put the constraints on the column instead of on the domain.",
    bad: "CREATE DOMAIN adult AS int CHECK (VALUE >= 18); ALTER TABLE users ADD COLUMN years adult;",
    good: "ALTER TABLE users ADD COLUMN years int;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddColumn { new, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !matches!(new.filling, Filling::CheckedDomain) {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |kind| kind == WorkKind::Rewrite)? else { return Ok(None) };
    let name = &new.column.name;
    let message =
        format!("adding column \"{name}\" to \"{}\" would rewrite it: its domain has constraints", relation.name);
    let steps = recipes::add_column(relation, new)?;
    let recipe = recipes::or_window(
        RULE.id,
        change,
        "Add it in steps:",
        steps,
        "A column of this domain cannot be added otherwise; one of the base type with the CHECK on the column can.",
    );
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(name)))
}
