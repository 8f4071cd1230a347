//! `multiple-strong-locks`: one transaction keeps everybody off several large tables.

use crate::ddl::{Change, Ddl, LockMode};
use crate::error::Result;
use crate::guard::moment;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::listed;
use crate::pg::relation;

pub static RULE: Rule = Rule {
    id: "multiple-strong-locks",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "ACCESS EXCLUSIVE on a large table in a transaction that holds it on another large one.",
    hazard: "Both are kept from everybody until the transaction ends, and while the second lock is waited for; two such \
             transactions in different order deadlock.",
    safe_way: "One large table a transaction.",
    bad: "BEGIN; ALTER TABLE users ADD COLUMN nick text; ALTER TABLE orders ADD COLUMN note text;",
    good: "ALTER TABLE users ADD COLUMN nick text; ALTER TABLE orders ADD COLUMN note text;",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let (Some(relation), Some(LockMode::AccessExclusive)) = (&change.on, change.lock) else { return Ok(None) };
    if !Size::of(&relation.leaves)?.is_large() {
        return Ok(None);
    }
    let Some(Others { names, size }) = others(change, ddl)? else { return Ok(None) };
    let message = format!("this transaction would keep everybody off \"{}\" as well as {names}", relation.name);
    let detail = format!(
        "An earlier statement took ACCESS EXCLUSIVE on {names} ({}); reads and writes of both wait until the transaction ends, \
         and meanwhile for the lock on {}.",
        size.describe()?,
        relation.quoted
    );
    let statements = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let recipe = Recipe::new("COMMIT what this transaction has done, then:", statements);
    Ok(Some(Finding::new(change, message, detail, recipe)))
}

/// Large tables, other than those of a command, that earlier statements of the transaction keep from everybody.
pub struct Others {
    pub names: String,
    pub size: Size,
}

/// `None` when there are none.
pub fn others(change: &Change, ddl: &Ddl) -> Result<Option<Others>> {
    let own = |oid: &u32| change.on.as_ref().is_some_and(|on| on.oid == *oid || on.leaves.contains(oid));
    let held = moment::held(ddl)?;
    let others = held.iter().filter(|(oid, lock)| *lock == LockMode::AccessExclusive && !own(oid));
    let tables: Vec<u32> = others.map(|(oid, _)| *oid).collect();
    if tables.is_empty() {
        return Ok(None);
    }
    let size = Size::of(&tables)?;
    if !size.is_large() {
        return Ok(None);
    }
    let names: Vec<String> = tables.iter().map(|oid| relation::qualified_name(*oid)).collect();
    Ok(Some(Others { names: listed(&names), size }))
}
