//! `alter-constraint-enforced`: a foreign key that is enforced from now on. Hazard: a scan while writes wait.

use crate::catalog::constraints;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;
use crate::pg;

pub static RULE: Rule = Rule {
    id: "alter-constraint-enforced",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ALTER CONSTRAINT ... ENFORCED of a foreign key on a large table (18).",
    hazard: "Every row is looked up while writes wait.",
    safe_way: "Drop it and add it NOT VALID in one statement, then validate it.",
    bad: "",
    good: "ALTER TABLE orders ALTER CONSTRAINT orders_user_id_fkey DEFERRABLE;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AlterConstraint { name, enforced: Some(true), .. }, Some(relation)) = (&change.kind, &change.on)
    else {
        return Ok(None);
    };
    let Some(blocking) = Blocking::of(change)? else { return Ok(None) };
    let message = format!("ENFORCED would check every row of \"{}\" while writes wait", relation.name);
    let steps = constraints::definition(relation.oid, name)?.map(|definition| {
        let definition = definition.replace(" NOT ENFORCED", "");
        let (table, name) = (recipes::alter(relation), pg::relation::quoted(name));
        vec![
            format!("{table}DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {definition} NOT VALID;"),
            format!("{table}VALIDATE CONSTRAINT {name};"),
        ]
    });
    let sentence = "Make it anew, unchecked, then check it while reads and writes go on:";
    let recipe = recipes::or_window(RULE.id, change, sentence, steps, "It could not be written down.");
    Ok(Some(Finding::new(change, message, blocking.describe(change)?, recipe)))
}
