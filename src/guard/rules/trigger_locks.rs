//! `trigger-locks`: CREATE, DROP, ENABLE and DISABLE TRIGGER wait for locks that block writes.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;

pub static RULE: Rule = Rule {
    id: "trigger-locks",
    class: Class::Hygiene,
    default: Default::Always(Action::Off),
    summary: "CREATE, DROP, ENABLE or DISABLE TRIGGER on a large table.",
    hazard: "It waits for a SHARE ROW EXCLUSIVE lock, which blocks writes (DROP: ACCESS EXCLUSIVE, which blocks reads, too), on \
             the table and all its partitions, and everybody waits behind it.",
    safe_way: "Bound the wait with lock_timeout and try again.",
    bad: "ALTER TABLE users DISABLE TRIGGER USER;",
    good: "ALTER TABLE plans DISABLE TRIGGER USER;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let what = match &change.kind {
        ChangeKind::CreateTrigger { .. } => "CREATE TRIGGER",
        ChangeKind::Trigger { enable: true, .. } => "ENABLE TRIGGER",
        ChangeKind::Trigger { enable: false, .. } => "DISABLE TRIGGER",
        ChangeKind::Drop { objects, .. } if objects.iter().any(|o| o.kind == "TRIGGER") => "DROP TRIGGER",
        _ => return Ok(None),
    };
    let (Some(relation), Some(lock)) = (&change.on, change.lock) else { return Ok(None) };
    let size = Size::of(&relation.leaves)?;
    if !size.is_large() {
        return Ok(None);
    }
    let message = format!("{what} on \"{}\" waits for a lock that blocks {}", relation.name, lock.blocks());
    let detail = format!("{} has {}. {what} takes {}.", relation.quoted, size.describe()?, lock.name());
    let recipe = Recipe::new(
        "Bound the time that others wait, and try again when it fails:",
        vec!["SET lock_timeout = '1s';".into()],
    );
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
