//! `add-column-inline-foreign-key`: REFERENCES behind a new column with a default. Hazard: a scan under ACCESS EXCLUSIVE.

use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl, WorkKind};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-column-inline-foreign-key",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD COLUMN ... REFERENCES with a default on a large table.",
    hazard: "Every row is looked up in the other table under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Add the column, then the foreign key NOT VALID, then validate it.",
    bad: "ALTER TABLE users ADD COLUMN plan int DEFAULT 1 REFERENCES plans (id);",
    good: "ALTER TABLE users ADD COLUMN plan int REFERENCES plans (id);",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddColumn { new, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !new.constraints.iter().any(|c| matches!(c.kind, ConstraintKind::ForeignKey)) {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |kind| kind == WorkKind::Scan)? else { return Ok(None) };
    let name = &new.column.name;
    let message =
        format!("the foreign key of new column \"{name}\" would be checked for every row of \"{}\"", relation.name);
    let steps = recipes::add_column(relation, new)?;
    let recipe = recipes::or_window(
        RULE.id,
        change,
        "Add the column, then its foreign key unchecked, then check it while reads and writes go on:",
        steps,
        "Its values leave no other way.",
    );
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(name)))
}
