//! `drop-generated`: a column that Postgres gave its values, and that gets none any more.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "drop-generated",
    class: Class::Breaking,
    default: Default::Always(Action::Warning),
    summary: "DROP IDENTITY or DROP EXPRESSION of a column, where the same statement sets no default in its place.",
    hazard: "INSERTs that leave the column out fail where it is NOT NULL, as identity columns are, and write NULL elsewhere; the \
             values of an expression no longer follow what they were computed from.",
    safe_way: "Let the code write the value itself before, or SET DEFAULT in the same statement.",
    bad: "ALTER TABLE users ADD COLUMN years int GENERATED ALWAYS AS (age + 1) STORED; \
          ALTER TABLE users ALTER COLUMN years DROP EXPRESSION;",
    good: "ALTER TABLE users ADD COLUMN years int GENERATED ALWAYS AS (age + 1) STORED; \
           ALTER TABLE users ALTER COLUMN years DROP EXPRESSION, ALTER COLUMN years SET DEFAULT 0;",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let (column, follows) = match &change.kind {
        ChangeKind::DropIdentity { column, replaced: false } => (column, ""),
        ChangeKind::DropExpression { column, replaced: false } => {
            (column, " In every row it stays what it is now, whatever becomes of the columns it was computed from.")
        }
        _ => return Ok(None),
    };
    let Some(relation) = &change.on else { return Ok(None) };
    let name = &column.name;
    let may_be_null = |c: &Change| matches!(&c.kind, ChangeKind::DropNotNull { column } if column.name == *name);
    let required = column.not_null && !ddl.changes.iter().any(may_be_null);
    let message = format!("Postgres would no longer give \"{name}\" of \"{}\" its values", relation.name);
    let what = if required { "fail, because it is NOT NULL" } else { "write NULL" };
    let detail = format!("INSERTs that leave it out {what}, from the commit on.{follows}");
    let sql = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let recipe = Recipe::allowing("When all code that inserts gives the value:", &[RULE.id], sql);
    Ok(Some(Finding::new(change, message, detail, recipe).column(name)))
}
