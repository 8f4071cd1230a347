//! `alter-domain-constraint`: a constraint of a domain. Hazard: SHARE and a scan of every table that uses it.

use crate::ddl::{Change, ChangeKind, Ddl, DomainCommand};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "alter-domain-constraint",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ALTER DOMAIN ... ADD CONSTRAINT or VALIDATE CONSTRAINT of a domain that a large table uses.",
    hazard: "Every row of every table that uses it is read under a SHARE lock, which blocks INSERT, UPDATE and DELETE; VALIDATE, too, unlike that of a table.",
    safe_way: "Put the constraint on the columns instead: NOT VALID, then validated.",
    bad: "CREATE DOMAIN years AS int; ALTER TABLE users ALTER COLUMN age TYPE years; ALTER DOMAIN years ADD CONSTRAINT years_positive CHECK (VALUE > 0);",
    good: "ALTER DOMAIN positive ADD CONSTRAINT positive_check CHECK (VALUE > 0);",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::AlterDomain { domain, command: DomainCommand::AddConstraint | DomainCommand::Validate, .. } =
        &change.kind
    else {
        return Ok(None);
    };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let message = format!("a constraint of domain {} would be tried on every row that uses it", domain.identity);
    let recipe =
        Recipe::window(RULE.id, "Online, constraints of the columns do the same: NOT VALID, then validated.", change);
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}
