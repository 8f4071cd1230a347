//! `vacuum-full`: a large table is written anew by VACUUM FULL or CLUSTER.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;
use crate::pg::relation::qualified_name;

pub static RULE: Rule = Rule {
    id: "vacuum-full",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "VACUUM FULL or CLUSTER of a large table; in migrations, and typed where the library is preloaded.",
    hazard: "It writes the table and its indexes anew under an ACCESS EXCLUSIVE lock, which blocks reads and writes, and needs \
             as much disk space again.",
    safe_way: "VACUUM frees the space for new rows without blocking; pg_repack gives it back to the system.",
    bad: "VACUUM FULL users;",
    good: "VACUUM users;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (command, plain) = match change.kind {
        ChangeKind::VacuumFull => ("VACUUM FULL", true),
        ChangeKind::Cluster => ("CLUSTER", false),
        _ => return Ok(None),
    };
    let Some(relation) = &change.on else { return of_every_table(change, command) };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let message = format!("{command} would write \"{}\" anew while reads and writes to it are blocked", relation.name);
    let recipe = if plain {
        Recipe::new(
            "Free the space for new rows without blocking anybody (pg_repack gives it back to the system):",
            vec![format!("VACUUM (ANALYZE) {};", relation.quoted)],
        )
    } else {
        Recipe::advice("pg_repack orders the rows of a table while it is used.")
    };
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}

/// One table after the other: what counts is the largest of them.
fn of_every_table(change: &Change, command: &str) -> Result<Option<Finding>> {
    let Some(largest) = Blocking::largest(change)? else { return Ok(None) };
    let name = largest.tables.first().map(|table| qualified_name(*table)).unwrap_or_default();
    let message = format!("{command} without a table would write {name} anew while reads and writes to it are blocked");
    let recipe = Recipe::advice("Name the small tables that need it.");
    Ok(Some(Finding::new(change, message, largest.describe_as(&name, 1)?, recipe)))
}
