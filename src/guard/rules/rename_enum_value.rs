//! `rename-enum-value`: clients that send the old label fail, and those that do not know the new one read it.

use crate::catalog::types;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::listed;

pub static RULE: Rule = Rule {
    id: "rename-enum-value",
    class: Class::Breaking,
    default: Default::ByWeight,
    summary: "A value of an enum is renamed.",
    hazard: "Clients that send the old label get an error from the commit on, and those that do not know the new one read it \
             in every row that had the old.",
    safe_way: "Add a new value, change the rows in batches, and stop using the old one; rename only when all clients can \
               switch at once.",
    bad: "ALTER TABLE users ADD COLUMN feels mood; ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy';",
    good: "ALTER TYPE mood ADD VALUE 'unhappy' AFTER 'sad';",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::RenameEnumValue { enumeration, value, to } = &change.kind else { return Ok(None) };
    let uses = types::uses(enumeration.oid)?;
    let tables: Vec<u32> = uses.iter().map(|u| u.table).collect();
    let size = Size::of(&tables)?;
    let columns: Vec<&str> = uses.iter().map(|u| u.column.as_str()).collect();
    let detail = if uses.is_empty() {
        format!("No column stores {}; clients that know the label may use it all the same.", enumeration.identity)
    } else {
        format!("Columns of type {}: {}, in tables with {}.", enumeration.identity, listed(&columns), size.describe()?)
    };
    let message =
        format!("renaming value \"{value}\" of {} to \"{to}\" breaks clients that use it", enumeration.identity);
    let statements = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let recipe = Recipe::allowing(
        "To let old and new clients work side by side, add the new value and change the rows in batches. When all clients \
         switch at once:",
        &[RULE.id],
        statements,
    );
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(size.is_large())))
}
