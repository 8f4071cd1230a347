//! `ddl-not-replicated`: columns of a published table change here, and not at its subscribers.

use crate::catalog::publications;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::listed;

pub static RULE: Rule = Rule {
    id: "ddl-not-replicated",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "Columns of a published table are added, dropped, renamed or change their type.",
    hazard: "Logical replication does not send DDL: changes of rows that a subscriber's table does not fit stop its apply worker.",
    safe_way: "Add columns at the subscribers first; drop them there last.",
    bad: "CREATE PUBLICATION p FOR TABLE users; ALTER TABLE users ADD COLUMN nick text;",
    good: "CREATE PUBLICATION p FOR TABLE orders; ALTER TABLE users ADD COLUMN nick text;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let Some(relation) = &change.on else { return Ok(None) };
    let advice = match &change.kind {
        ChangeKind::AddColumn { .. } => "Add it at the subscribers first.",
        ChangeKind::DropColumn { .. } => "Drop it at the subscribers afterwards.",
        ChangeKind::AlterType { .. } => "Change it at the subscribers first where the new type is wider.",
        ChangeKind::Rename { column: Some(_), .. } => {
            "Rename it at the subscribers in the same moment, with the subscription disabled."
        }
        ChangeKind::Rename { column: None, of, .. } if of.kind == "TABLE" => {
            "Rename it at the subscribers in the same moment, with the subscription disabled."
        }
        _ => return Ok(None),
    };
    let publications = publications::publishing(&relation.leaves)?;
    if publications.is_empty() {
        return Ok(None);
    }
    let message = format!("subscribers of \"{}\" do not get this change", relation.name);
    let detail = format!("It is published by {}. Logical replication sends rows, not DDL.", listed(&publications));
    Ok(Some(Finding::new(change, message, detail, Recipe::advice(advice))))
}
