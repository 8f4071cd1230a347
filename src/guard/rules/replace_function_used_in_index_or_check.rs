//! `replace-function-used-in-index-or-check`: what was computed with the old function stays as it was.

use crate::catalog::functions;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::listed;

pub static RULE: Rule = Rule {
    id: "replace-function-used-in-index-or-check",
    class: Class::Breaking,
    default: Default::ByWeight,
    summary: "CREATE OR REPLACE of a function that an index, a CHECK, a stored generated column or a partition key uses.",
    hazard: "Nothing is built or checked again: an index keeps the old function's values, and queries that use it give wrong \
             answers.",
    safe_way: "Make a function of another name, or build the indexes anew afterwards.",
    bad: "CREATE FUNCTION nick(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT upper($1)'; \
          CREATE INDEX CONCURRENTLY users_nick ON users (nick(email)); \
          CREATE OR REPLACE FUNCTION nick(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';",
    good: "CREATE FUNCTION nick(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT upper($1)'; \
           CREATE OR REPLACE FUNCTION nick(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::ReplaceFunction { function } = &change.kind else { return Ok(None) };
    let uses = functions::stored_uses(function.oid)?;
    let tables: Vec<u32> = uses.iter().map(|u| u.table).collect();
    let size = Size::of(&tables)?;
    if uses.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = uses.iter().map(|u| u.description.as_str()).collect();
    let message = format!("what was stored by means of {} would not follow its new text", function.identity);
    let detail = format!(
        "Used by {}, over {}. Nothing is built or checked again; if the new function gives other values, queries give wrong \
         answers.",
        listed(&names),
        size.describe()?
    );
    let rebuilt = uses.iter().filter_map(|u| u.index.as_ref());
    let rebuilt: Vec<String> = rebuilt.map(|index| format!("REINDEX INDEX CONCURRENTLY {index};")).collect();
    let recipe = match &change.sql {
        Some(sql) => {
            let sentence = if rebuilt.is_empty() {
                "If it gives the same values for what is stored:"
            } else {
                "Build the indexes anew afterwards, outside of a transaction block:"
            };
            let mut recipe = Recipe::allowing(sentence, &[RULE.id], vec![format!("{sql};")]);
            recipe.statements.extend(rebuilt);
            recipe
        }
        None => {
            let mut statements = vec![format!("SET LOCAL migrator.allow = '{}';", RULE.id)];
            statements.extend(rebuilt);
            Recipe::new(
                "Put the first line before it in its transaction, and the others behind its COMMIT:",
                statements,
            )
        }
    };
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(size.is_large())))
}
