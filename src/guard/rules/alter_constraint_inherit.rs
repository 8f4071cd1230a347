//! `alter-constraint-inherit`: a not-null constraint that the children get as well (18). Hazard: their rows are read under
//! ACCESS EXCLUSIVE.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::work::Blocking;
use crate::pg;

pub static RULE: Rule = Rule {
    id: "alter-constraint-inherit",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ALTER CONSTRAINT ... INHERIT of a NOT NULL on a table with large children (18).",
    hazard: "Every row of the children is read under an ACCESS EXCLUSIVE lock, which blocks reads and writes.",
    safe_way: "Prove it on the children with a CHECK that is NOT VALID and then validated; drop that afterwards.",
    bad: "",
    good: "ALTER TABLE orders ALTER CONSTRAINT orders_user_id_fkey DEFERRABLE;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AlterConstraint { inherited: Some(column), .. }, Some(relation)) = (&change.kind, &change.on)
    else {
        return Ok(None);
    };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let mut steps = Vec::new();
    let mut after = Vec::new();
    for child in &blocking.tables {
        let table = pg::relation::qualified_name(*child);
        let name = pg::relation::free_constraint_name(*child, &column.name);
        steps.push(format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({} IS NOT NULL) NO INHERIT NOT VALID;",
            column.quoted
        ));
        steps.push(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name};"));
        after.push(format!("ALTER TABLE {table} DROP CONSTRAINT {name};"));
    }
    steps.extend(change.sql.as_ref().map(|sql| format!("{sql};")));
    steps.extend(after);
    let message = format!(
        "every row of the children of \"{}\" would be read to make \"{}\" NOT NULL",
        relation.name, column.name
    );
    let recipe =
        Recipe::new("Prove it on the children while reads and writes go on; then they are not read again:", steps);
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe).column(&column.name)))
}
