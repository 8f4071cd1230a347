//! `disable-fk-triggers`: DISABLE TRIGGER ALL also switches foreign keys off.

use crate::catalog::constraints;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::Weight;

pub static RULE: Rule = Rule {
    id: "disable-fk-triggers",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "DISABLE TRIGGER ALL on a table with foreign keys, or that foreign keys reference.",
    hazard: "Foreign keys are triggers: rows that break them get in, for every session, and nothing checks them when the \
             triggers are enabled again.",
    safe_way: "DISABLE TRIGGER USER leaves foreign keys on.",
    bad: "ALTER TABLE orders DISABLE TRIGGER ALL;",
    good: "ALTER TABLE orders DISABLE TRIGGER USER;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::Trigger { enable: false, all: true, .. }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    if !constraints::has_foreign_keys(relation.oid)? {
        return Ok(None);
    }
    let weight = Weight::of(relation)?;
    let message = format!("DISABLE TRIGGER ALL would switch the foreign keys of \"{}\" off", relation.name);
    let detail = format!(
        "{} Rows that break them could get in from every session, and would stay when they are on again.",
        weight.describe(&relation.quoted)?
    );
    let recipe = Recipe::new(
        "Disable the triggers that are no foreign keys:",
        vec![format!("ALTER TABLE {} DISABLE TRIGGER USER;", relation.quoted)],
    );
    Ok(Some(Finding::new(change, message, detail, recipe).heavy(weight.is_heavy())))
}
