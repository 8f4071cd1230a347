//! `statement-under-own-lock`: long work on one table while this transaction keeps everybody off another.

use super::multiple_strong_locks::{Others, others};
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::size::{self, Size};

pub static RULE: Rule = Rule {
    id: "statement-under-own-lock",
    class: Class::Live,
    default: Default::Always(Action::Error),
    summary: "Long work on one table in a transaction that holds ACCESS EXCLUSIVE on another large one.",
    hazard: "Reads and writes of that other table wait until the work is done and the transaction ends.",
    safe_way: "Commit first; do the work in a transaction of its own.",
    bad: "ALTER TABLE orders ADD CONSTRAINT orders_amount CHECK (amount > 0) NOT VALID; BEGIN; \
          ALTER TABLE users ADD COLUMN nick text; ALTER TABLE orders VALIDATE CONSTRAINT orders_amount;",
    good: "ALTER TABLE orders ADD CONSTRAINT orders_amount CHECK (amount > 0) NOT VALID; \
           ALTER TABLE users ADD COLUMN nick text; ALTER TABLE orders VALIDATE CONSTRAINT orders_amount;",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    let mut tables: Vec<u32> = change.work.iter().map(|w| w.relation).collect();
    tables.sort_unstable();
    tables.dedup();
    let modified = match &change.kind {
        ChangeKind::Modify(modification) => modification.rows.map(size::are_many).transpose()? == Some(true),
        _ => false,
    };
    if !modified && !Size::of(&tables)?.is_large() {
        return Ok(None);
    }
    let Some(Others { names, size }) = others(change, ddl)? else { return Ok(None) };
    let on = change.on.as_ref().map_or("another table", |on| on.name.as_str());
    let message = format!("long work on \"{on}\" while this transaction keeps everybody off {names}");
    let detail = format!(
        "An earlier statement took ACCESS EXCLUSIVE on {names} ({}), which blocks reads and writes until the transaction ends. \
         {} would work on the rows of \"{on}\" meanwhile.",
        size.describe()?,
        ddl.tag
    );
    let statements = change.sql.iter().map(|sql| format!("{sql};")).collect();
    let recipe = Recipe::new("COMMIT what this transaction has done, then:", statements);
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
