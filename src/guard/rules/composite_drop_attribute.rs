//! `composite-drop-attribute`: the attribute goes from every stored value of the type.

use crate::catalog::types;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::listed;

pub static RULE: Rule = Rule {
    id: "composite-drop-attribute",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "ALTER TYPE ... DROP ATTRIBUTE of a type that tables store.",
    hazard: "The attribute is gone from every stored value, at once and without a rewrite; typed tables lose a column.",
    safe_way: "Copy what is needed into a column first.",
    bad: "CREATE TYPE place AS (street text, town text); ALTER TABLE users ADD COLUMN home place; \
          ALTER TYPE place DROP ATTRIBUTE town;",
    good: "CREATE TYPE place AS (street text, town text); ALTER TYPE place DROP ATTRIBUTE town;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::DropAttribute { composite, attribute, .. } = &change.kind else { return Ok(None) };
    let uses = types::uses(composite.oid)?;
    let typed = types::typed_tables(composite.oid)?;
    if uses.is_empty() && typed.is_empty() {
        return Ok(None);
    }
    let tables: Vec<u32> = uses.iter().map(|u| u.table).chain(typed.iter().copied()).collect();
    let size = Size::of(&tables)?;
    let columns: Vec<&str> = uses.iter().map(|u| u.column.as_str()).collect();
    let message = format!("dropping attribute \"{attribute}\" of {} destroys its stored values", composite.identity);
    let stored = if columns.is_empty() {
        "Tables of that type have".to_owned()
    } else {
        format!("Values are stored in {}, in tables with", listed(&columns))
    };
    let sql = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let recipe = Recipe::allowing("When its values are not needed any more:", &[RULE.id], sql);
    Ok(Some(Finding::new(change, message, format!("{stored} {}.", size.describe()?), recipe).heavy(size.is_large())))
}
