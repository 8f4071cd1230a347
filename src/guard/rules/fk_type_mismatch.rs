//! `fk-type-mismatch`: a foreign key whose columns have other types than those they reference.

use crate::ddl::{Change, ChangeKind, ConstraintKind, Ddl, NewConstraint};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "fk-type-mismatch",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "A foreign key whose column cannot hold every value of the key it references, or compares across types.",
    hazard: "An integer that references a bigint overflows first; other types are converted at every check.",
    safe_way: "The same type on both sides.",
    bad: "ALTER TABLE users ADD CONSTRAINT manager FOREIGN KEY (age) REFERENCES orders NOT VALID;",
    good: "ALTER TABLE users ADD CONSTRAINT plan FOREIGN KEY (plan_id) REFERENCES plans NOT VALID;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let key = match &change.kind {
        ChangeKind::AddConstraint(key) => Some(key),
        ChangeKind::AddColumn { new, .. } => new.constraints.iter().find(|c| c.kind == ConstraintKind::ForeignKey),
        _ => None,
    };
    let Some(key) = key.filter(|k| k.kind == ConstraintKind::ForeignKey) else { return Ok(None) };
    let Some((from, from_type, to, to_type)) = mismatch(key) else { return Ok(None) };
    let message = format!("column \"{from}\" is {from_type}, but references \"{to}\", which is {to_type}");
    let detail = if width(&from_type).is_some() {
        "It cannot hold every value of the key it references.".to_owned()
    } else {
        "Values are converted at every check, and an index may not be used.".to_owned()
    };
    let recipe = Recipe::advice(format!("Give \"{from}\" the type {to_type}."));
    Ok(Some(Finding::new(change, message, detail, recipe).column(&from)))
}

/// The first pair of columns whose types do not fit: name and type of each.
fn mismatch(key: &NewConstraint) -> Option<(String, String, String, String)> {
    key.columns.iter().zip(&key.referenced_columns).find_map(|(from, to)| {
        let (a, b) = (bare(&from.type_name), bare(&to.type_name));
        (!a.is_empty() && !b.is_empty() && !fits(&a, &b)).then(|| (from.name.clone(), a, to.name.clone(), b))
    })
}

/// The type without its modifier.
fn bare(type_name: &str) -> String {
    type_name.split('(').next().unwrap_or_default().trim().to_owned()
}

fn width(type_name: &str) -> Option<u8> {
    match type_name {
        "smallint" => Some(2),
        "integer" => Some(4),
        "bigint" => Some(8),
        _ => None,
    }
}

/// Whether every value of the second can be a value of the first, compared without a conversion.
fn fits(from: &str, to: &str) -> bool {
    let text = |name| matches!(name, "text" | "character varying");
    match (width(from), width(to)) {
        (Some(from), Some(to)) => from >= to,
        _ => from == to || (text(from) && text(to)),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn what_fits() {
        assert!(fits("bigint", "integer") && fits("text", "character varying") && fits("uuid", "uuid"));
        assert!(!fits("integer", "bigint") && !fits("numeric", "integer") && !fits("text", "character"));
    }
}
