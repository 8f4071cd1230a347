//! `create-domain-with-constraint`: columns of such a type rewrite or lock their tables later.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "create-domain-with-constraint",
    class: Class::Hygiene,
    default: Default::Always(Action::Off),
    summary: "CREATE DOMAIN with CHECK or NOT NULL.",
    hazard: "ADD COLUMN of such a type rewrites the table, even without a default, and a change of the constraint locks every \
             table that uses it.",
    safe_way: "CHECK constraints on the columns.",
    bad: "CREATE DOMAIN nonnegative AS int CHECK (VALUE >= 0);",
    good: "CREATE DOMAIN whole AS int;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::CreateDomain { name, constrained: true } = &change.kind else { return Ok(None) };
    let message = format!("columns of domain {name} would rewrite their tables when they are added");
    let detail =
        "Each row would be checked against the domain, under an ACCESS EXCLUSIVE lock, which blocks reads and writes.";
    let recipe = Recipe::advice("Make the domain without constraints, and put CHECK constraints on the columns.");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
