//! `drop-table-with-fks`: DROP TABLE locks every table that its foreign keys reference.

use crate::catalog::constraints;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::listed;

pub static RULE: Rule = Rule {
    id: "drop-table-with-fks",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "DROP TABLE of a table whose foreign keys reference large tables.",
    hazard: "It takes an ACCESS EXCLUSIVE lock, which blocks reads and writes, on every table it references, all at once and \
             until the end of the transaction.",
    safe_way: "Drop the foreign keys one by one first.",
    bad: "CREATE TABLE visits (user_id bigint REFERENCES users); DROP TABLE visits;",
    good: "CREATE TABLE visits (user_id bigint); DROP TABLE visits;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::Drop { objects, .. } = &change.kind else { return Ok(None) };
    let tables: Vec<u32> = objects.iter().filter(|o| o.kind == "TABLE").map(|o| o.oid).collect();
    if tables.is_empty() {
        return Ok(None);
    }
    let keys = constraints::references_of(&tables)?;
    let mut referenced = Vec::new();
    for (oid, name, _) in &keys {
        let size = Size::of(&[*oid])?;
        let text = format!("{name} ({})", size.describe()?);
        if size.is_large() && !referenced.contains(&text) {
            referenced.push(text);
        }
    }
    if referenced.is_empty() {
        return Ok(None);
    }
    let message = "DROP TABLE would also block the tables that its foreign keys reference";
    let detail = format!(
        "An ACCESS EXCLUSIVE lock, which blocks reads and writes, is taken on {} until the end of the transaction.",
        listed(&referenced)
    );
    let mut recipe =
        Recipe::new("Drop the foreign keys one by one first, each in a transaction of its own:", Vec::new());
    for (_, _, drop) in keys {
        recipe.statements.extend(Recipe::allowing("", &["drop-constraint"], vec![drop]).statements);
    }
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
