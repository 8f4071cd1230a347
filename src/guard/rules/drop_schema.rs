//! `drop-schema`: a schema is dropped with everything in it.

use crate::catalog::references;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::{counted, listed};

pub static RULE: Rule = Rule {
    id: "drop-schema",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "DROP SCHEMA ... CASCADE of a schema that holds tables or views.",
    hazard: "Every table in it goes with its rows, and nothing names them one by one. Each is locked ACCESS EXCLUSIVE, which \
             blocks reads and writes, until the end.",
    safe_way: "Drop what is in it by name, then the empty schema.",
    bad: "CREATE SCHEMA app; CREATE TABLE app.people AS SELECT * FROM users; ANALYZE app.people; DROP SCHEMA app CASCADE;",
    good: "CREATE SCHEMA app; DROP SCHEMA app;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::Drop { objects, cascade: true, .. } = &change.kind else { return Ok(None) };
    let schemas: Vec<&crate::ddl::Object> = objects.iter().filter(|o| o.kind == "SCHEMA").collect();
    let oids: Vec<u32> = schemas.iter().map(|o| o.oid).collect();
    if oids.is_empty() {
        return Ok(None);
    }
    let relations = references::relations_of(&oids)?;
    if relations.is_empty() {
        return Ok(None);
    }
    let size = Size::of(&references::stored_in(&oids)?)?;
    let names: Vec<&str> = schemas.iter().map(|o| o.identity.as_str()).collect();
    let held: Vec<&str> = relations.iter().map(|r| r.1.as_str()).collect();
    let plural = if schemas.len() == 1 { "schema" } else { "schemas" };
    let message = format!("dropping {plural} {} destroys what is in it", listed(&names));
    let detail =
        format!("It holds {} with {}: {}.", counted(relations.len(), "relation"), size.describe()?, listed(&held));
    let sql = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let recipe = Recipe::allowing("When nobody needs anything in it any more:", &[RULE.id], sql);
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(size.is_large())))
}
