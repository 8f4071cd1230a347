//! `cached-plan-break`: sessions with a prepared SELECT * fail when the columns of its table change.

use crate::catalog::functions;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::listed;

pub static RULE: Rule = Rule {
    id: "cached-plan-break",
    class: Class::Breaking,
    default: Default::Always(Action::Off),
    summary: "Columns of a table are added, dropped, renamed or change their type.",
    hazard: "Sessions with a prepared SELECT * of it get \"cached plan must not change result type\", and functions that \
             return its rows from a list of columns fail.",
    safe_way: "Name columns in queries; let the pool reconnect, or DISCARD PLANS, after the change.",
    bad: "ALTER TABLE users ADD COLUMN nick text;",
    good: "ALTER TABLE users ALTER COLUMN age SET DEFAULT 1;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let changes_row = matches!(
        &change.kind,
        ChangeKind::AddColumn { .. }
            | ChangeKind::DropColumn { .. }
            | ChangeKind::AlterType { .. }
            | ChangeKind::Rename { column: Some(_), .. }
    );
    let (true, Some(relation)) = (changes_row, &change.on) else { return Ok(None) };
    let returning = functions::returning(relation.oid)?;
    let message = format!("prepared queries that read all columns of \"{}\" would fail", relation.name);
    let mut detail = "Sessions that hold one get \"cached plan must not change result type\".".to_owned();
    if !returning.is_empty() {
        detail.push_str(&format!(" Functions that return its rows: {}.", listed(&returning)));
    }
    let recipe = Recipe::advice("Let the connection pool reconnect, or run DISCARD PLANS in its sessions, afterwards.");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
