//! `lock-table`: a large table is locked by hand, and stays so to the end of the transaction.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;

pub static RULE: Rule = Rule {
    id: "lock-table",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "LOCK TABLE of a large table in a mode that blocks writes; in migrations, and typed where the library is preloaded.",
    hazard: "The lock is held until the transaction ends, however long the rest of it takes.",
    safe_way: "Leave it out: each statement takes the lock it needs. Where two must see the same rows, keep them short and alone.",
    bad: "LOCK TABLE users IN SHARE MODE;",
    good: "LOCK TABLE users IN ACCESS SHARE MODE;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::LockTable { mode }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    let size = Size::of(&relation.leaves)?;
    if !mode.blocks_writes() || !size.is_large() {
        return Ok(None);
    }
    let message = format!("LOCK TABLE keeps \"{}\" locked to the end of the transaction", relation.name);
    let detail = format!("{} has {}. {} blocks {}.", relation.quoted, size.describe()?, mode.name(), mode.blocks());
    let recipe = Recipe::advice("Leave it out: each statement takes the lock it needs, when it needs it.");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
