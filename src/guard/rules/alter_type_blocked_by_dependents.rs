//! `alter-type-blocked-by-dependents`: a statement that can only fail, after it has waited for ACCESS EXCLUSIVE and made
//! everybody else wait behind it.

use crate::catalog::{dependents, partitions, views};
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::listed;

pub static RULE: Rule = Rule {
    id: "alter-type-blocked-by-dependents",
    class: Class::Breaking,
    default: Default::Always(Action::Error),
    summary: "ALTER COLUMN TYPE of a column that a view, rule, policy, trigger, generated column or partition key uses.",
    hazard: "Postgres refuses it, but only after it has waited for an ACCESS EXCLUSIVE lock and made every reader and writer \
             wait behind it.",
    safe_way: "Drop what uses the column and make it again in the same transaction, or move to a new column.",
    bad: "ALTER TABLE users ALTER COLUMN email TYPE varchar;",
    good: "DROP VIEW active_users; ALTER TABLE users ALTER COLUMN email TYPE varchar;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AlterType { column, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if column.number <= 0 {
        return Ok(None);
    }
    let mut users: Vec<String> =
        dependents::against_new_type(relation.oid, column.number)?.into_iter().map(|d| d.description).collect();
    let key = partitions::is_key(relation.oid, column.number)?;
    if key {
        users.push(format!("the partition key of table {}", relation.quoted));
    }
    if users.is_empty() {
        return Ok(None);
    }
    let message = format!("the type of \"{}\" cannot change while other objects use the column", column.name);
    let detail = format!(
        "Used by {}. Postgres would refuse the statement, after waiting for an ACCESS EXCLUSIVE lock on {}, which blocks \
         reads and writes.",
        listed(&users),
        relation.quoted
    );
    let made_again = if key { None } else { views::made_again(relation.oid, column.number)? };
    let recipe = match (&change.sql, made_again) {
        (Some(sql), Some((drop, create))) => {
            let mut statements = vec!["BEGIN;".to_owned()];
            statements.extend(drop);
            statements.push(format!("{sql};"));
            statements.extend(create);
            statements.push("COMMIT;".into());
            Recipe::new("Make the views again in the same transaction:", statements)
        }
        _ => Recipe::advice(
            "Drop them and make them again in the same transaction, or fill a new column and switch to it.",
        ),
    };
    Ok(Some(Finding::new(change, message, detail, recipe).column(&column.name)))
}
