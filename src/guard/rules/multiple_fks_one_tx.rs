//! `multiple-fks-one-tx`: foreign keys to several tables in one statement lock all of them until its transaction ends.

use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl, NewConstraint, Relation};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::guard::weight::listed;

pub static RULE: Rule = Rule {
    id: "multiple-fks-one-tx",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "One statement makes foreign keys to several large tables.",
    hazard: "Each is locked SHARE ROW EXCLUSIVE, which blocks writes, while the next one is waited for: deadlocks, and writes to \
             all of them stand still.",
    safe_way: "One foreign key in one transaction.",
    bad: "CREATE TABLE visits (user_id bigint, order_id bigint); \
          ALTER TABLE visits ADD FOREIGN KEY (user_id) REFERENCES users, ADD FOREIGN KEY (order_id) REFERENCES orders;",
    good: "CREATE TABLE visits (user_id bigint, order_id bigint); \
           ALTER TABLE visits ADD FOREIGN KEY (user_id) REFERENCES users;",
    find,
};

fn find(change: &Change, ddl: &Ddl) -> Result<Option<Finding>> {
    if !ddl.changes.first().is_some_and(|first| std::ptr::eq(first, change)) {
        return Ok(None);
    }
    let referenced = |keys: &[NewConstraint]| -> Vec<Relation> {
        keys.iter().filter(|k| k.kind == ConstraintKind::ForeignKey).filter_map(|k| k.references.clone()).collect()
    };
    let mut tables: Vec<Relation> = Vec::new();
    for change in &ddl.changes {
        tables.extend(match &change.kind {
            ChangeKind::AddConstraint(key) => referenced(std::slice::from_ref(key)),
            ChangeKind::AddColumn { new, .. } => referenced(&new.constraints),
            ChangeKind::CreateTable(new) if !new.exists => new.references.clone(),
            _ => Vec::new(),
        });
    }
    tables.sort_by_key(|t| t.oid);
    tables.dedup_by_key(|t| t.oid);
    let mut large = Vec::new();
    for table in &tables {
        let size = Size::of(&table.leaves)?;
        if size.is_large() {
            large.push(format!("{} ({})", table.quoted, size.describe()?));
        }
    }
    if large.len() < 2 {
        return Ok(None);
    }
    let message = "foreign keys to several large tables would block writes to all of them at once";
    let detail = format!(
        "A SHARE ROW EXCLUSIVE lock, which blocks INSERT, UPDATE and DELETE, is taken on {}, and held while the next one is \
         waited for.",
        listed(&large)
    );
    let recipe = Recipe::advice("Add one foreign key in one transaction.");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
