//! `add-foreign-key-validating`: a foreign key that is checked at once. Hazard: a scan while writes to both tables wait.

use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl, LockMode};
use crate::error::Result;
use crate::guard::recipes;
use crate::guard::rule::{Action, Class, Default, Finding, Rule};
use crate::guard::work::Blocking;

pub static RULE: Rule = Rule {
    id: "add-foreign-key-validating",
    class: Class::Blocking,
    default: Default::Always(Action::Error),
    summary: "ADD FOREIGN KEY without NOT VALID on a large table.",
    hazard: "Every row is looked up under a SHARE ROW EXCLUSIVE lock on both tables, which blocks INSERT, UPDATE and DELETE in both.",
    safe_way: "Add it NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own.",
    bad: "ALTER TABLE users ADD CONSTRAINT users_plan FOREIGN KEY (plan_id) REFERENCES plans (id);",
    good: "ALTER TABLE users ADD CONSTRAINT users_plan FOREIGN KEY (plan_id) REFERENCES plans (id) NOT VALID;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddConstraint(new), Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    if !(new.kind == ConstraintKind::ForeignKey) {
        return Ok(None);
    }
    let Some(blocking) = Blocking::among(change, |_| true)? else { return Ok(None) };
    let message =
        format!("a new foreign key would be checked for every row of \"{}\" while writes wait", relation.name);
    let recipe = recipes::or_window(
        RULE.id,
        change,
        "Add it unchecked, then check it while reads and writes go on:",
        recipes::validated(relation, new, &blocking.tables)?,
        "It could not be written down.",
    );
    let mut detail = blocking.describe(change)?;
    if let Some(target) = new.references.as_ref().filter(|target| target.oid != relation.oid) {
        // Whatever the rest of the statement takes on this table, the other one gets this lock.
        let lock = LockMode::ShareRowExclusive;
        let named = if blocking.lock == lock { "The same".to_owned() } else { format!("A {}", lock.name()) };
        detail.push_str(&format!(" {named} lock is held on {} meanwhile.", target.quoted));
    }
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
