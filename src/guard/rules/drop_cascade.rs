//! `drop-cascade`: CASCADE takes objects along that the statement does not name.

use crate::catalog::dependents::{self, Dependent};
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Class, Default, Finding, Recipe, Rule};
use crate::guard::weight::{counted, listed};

pub static RULE: Rule = Rule {
    id: "drop-cascade",
    class: Class::Lossy,
    default: Default::ByWeight,
    summary: "CASCADE drops objects that the statement does not name.",
    hazard: "Views, foreign keys, columns, functions, policies and whole tables go with no more than a NOTICE.",
    safe_way: "Drop what depends on it by name, then the object without CASCADE.",
    bad: "CREATE VIEW young AS SELECT * FROM active_users; DROP VIEW active_users CASCADE;",
    good: "CREATE VIEW young AS SELECT * FROM active_users; DROP VIEW young, active_users;",
    find,
};

/// Victims that a hint drops one by one.
const LISTED: usize = 12;

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (addresses, what) = match &change.kind {
        ChangeKind::Drop { objects, cascade: true, .. } => {
            let names: Vec<&str> = objects.iter().map(|o| o.identity.as_str()).collect();
            (objects.iter().map(|o| (o.class, o.oid, o.sub)).collect(), listed(&names))
        }
        ChangeKind::DropColumn { column, cascade: true } => {
            let Some(on) = &change.on else { return Ok(None) };
            (
                vec![(dependents::RELATIONS, on.oid, i32::from(column.number))],
                format!("column {} of {}", column.quoted, on.quoted),
            )
        }
        ChangeKind::DropConstraint { name, oid, cascade: true, .. } => {
            (vec![(dependents::CONSTRAINTS, *oid, 0)], format!("constraint \"{name}\""))
        }
        _ => return Ok(None),
    };
    let victims = dependents::victims(&addresses)?;
    if victims.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = victims.iter().map(|v| v.description.as_str()).collect();
    let message = format!("dropping {what} with CASCADE would take {} along", counted(victims.len(), "object"));
    let detail = format!("These would go, too: {}.", listed(&names));
    Ok(Some(Finding::new(change, message, detail, recipe(change, &victims)).heavy(true)))
}

fn recipe(change: &Change, victims: &[Dependent]) -> Recipe {
    let Some(sql) = &change.sql else {
        return Recipe::advice("Drop them by name first, then the same without CASCADE.");
    };
    match one_by_one(victims) {
        Some((mut statements, rules)) => {
            // What is in a schema goes with it.
            let keeps =
                matches!(&change.kind, ChangeKind::Drop { objects, .. } if objects.iter().any(|o| o.kind == "SCHEMA"));
            let last = if keeps { sql } else { sql.strip_suffix(" CASCADE").unwrap_or(sql) };
            statements.push(format!("{last};"));
            Recipe::allowing("If they are to go, drop them by name:", &rules, statements)
        }
        None => Recipe::allowing("If all of them are to go:", &[RULE.id], vec![format!("{sql};")]),
    }
}

/// The statements that drop the victims, and the rules that look at those; `None` where their order would matter.
fn one_by_one(victims: &[Dependent]) -> Option<(Vec<String>, Vec<&'static str>)> {
    if victims.len() > LISTED {
        return None;
    }
    let mut rules = vec![RULE.id];
    let (mut parts, mut columns) = (Vec::new(), Vec::new());
    // What is of a column goes with it; a generated column's expression cannot even be dropped alone.
    let goes_with_column =
        |of: &Dependent| victims.iter().any(|v| v.kind == "column" && v.name == of.name && v.table == of.table);
    let mut wholes: Vec<(&str, Vec<&str>)> = Vec::new();
    for victim in victims {
        let name = &victim.name;
        match (victim.kind.as_str(), &victim.table) {
            ("foreign key" | "constraint", Some(table)) => {
                parts.push(format!("ALTER TABLE {table} DROP CONSTRAINT {name};"));
                rules.push("drop-constraint");
            }
            ("column", Some(table)) => {
                columns.push(format!("ALTER TABLE {table} DROP COLUMN {name};"));
                rules.extend(["drop-column", "drop-column-takes-index"]);
            }
            ("default", Some(_)) if goes_with_column(victim) => {}
            ("default", Some(table)) => parts.push(format!("ALTER TABLE {table} ALTER COLUMN {name} DROP DEFAULT;")),
            ("policy", Some(table)) => parts.push(format!("DROP POLICY {name} ON {table};")),
            ("trigger", Some(table)) => parts.push(format!("DROP TRIGGER {name} ON {table};")),
            ("rule", Some(table)) => parts.push(format!("DROP RULE {name} ON {table};")),
            (kind @ ("view" | "materialized view" | "table" | "function" | "index" | "domain" | "type"), _) => {
                match wholes.iter_mut().find(|(other, _)| *other == kind) {
                    Some((_, names)) => names.push(name),
                    None => wholes.push((kind, vec![name])),
                }
            }
            _ => return None,
        }
    }
    // One DROP finds the right order among its objects itself; several would need it from us.
    if wholes.len() > 1 {
        return None;
    }
    // A constraint goes with a column, and a view may read it: both before it. A column may need a function or a type, and a
    // generated one the columns that most often stand before it.
    let before_columns = parts.len();
    parts.extend(columns.into_iter().rev());
    for (kind, names) in wholes {
        match kind {
            "table" => rules.push("drop-table"),
            "materialized view" => rules.push("drop-materialized-view"),
            "index" => rules.push("drop-index-blocking"),
            _ => {}
        }
        let word = if kind == "function" { "ROUTINE".to_owned() } else { kind.to_uppercase() };
        let drop = format!("DROP {word} {};", names.join(", "));
        let place = match kind {
            "index" => 0,
            "view" | "materialized view" => before_columns,
            _ => parts.len(),
        };
        parts.insert(place, drop);
    }
    rules.dedup();
    Some((parts, rules))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn victim(kind: &str, name: &str, table: Option<&str>) -> Dependent {
        Dependent { kind: kind.into(), name: name.into(), table: table.map(str::to_owned), ..Dependent::default() }
    }

    #[test]
    fn victims_are_dropped_by_name() {
        let victims =
            [victim("foreign key", "o_fk", Some("s.o")), victim("view", "s.v", None), victim("view", "s.w", None)];
        let (statements, rules) = one_by_one(&victims).unwrap();
        assert_eq!(statements, ["ALTER TABLE s.o DROP CONSTRAINT o_fk;", "DROP VIEW s.v, s.w;"]);
        assert_eq!(rules, ["drop-cascade", "drop-constraint"]);
    }

    #[test]
    fn a_default_goes_with_its_column() {
        let victims = [
            victim("column", "e", Some("s.t")),
            victim("default", "e", Some("s.t")),
            victim("default", "f", Some("s.t")),
            victim("constraint", "k", Some("s.t")),
            victim("view", "s.v", None),
        ];
        let (statements, _) = one_by_one(&victims).unwrap();
        assert_eq!(
            statements,
            [
                "ALTER TABLE s.t ALTER COLUMN f DROP DEFAULT;",
                "ALTER TABLE s.t DROP CONSTRAINT k;",
                "DROP VIEW s.v;",
                "ALTER TABLE s.t DROP COLUMN e;"
            ]
        );
    }

    #[test]
    fn where_the_order_matters_cascade_stays() {
        let victims = [victim("view", "s.v", None), victim("materialized view", "s.m", None)];
        assert_eq!(one_by_one(&victims), None);
    }
}
