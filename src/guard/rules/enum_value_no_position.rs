//! `enum-value-no-position`: a value added without BEFORE or AFTER sorts last for ever.

use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "enum-value-no-position",
    class: Class::Hygiene,
    default: Default::Always(Action::Off),
    summary: "ALTER TYPE ... ADD VALUE without BEFORE or AFTER.",
    hazard: "Enums compare and sort in the order of their values, which cannot be changed later.",
    safe_way: "Say where it belongs.",
    bad: "ALTER TYPE mood ADD VALUE 'great';",
    good: "ALTER TYPE mood ADD VALUE 'great' AFTER 'ok';",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let ChangeKind::AddEnumValue { enumeration, value, positioned: false } = &change.kind else { return Ok(None) };
    let message = format!("value \"{value}\" of {} would sort last", enumeration.identity);
    let detail = "The order of an enum's values cannot be changed later.";
    let recipe = Recipe::advice("Say where it belongs, with BEFORE or AFTER another value.");
    Ok(Some(Finding::new(change, message, detail, recipe)))
}
