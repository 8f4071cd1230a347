//! `unnamed-constraint`: Postgres chooses a name, which may be another one in another database.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "unnamed-constraint",
    class: Class::Hygiene,
    default: Default::Always(Action::Off),
    summary: "ADD CHECK, FOREIGN KEY, UNIQUE or PRIMARY KEY without a name.",
    hazard: "Postgres chooses a free name, which may differ from database to database, so that a later DROP CONSTRAINT fails.",
    safe_way: "Give it a name of your own.",
    bad: "ALTER TABLE plans ADD CHECK (id > 0);",
    good: "ALTER TABLE plans ADD CONSTRAINT plans_id_positive CHECK (id > 0);",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddConstraint(new), Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if new.given_name.is_some() || new.using_index.is_some() {
        return Ok(None);
    }
    let message = format!("a constraint of \"{}\" has no name of yours", relation.name);
    let detail = format!("Postgres would call it {} here, and may choose another name elsewhere.", new.quoted);
    let recipe = match &new.definition {
        Some(definition) => {
            let inherit = if new.no_inherit { " NO INHERIT" } else { "" };
            let valid = if new.not_valid { " NOT VALID" } else { "" };
            let (table, name, deferrable) = (&relation.quoted, &new.quoted, &new.deferrable);
            Recipe::new(
                "Name it:",
                vec![format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}{inherit}{deferrable}{valid};")],
            )
        }
        None => Recipe::advice("Write CONSTRAINT and a name before it."),
    };
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
