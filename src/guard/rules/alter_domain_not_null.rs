//! `alter-domain-not-null`: NOT NULL of a domain. Hazard: SHARE and a scan of every table that uses it.

use crate::ddl::{Change, ChangeKind, Ddl, DomainCommand};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "alter-domain-not-null",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ALTER DOMAIN ... SET NOT NULL of a domain that a large table uses.",
    hazard: "Every row of every table that uses it is read under a SHARE lock, which blocks INSERT, UPDATE and DELETE.",
    safe_way: "Make the columns NOT NULL instead.",
    bad: "CREATE DOMAIN years AS int; ALTER TABLE users ALTER COLUMN age TYPE years; ALTER DOMAIN years SET NOT NULL;",
    good: "ALTER DOMAIN positive SET NOT NULL;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::AlterDomain { domain, command: DomainCommand::SetNotNull, .. } = &change.kind else {
        return Ok(None);
    };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let message = format!("every row that uses domain {} would be read to make it NOT NULL", domain.identity);
    let recipe = Recipe::window(RULE.id, "Online, make the columns NOT NULL instead.", change);
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}
