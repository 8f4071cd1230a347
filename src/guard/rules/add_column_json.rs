//! `add-column-json`: json has no equality, so SELECT DISTINCT, GROUP BY and UNION over the table's rows begin to fail.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "add-column-json",
    class: Class::Breaking,
    default: Default::Always(Action::Warning),
    summary: "ADD COLUMN of type json.",
    hazard: "json has no equality operator: SELECT DISTINCT *, GROUP BY and UNION over the table's rows fail from then on.",
    safe_way: "jsonb, which has one.",
    bad: "ALTER TABLE users ADD COLUMN extra json;",
    good: "ALTER TABLE users ADD COLUMN extra jsonb;",
    find,
};

/// pg_type.oid of json and json[].
const JSON: [u32; 2] = [114, 199];

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AddColumn { new, .. }, Some(relation)) = (&change.kind, &change.on) else { return Ok(None) };
    let from = new.column.type_name.as_str();
    if !JSON.contains(&new.base_type) || !from.starts_with("json") {
        return Ok(None);
    }
    let to = from.replacen("json", "jsonb", 1);
    let name = &new.column.name;
    let message =
        format!("column \"{name}\" of type {from} would make SELECT DISTINCT over \"{}\" fail", relation.name);
    let detail = "json has no equality operator; SELECT DISTINCT *, GROUP BY and UNION need one.";
    let recipe = if new.constraints.is_empty() {
        let default = new.default.as_ref().map_or(String::new(), |d| format!(" DEFAULT ({d})::{to}"));
        let required = if new.required { " NOT NULL" } else { "" };
        let sql = format!("ALTER TABLE {} ADD COLUMN {} {to}{required}{default};", relation.quoted, new.column.quoted);
        Recipe::new(
            "jsonb has one, and keeps less of the input's form (blanks, order and repetition of keys):",
            vec![sql],
        )
    } else {
        Recipe::advice("Use jsonb.")
    };
    Ok(Some(Finding::new(change, message, detail, recipe).column(name)))
}
