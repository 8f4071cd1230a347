//! `fk-without-index`: a foreign key whose columns no index begins with.

use super::create_index_blocking;
use crate::catalog::constraints;
use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};
use crate::guard::size::Size;
use crate::pg::analysis::create_index;

pub static RULE: Rule = Rule {
    id: "fk-without-index",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "A foreign key on a large table whose columns no index begins with.",
    hazard: "Every DELETE in the referenced table, and every UPDATE of its key, reads the whole table.",
    safe_way: "CREATE INDEX CONCURRENTLY on the columns first; on a partitioned table, partition by partition.",
    bad: "ALTER TABLE users ADD CONSTRAINT users_plan FOREIGN KEY (plan_id) REFERENCES plans NOT VALID;",
    good: "CREATE INDEX CONCURRENTLY users_plan_id ON users (plan_id); \
           ALTER TABLE users ADD CONSTRAINT users_plan FOREIGN KEY (plan_id) REFERENCES plans NOT VALID;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let Some(relation) = &change.on else { return Ok(None) };
    let (columns, new) = match &change.kind {
        ChangeKind::AddConstraint(key) if key.kind == ConstraintKind::ForeignKey => (&key.columns, false),
        ChangeKind::AddColumn { new, .. } => {
            let keys = new.constraints.iter();
            let indexed = keys.clone().any(|k| matches!(k.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique));
            match keys.clone().find(|k| k.kind == ConstraintKind::ForeignKey) {
                Some(key) if !indexed => (&key.columns, true),
                _ => return Ok(None),
            }
        }
        _ => return Ok(None),
    };
    let numbers: Vec<i16> = columns.iter().map(|c| c.number).collect();
    let known = !new && numbers.iter().all(|number| *number > 0);
    let size = Size::of(&relation.leaves)?;
    if !size.is_large() || (known && constraints::is_indexed(relation.oid, &numbers)?) {
        return Ok(None);
    }
    let columns = match &change.kind {
        ChangeKind::AddColumn { new, .. } => std::slice::from_ref(&new.column),
        _ => columns.as_slice(),
    };
    let message = format!("no index of \"{}\" begins with the columns of its new foreign key", relation.name);
    let detail = format!(
        "{} has {}. A DELETE in the referenced table, or an UPDATE of its key, would read all of it.",
        relation.quoted,
        size.describe()?
    );
    let recipe = if relation.partitioned {
        create_index_blocking::without_concurrently(&create_index::on_columns(relation, columns)?)?
    } else {
        let names: Vec<&str> = columns.iter().map(|c| c.quoted.as_str()).collect();
        let sql = format!("CREATE INDEX CONCURRENTLY ON {} ({});", relation.quoted, names.join(", "));
        Recipe::new("Build one, outside of a transaction block:", vec![sql])
    };
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
