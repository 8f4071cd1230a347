//! `invalid-index-name-taken`: IF NOT EXISTS finds an index that an interrupted build left invalid, and is content.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::pg::relation;

pub static RULE: Rule = Rule {
    id: "invalid-index-name-taken",
    class: Class::Live,
    default: Default::Always(Action::Error),
    summary: "CREATE INDEX CONCURRENTLY IF NOT EXISTS of a name that an invalid index has.",
    hazard: "It does nothing, and the index stays invalid: queries do not use it, writers maintain it, and a unique one may not \
             hold what it promises.",
    safe_way: "Drop the invalid one, then build it.",
    bad: "",
    good: "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_email ON users (email);",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::CreateIndexConcurrently { if_not_exists: true, invalid: Some(invalid), .. } = &change.kind else {
        return Ok(None);
    };
    let index = relation::qualified_name(*invalid);
    let message = format!("index {index} exists and is invalid; IF NOT EXISTS would leave it so");
    let detail =
        "An attempt to build it failed and left it behind. Queries do not use it, but every write maintains it.";
    let mut statements = vec![format!("DROP INDEX CONCURRENTLY {index};")];
    statements.extend(change.sql.iter().map(|sql| format!("{sql};")));
    let recipe = Recipe::new("Drop it, then build it, outside of a transaction block:", statements);
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
