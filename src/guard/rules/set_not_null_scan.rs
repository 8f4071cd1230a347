//! `set-not-null-scan`: a scan for NULLs. Hazard: every row is read under ACCESS EXCLUSIVE.

use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "set-not-null-scan",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "SET NOT NULL on a column of a large table that no constraint proves to have no NULLs.",
    hazard: "Every row is read under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Add CHECK (... IS NOT NULL) NOT VALID and validate it, then SET NOT NULL finds the proof; from 18, a NOT NULL constraint that is NOT VALID.",
    bad: "ALTER TABLE users ALTER COLUMN email SET NOT NULL;",
    good: "ALTER TABLE users ADD CONSTRAINT email_there CHECK (email IS NOT NULL) NOT VALID;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let Some(relation) = &change.on else { return Ok(None) };
    let (column, steps) = match &change.kind {
        ChangeKind::SetNotNull { column, unvalidated: Some(name), .. } => {
            (column.clone(), vec![format!("{}VALIDATE CONSTRAINT {name};", recipes::alter(relation))])
        }
        ChangeKind::SetNotNull { column, unproven: Some((name, ours)), .. } => {
            let table = recipes::alter(relation);
            let mut steps = vec![
                format!("{table}VALIDATE CONSTRAINT {name};"),
                format!("{table}ALTER COLUMN {} SET NOT NULL;", column.quoted),
            ];
            if *ours {
                steps.push(format!("{table}DROP CONSTRAINT {name};"));
            }
            (column.clone(), steps)
        }
        ChangeKind::SetNotNull { column, free_name, .. } => {
            (column.clone(), recipes::not_null(relation, column, free_name))
        }
        ChangeKind::AddConstraint(new) if new.kind == ConstraintKind::NotNull => {
            let Some(column) = new.columns.first() else { return Ok(None) };
            (column.clone(), recipes::not_null(relation, column, &new.quoted))
        }
        _ => return Ok(None),
    };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let message = format!("every row of \"{}\" would be read to make \"{}\" NOT NULL", relation.name, column.name);
    let recipe = Recipe::new("Prove it while reads and writes go on; then it is not read again:", steps);
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(&column.name)))
}
