//! `drop-table`: tables with rows, or that others name, are dropped.

use crate::catalog::backfill::target;
use crate::catalog::{dependents, references, usage};
use crate::ddl::{Change, ChangeKind, Ddl, Object, Relation};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::{Weight, counted, listed};

pub static RULE: Rule = Rule {
    id: "drop-table",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "A table that holds rows, or that others use, is dropped.",
    hazard: "The rows are gone, and whatever names the table fails. DROP TABLE waits for an ACCESS EXCLUSIVE lock, which blocks \
             reads and writes; dropping a partition takes one on its parent too.",
    safe_way: "Make sure from the statistics that nobody uses it, keep a dump, then drop it in a transaction that allows it.",
    bad: "DROP TABLE orders;",
    good: "CREATE TABLE empty (a int); DROP TABLE empty;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::Drop { objects, cascade, .. } = &change.kind else { return Ok(None) };
    let tables: Vec<&Relation> = objects.iter().filter(|o| is_table(o)).filter_map(|o| o.relation.as_ref()).collect();
    if tables.is_empty() || (!cascade && is_refused(objects)?) {
        return Ok(None);
    }
    let mut leaves: Vec<u32> = tables.iter().flat_map(|t| t.leaves.iter().copied()).collect();
    leaves.sort_unstable();
    leaves.dedup();
    let size = Size::of(&leaves)?;
    let (detail, used) = match tables.as_slice() {
        [table] => described(table)?,
        _ => {
            let names: Vec<&str> = tables.iter().map(|t| t.quoted.as_str()).collect();
            (format!("{} have {}: {}.", counted(tables.len(), "table"), size.describe()?, listed(&names)), false)
        }
    };
    if size.bytes == 0 && !used {
        return Ok(None);
    }
    let message = match tables.as_slice() {
        [table] => format!("dropping \"{}\" destroys its rows", table.name),
        _ => format!("dropping {} destroys their rows", counted(tables.len(), "table")),
    };
    let heavy = used || size.is_large();
    let evidence = if heavy { format!(" {}", usage::of_tables(&leaves)?.describe()) } else { String::new() };
    let recipe = recipe(change, &tables)?;
    Ok(Some(Finding::new(change, message, format!("{detail}{evidence}"), recipe).heavy(heavy)))
}

fn is_table(object: &Object) -> bool {
    object.kind == "TABLE" || object.kind == "FOREIGN TABLE"
}

/// Postgres refuses without CASCADE, and names what depends on the objects.
fn is_refused(objects: &[Object]) -> Result<bool> {
    let addresses: Vec<_> = objects.iter().map(|o| (o.class, o.oid, o.sub)).collect();
    dependents::are_needed(&addresses)
}

/// What one table holds and who uses it, and whether anybody does.
fn described(table: &Relation) -> Result<(String, bool)> {
    let weight = Weight::of(table)?;
    let mut detail = weight.describe(&table.quoted)?;
    if let Some(parent) = table.partition_of
        && let Some(parent) = target::describe(&[parent])?.pop()
    {
        detail.push_str(&format!(
            " The ACCESS EXCLUSIVE lock is also taken on {}, which it is a partition of, and blocks reads and writes there.",
            parent.quoted
        ));
    }
    Ok((detail, !weight.references.is_empty()))
}

fn recipe(change: &Change, tables: &[&Relation]) -> Result<Recipe> {
    let sql = change.sql.iter().map(|sql| format!("{sql};")).collect();
    if let [table] = tables
        && let Some(parent) = table.partition_of
        && !references::has_default_partition(parent)?
        && let Some(parent) = target::describe(&[parent])?.pop()
    {
        let mut recipe = Recipe::allowing(
            "When nobody needs it any more, detach it without blocking, outside of a transaction block, then drop it:",
            &[RULE.id],
            sql,
        );
        recipe
            .statements
            .insert(0, format!("ALTER TABLE {} DETACH PARTITION {} CONCURRENTLY;", parent.quoted, table.quoted));
        return Ok(recipe);
    }
    Ok(Recipe::allowing("When nobody needs it any more:", &[RULE.id], sql))
}
