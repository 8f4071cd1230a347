//! `alter-type-blocked-by-dependents`: a statement that can only fail, after it has waited for ACCESS EXCLUSIVE and made
//! everybody else wait behind it.

use super::{alter_type_index_rebuild, alter_type_recheck, alter_type_revalidates_foreign_key, alter_type_rewrite};
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
    safe_way: "Drop what uses the column and make it again in the same transaction, or move to a new column; for a partition \
               key, to a new table.",
    bad: "ALTER TABLE users ALTER COLUMN email TYPE varchar;",
    good: "DROP VIEW active_users; ALTER TABLE users ALTER COLUMN email TYPE varchar;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AlterType { column, dropped, .. }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    if column.number <= 0 {
        return Ok(None);
    }
    // What the statement drops it drops before.
    let users = dependents::against_new_type(relation.oid, column.number)?.into_iter();
    let mut users: Vec<String> = users.filter(|d| !dropped.contains(&d.oid)).map(|d| d.description).collect();
    let keyed = partitions::keyed_by(relation.oid, column.number)?;
    users.extend(keyed.iter().map(|table| format!("the partition key of table {table}")));
    if users.is_empty() {
        return Ok(None);
    }
    let message = match keyed.is_empty() {
        true => format!("the type of \"{}\" cannot change while other objects use the column", column.name),
        false => format!("the type of \"{}\" cannot change, because a partition key uses the column", column.name),
    };
    let detail = format!(
        "Used by {}. Postgres would refuse the statement, after waiting for an ACCESS EXCLUSIVE lock on {}, which blocks \
         reads and writes.",
        listed(&users),
        relation.quoted
    );
    let made_again = if keyed.is_empty() { views::made_again(relation.oid, column.number, dropped)? } else { None };
    let recipe = match (&change.sql, made_again) {
        _ if !keyed.is_empty() => Recipe::advice(
            "A partition key cannot be changed. Make a new partitioned table with the new type, let a trigger keep it in \
             step, copy the rows over in batches, then swap the names in one transaction.",
        ),
        (Some(sql), Some((drop, create))) => {
            let mut statements = drop;
            statements.push(format!("{sql};"));
            statements.extend(create);
            around(change, statements)?
        }
        _ => Recipe::advice(
            "Drop them and make them again in the same transaction, or fill a new column and switch to it.",
        ),
    };
    Ok(Some(Finding::new(change, message, detail, recipe).column(&column.name)))
}

/// The statements as a transaction, which allows what is to be said of the change once nothing uses the column.
fn around(change: &Change, statements: Vec<String>) -> Result<Recipe> {
    let ChangeKind::AlterType { withheld, .. } = &change.kind else { return Ok(Recipe::default()) };
    let free = Change { work: withheld.clone(), ..change.clone() };
    let mut rules = Vec::new();
    for rule in [
        &alter_type_index_rebuild::RULE,
        &alter_type_recheck::RULE,
        &alter_type_revalidates_foreign_key::RULE,
        &alter_type_rewrite::RULE,
    ] {
        if (rule.find)(&free, &Ddl::default())?.is_some() {
            rules.push(rule.id);
        }
    }
    let sentence = "Make the views again in the same transaction";
    if !rules.is_empty() {
        return Ok(Recipe::allowing(format!("{sentence}. In a maintenance window:"), &rules, statements));
    }
    let whole = std::iter::once("BEGIN;".to_owned()).chain(statements).chain(["COMMIT;".to_owned()]);
    Ok(Recipe::new(format!("{sentence}:"), whole.collect()))
}
