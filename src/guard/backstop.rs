//! `table-rewrite`: the last look. Postgres says which table it will rewrite, before it does.

use super::Verdict;
use super::policy::{self, Judging};
use super::rule::{Action, Class, Default, Finding, Recipe, Rule};
use super::size::Size;
use crate::error::Result;
use crate::pg::relation;

/// It finds nothing in a statement: it speaks when Postgres is about to rewrite a table that the analysis of the statement
/// did not foresee.
pub static RULE: Rule = Rule {
    id: "table-rewrite",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "A rewrite of a large table that was not foreseen from the statement.",
    hazard: "Every row is written anew under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Do in steps what the statement does at once: a new column, filled in batches.",
    bad: "",
    good: "",
    find: |_, _| Ok(None),
};

/// What `pg_event_trigger_table_rewrite_reason()` is made of.
const REASONS: &[(i32, &str)] = &[
    (1, "it changes between LOGGED and UNLOGGED"),
    (2, "a new column has a value in each row, or its type checks it"),
    (4, "a column changes its type"),
    (8, "it changes its access method"),
];

/// The verdict about a table that Postgres is about to rewrite; `None` when that hurts nobody: it is small, new in this
/// transaction, or temporary.
pub fn verdict(oid: u32, reason: i32) -> Result<Option<Verdict>> {
    let Some(on) = relation::rewritten(oid)? else { return Ok(None) };
    let judging = Judging::begin();
    judging.look_at(Some(&on));
    judging.ask(&RULE);
    let size = Size::of(&[oid])?;
    if !size.is_large() {
        return Ok(None);
    }
    let why: Vec<&str> = REASONS.iter().filter(|(bit, _)| reason & bit != 0).map(|(_, why)| *why).collect();
    let why = if why.is_empty() { String::new() } else { format!(", because {}", why.join(" and ")) };
    let finding = Finding {
        message: format!("rewriting \"{}\" would block reads and writes", on.name),
        detail: format!(
            "{} has {}. Postgres writes every row anew{why}, under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
            on.quoted,
            size.describe()?
        ),
        recipe: Recipe::advice(format!(
            "Add a column that allows NULL, fill it with CALL migrator.backfill(...), then swap. In a maintenance window, type SET LOCAL migrator.allow = '{}'; before the statement in its transaction.",
            RULE.id
        )),
        relation: Some(on),
        column: None,
        heavy: true,
    };
    let (action, excuse) = policy::weigh(&RULE, &finding)?;
    let counts = action > Action::Off || excuse.is_some();
    Ok(counts.then_some(Verdict { rule: &RULE, action, excuse, finding, command: 0 }))
}
