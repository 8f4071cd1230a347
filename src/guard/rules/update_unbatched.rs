//! `update-unbatched`: a migration changes so many rows in one statement that they should be changed in batches.
//!
//! Hazard: every changed row stays locked against other writers until the end, VACUUM cannot clean up behind it, replicas
//! fall behind, and whatever locks the migration holds are held as long.

use crate::catalog::keys;
use crate::ddl::{Change, ChangeKind, Ddl, Modification, Relation};
use crate::error::Result;
use crate::guard::recipes::literal;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::size::{self, Size};

pub static RULE: Rule = Rule {
    id: "update-unbatched",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "A migration's UPDATE, DELETE or MERGE that changes more rows than a large table has, by the planner's estimate.",
    hazard: "All of them stay locked against other writers until it ends, VACUUM cannot clean up behind it, and replicas fall \
             behind.",
    safe_way: "CALL migrator.backfill(...), which commits in small batches; for DELETE, batches by key.",
    bad: "UPDATE users SET note = email WHERE age > 20;",
    good: "CALL migrator.backfill('public.users', 'note = email', '(age > 20) AND note IS DISTINCT FROM (email)::character varying(100)');",
    find,
};

/// Rows a DELETE of a recipe takes at a time.
const BATCH: u32 = 5000;

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::Modify(modification), Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    let size = Size::of(&relation.leaves)?;
    let rows = modification.rows.unwrap_or(size.rows);
    if !size::are_many(rows)? {
        return Ok(None);
    }
    let command = modification.command;
    let verb = if command == "DELETE" { "delete" } else { "change" };
    let message = format!("{command} would {verb} about {rows} rows of \"{}\" at once", relation.name);
    let found = match relation.kind {
        'v' => format!("{} is a view.", relation.quoted),
        _ => format!("{} has {}.", relation.quoted, size.describe()?),
    };
    let detail = format!(
        "{found} Until the end, other writers wait for every row that it has changed, and VACUUM cannot clean up behind it."
    );
    Ok(Some(Finding::new(change, message, detail, recipe(relation, modification)?)))
}

fn recipe(relation: &Relation, modification: &Modification) -> Result<Recipe> {
    let key = keys::of(relation.oid)?;
    if let (None, Some(set), Some(_), 'r' | 'p') = (&key, &modification.set, &modification.remaining, relation.kind) {
        return Ok(backfill(relation, set, modification));
    }
    let Some(key) = key else {
        let without = match (relation.kind, modification.command) {
            ('v', "UPDATE") => " For the table behind the view, migrator.backfill does that.".to_owned(),
            ('v', _) | (_, "DELETE" | "MERGE") => String::new(),
            _ => " migrator.backfill does that where a condition tells the rows that are done from those that are not."
                .to_owned(),
        };
        return Ok(Recipe::advice(format!("Do it in several transactions, each for a part of the rows.{without}")));
    };
    let columns: Vec<&str> = key.columns.iter().map(|c| c.quoted.as_str()).collect();
    let columns = columns.join(", ");
    if let Some(set) = &modification.set
        && !key.columns.iter().any(|c| modification.columns.contains(&c.name))
    {
        return Ok(backfill(relation, set, modification));
    }
    if let Some(condition) = &modification.condition {
        let table = &relation.quoted;
        return Ok(Recipe::new(
            "Delete them in batches: repeat this, each time in a transaction of its own, until it deletes nothing:",
            vec![format!(
                "DELETE FROM {table} WHERE ({columns}) IN (SELECT {columns} FROM {table} WHERE {condition} LIMIT {BATCH});"
            )],
        ));
    }
    let backfill = match modification.command {
        "UPDATE" => {
            "; migrator.backfill does that where the condition tells the rows that are done from those that are not"
        }
        _ => "",
    };
    Ok(Recipe::advice(format!("Do it in several transactions, each for a range of ({columns}){backfill}.")))
}

fn backfill(relation: &Relation, set: &str, modification: &Modification) -> Recipe {
    let remaining = modification.remaining.iter().map(|condition| format!(", {}", literal(condition)));
    let arguments: String =
        [literal(&relation.quoted), format!(", {}", literal(set))].into_iter().chain(remaining).collect();
    Recipe::new(
        "Change them in small batches, outside of a transaction block:",
        vec![format!("CALL migrator.backfill({arguments});")],
    )
}
