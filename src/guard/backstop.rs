//! `table-rewrite`: the last look. Postgres says which table it will rewrite, before it does.

use super::rule::{Action, Class, Default, Rule};

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
