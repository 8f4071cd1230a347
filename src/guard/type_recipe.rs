//! The safe way to change a column's type: what depends on the column is taken away, and made again afterwards, without
//! reading the rows under a strong lock.

use super::recipes;
use super::rule::Recipe;
use crate::catalog::{constraints, indexes};
use crate::ddl::{Change, ChangeKind, WorkKind};
use crate::error::Result;

/// The recipe for a change of type; the change in a window where the rows themselves are rewritten.
pub fn of(rule: &str, change: &Change) -> Result<Recipe> {
    let (ChangeKind::AlterType { column, to, using, rechecked, rebuilt, revalidated, .. }, Some(relation)) =
        (&change.kind, &change.on)
    else {
        return Ok(Recipe::default());
    };
    let window = |why: &str| Recipe::window(rule, why, change);
    if change.work.iter().any(|w| w.kind == WorkKind::Rewrite) {
        return Ok(window(
            "Online: add a column of the new type, keep it in step with a trigger, fill it with CALL migrator.backfill, then \
             swap the names.",
        ));
    }
    let table = recipes::alter(relation);
    let checks = constraints::described(rechecked)?;
    let keys = constraints::described(revalidated)?;
    let found = indexes::described(rebuilt)?;
    if found.iter().any(|i| i.of_constraint || i.of_partition) || keys.iter().any(|k| k.of_partition) {
        return Ok(window("An index of a constraint or of a partitioned table cannot be taken away for a while."));
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
