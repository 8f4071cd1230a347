//! `duplicate-constraint`: a constraint like it is there already, or an index that it could use.

use crate::catalog::constraints::{self, Dropped};
use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "duplicate-constraint",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "ADD CONSTRAINT of one that the table has already, or that could use a unique index that is there.",
    hazard: "The rows are checked again although they are known to pass, every write is checked twice, or a second index is \
             built.",
    safe_way: "Use what is there: ADD CONSTRAINT ... USING INDEX.",
    bad: "CREATE TABLE small (a int CONSTRAINT positive_a CHECK (a > 0)); ALTER TABLE small ADD CHECK (a > 0);",
    good: "CREATE TABLE small (a int CONSTRAINT positive_a CHECK (a > 0)); ALTER TABLE small ADD CHECK (a > 1);",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddConstraint(new), Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    let unique = matches!(new.kind, ConstraintKind::Unique | ConstraintKind::PrimaryKey);
    if unique && new.using_index.is_none() {
        let columns: Vec<i16> = new.columns.iter().map(|c| c.number).collect();
        if let Some(index) = constraints::unique_index_on(relation.oid, &columns)? {
            let message = format!("\"{}\" has a unique index on these columns already: {index}", relation.name);
            let detail = "Another one would be built beside it.";
            let what = if new.kind == ConstraintKind::Unique { "UNIQUE" } else { "PRIMARY KEY" };
            let (_, bare) = index.rsplit_once('.').unwrap_or(("", &index));
            let sql =
                format!("ALTER TABLE {} ADD CONSTRAINT {} {what} USING INDEX {bare};", relation.quoted, new.quoted);
            return Ok(Some(Finding::new(
                change,
                message,
                detail,
                Recipe::new("Make the constraint of it:", vec![sql]),
            )));
        }
    }
    let Some(definition) = &new.definition else { return Ok(None) };
    let whole = recipes::whole_definition(new, definition);
    let dropped = dropped(ddl, relation.oid);
    if let Some(same) = constraints::unvalidated(relation.oid, &whole, &dropped)? {
        let message = format!("\"{}\" has such a constraint already, not validated: {same}", relation.name);
        let validate = format!("ALTER TABLE {} VALIDATE CONSTRAINT {same};", relation.quoted);
        let recipe = Recipe::new("Validate that one, in a transaction of its own:", vec![validate]);
        return Ok(Some(Finding::new(change, message, format!("{whole} NOT VALID."), recipe)));
    }
    let Some(same) = constraints::same_as(relation.oid, definition, &dropped)? else { return Ok(None) };
    let message = format!("\"{}\" has such a constraint already: {same}", relation.name);
    let recipe = Recipe::advice("Use that one.");
    Ok(Some(Finding::new(change, message, format!("{definition}."), recipe)))
}

/// What the statement drops of the relation: it does that first.
fn dropped(ddl: &Ddl, relation: u32) -> Dropped {
    let mut dropped = Dropped::default();
    for change in ddl.changes.iter().filter(|change| change.on.as_ref().is_some_and(|on| on.oid == relation)) {
        match &change.kind {
            ChangeKind::DropConstraint { oid, .. } => dropped.constraints.push(*oid),
            ChangeKind::DropColumn { column, .. } => dropped.columns.push(column.number),
            ChangeKind::DropNotNull { column } => dropped.not_null.push(column.number),
            _ => {}
        }
    }
    dropped
}
