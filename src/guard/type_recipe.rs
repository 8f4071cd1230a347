//! The safe way to change a column's type: what depends on the column is taken away, and made again afterwards, without
//! reading the rows under a strong lock.

use super::rule::Recipe;
use super::swap_recipe::{self, Retyped};
use super::weight::listed;
use super::{in_order, recipes};
use crate::catalog::{constraints, indexes};
use crate::ddl::{Change, ChangeKind, Ddl, Relation, WorkKind};
use crate::error::Result;

/// The recipe for a change of type.
pub fn of(rule: &str, change: &Change, ddl: &Ddl) -> Result<Recipe> {
    let (ChangeKind::AlterType { column, to, using, rechecked, rebuilt, revalidated, .. }, Some(relation)) =
        (&change.kind, &change.on)
    else {
        return Ok(Recipe::default());
    };
    let window = |why: &str| Recipe::window(rule, why, change);
    if rewrites(change) {
        return rewritten(rule, change, relation, ddl);
    }
    let table = recipes::alter(relation);
    let checks = constraints::described(rechecked)?;
    let keys = constraints::described(revalidated)?;
    let found = indexes::described(rebuilt)?;
    if found.iter().any(|i| i.of_constraint || i.of_partition) || keys.iter().any(|k| k.of_partition) {
        return Ok(window("An index of a constraint or of a partitioned table cannot be taken away for a while."));
    }
    if found.iter().any(|i| i.unique) {
        return Ok(window("Without its unique index, rows that are twice would be let in."));
    }
    let mut before: Vec<String> =
        found.iter().map(|index| format!("DROP INDEX CONCURRENTLY {};", index.quoted)).collect();
    let (mut drops, mut adds, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for check in checks.iter().filter(|c| c.relation == relation.oid) {
        drops.push(format!("DROP CONSTRAINT {}", check.quoted));
        adds.push(format!("ADD CONSTRAINT {} {} NOT VALID", check.quoted, check.definition));
        after.push(format!("{table}VALIDATE CONSTRAINT {};", check.quoted));
    }
    let on_children = checks.iter().filter(|c| c.relation != relation.oid && !c.inherited);
    for key in keys.iter().chain(on_children) {
        before.push(format!("ALTER TABLE {} DROP CONSTRAINT {};", key.table, key.quoted));
        after.push(format!("ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID;", key.table, key.quoted, key.definition));
        after.push(format!("ALTER TABLE {} VALIDATE CONSTRAINT {};", key.table, key.quoted));
    }
    let using = using.as_ref().map(|u| format!(" USING {u}")).unwrap_or_default();
    let mut commands = drops;
    commands.push(format!("ALTER COLUMN {} TYPE {to}{using}", column.quoted));
    commands.extend(adds);
    let mut steps = before;
    steps.push(format!("{table}{};", commands.join(", ")));
    steps.extend(found.iter().map(|index| format!("{};", index.concurrently)));
    steps.extend(after);
    Ok(Recipe::new(
        "Take away what depends on it, change the type, and make it again while reads and writes go on:",
        steps,
    ))
}

fn rewrites(change: &Change) -> bool {
    change.work.iter().any(|w| w.kind == WorkKind::Rewrite)
}

/// All columns that the statement rewrites are replaced together; the change in a window where there is no recipe.
fn rewritten(rule: &str, change: &Change, relation: &Relation, ddl: &Ddl) -> Result<Recipe> {
    let because = match together(relation, ddl) {
        Ok(columns) => match swap_recipe::steps(relation, &columns)? {
            Ok(steps) => {
                let sentence = match steps.begun.as_slice() {
                    [] => {
                        "Outside of a transaction block: fill a new column of the new type while reads and writes go on, and \
                         put it into the place of the old one in a short transaction. It becomes the last column of the table:"
                            .to_owned()
                    }
                    new => format!(
                        "Outside of a transaction block: go on with what somebody has begun to fill ({}), and put it into the \
                         place of the old in a short transaction:",
                        listed(new)
                    ),
                };
                return Ok(Recipe::new(sentence, steps.statements));
            }
            Err(obstacles) => listed(&obstacles),
        },
        Err(because) => because.to_owned(),
    };
    let why = format!(
        "Online: add a column of the new type, keep it in step with a trigger, fill it with CALL migrator.backfill, then \
         swap the names; it has to be done by hand because of {because}."
    );
    Ok(Recipe::window(rule, &why, change))
}

/// The columns that a statement rewrites, or why they cannot be replaced together.
fn together<'a>(relation: &Relation, ddl: &'a Ddl) -> std::result::Result<Vec<Retyped<'a>>, &'static str> {
    let mut columns = Vec::new();
    let mut others = false;
    for command in in_order(ddl) {
        let change = &ddl.changes[command];
        match &change.kind {
            ChangeKind::AlterType { column, to, using, .. } if rewrites(change) => {
                if others || change.on.as_ref().is_none_or(|on| on.oid != relation.oid) {
                    return Err("what the statement does before");
                }
                // Some tools write the cast that Postgres would take anyway.
                let own_cast = format!("({})::{to}", column.quoted);
                if using.as_ref().is_some_and(|using| *using != own_cast) || change.sql.is_none() {
                    return Err("USING");
                }
                if column.number <= 0 {
                    return Err("the script, which makes the column");
                }
                columns.push(Retyped { column, to });
            }
            _ => others = true,
        }
    }
    Ok(columns)
}
