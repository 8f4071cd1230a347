//! `function-body-uses`: what is dropped or renamed is named in the text of functions.
//!
//! Hazard: Postgres records no dependency for bodies that are text (PL/pgSQL, SQL in quotes). They fail at their next call;
//! a trigger function takes every write to its table with it.

use crate::catalog::{functions, references};
use crate::ddl::{Change, ChangeKind, Ddl, Object};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::listed;

pub static RULE: Rule = Rule {
    id: "function-body-uses",
    class: Class::Breaking,
    default: Default::Always(Action::Warning),
    summary: "A table, column or function is dropped or renamed that the text of other functions names.",
    hazard: "They fail at their next call. In a trigger function that means that every write to its table fails.",
    safe_way: "Replace the functions in the same transaction.",
    bad: "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
          CREATE FUNCTION two() RETURNS int LANGUAGE sql AS 'SELECT one() + 1'; DROP FUNCTION one();",
    good: "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP FUNCTION one();",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let mut found = Vec::new();
    let what = match &change.kind {
        ChangeKind::DropColumn { column, .. } | ChangeKind::Rename { column: Some(column), .. } => {
            let Some(on) = change.on.as_ref().filter(|_| column.number > 0) else { return Ok(None) };
            found = references::functions_naming(&[&on.name, &column.name], Some((on.oid, &column.name)))?;
            format!("column {} of {}", column.quoted, on.quoted)
        }
        ChangeKind::Drop { objects, .. } if objects.len() <= OBJECTS => {
            for object in objects {
                found.extend(naming(object)?);
            }
            found.sort_unstable();
            found.dedup();
            let dropped: Vec<String> = objects.iter().map(|o| o.identity.clone()).collect();
            found.retain(|function| !dropped.contains(function));
            listed(&dropped)
        }
        ChangeKind::Rename { of, column: None, .. } | ChangeKind::SetSchema { of, .. } => {
            found = naming(of)?;
            found.retain(|function| *function != of.identity);
            of.identity.clone()
        }
        _ => return Ok(None),
    };
    if found.is_empty() {
        return Ok(None);
    }
    let (subject, verb) = if found.len() == 1 { ("a function", "names") } else { ("functions", "name") };
    let message = format!("the text of {subject} {verb} {what}");
    let detail = format!("{}. Postgres records no dependency for it; the next call fails.", listed(&found));
    let recipe = Recipe::advice("Replace them with CREATE OR REPLACE in the same transaction, or drop them first.");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}

/// One statement that drops more than this is a clean-up; what it leaves behind is not looked for one by one.
const OBJECTS: usize = 20;

/// Functions whose text names an object.
fn naming(object: &Object) -> Result<Vec<String>> {
    match object.kind.as_str() {
        "TABLE" | "VIEW" | "MATERIALIZED VIEW" | "FOREIGN TABLE" => match &object.relation {
            Some(relation) => references::functions_naming(&[&relation.name], None),
            None => Ok(Vec::new()),
        },
        "FUNCTION" | "PROCEDURE" | "ROUTINE" | "AGGREGATE" => match functions::name(object.oid)? {
            Some(name) => references::functions_naming(&[&name], None),
            None => Ok(Vec::new()),
        },
        _ => Ok(Vec::new()),
    }
}
