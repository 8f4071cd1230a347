//! `serial-sequence-stays-integer`: the sequence of a serial column does not follow its column to bigint.

use crate::catalog::sequences;
use crate::ddl::{Change, ChangeKind, Ddl};
use crate::error::Result;
use crate::guard::rule::{Action, Class, Default, Finding, Recipe, Rule};

pub static RULE: Rule = Rule {
    id: "serial-sequence-stays-integer",
    class: Class::Hygiene,
    default: Default::Always(Action::Warning),
    summary: "ALTER COLUMN TYPE bigint of a serial column, whose sequence stays integer.",
    hazard: "nextval still fails at 2147483647. Only sequences of identity columns follow their column.",
    safe_way: "ALTER SEQUENCE ... AS bigint.",
    bad: "CREATE TABLE small (id serial); ALTER TABLE small ALTER COLUMN id TYPE bigint;",
    good: "CREATE TABLE small (id int GENERATED ALWAYS AS IDENTITY); ALTER TABLE small ALTER COLUMN id TYPE bigint;",
    find,
};

fn find(change: &Change, _: &Ddl) -> Result<Option<Finding>> {
    let (ChangeKind::AlterType { column, to, .. }, Some(relation)) = (&change.kind, &change.on) else {
        return Ok(None);
    };
    let to_bits = match to.as_str() {
        "integer" => 32,
        "bigint" => 64,
        _ => return Ok(None),
    };
    let Some(sequence) = sequences::of_serial(relation.oid, column.number)?.filter(|s| s.bits < to_bits) else {
        return Ok(None);
    };
    let message =
        format!("sequence {} of column \"{}\" would stay narrower than its column", sequence.quoted, column.name);
    let detail = "Sequences of serial columns do not follow their column; nextval fails at the end of the old type.";
    let recipe = Recipe::new("Widen it, too:", vec![format!("ALTER SEQUENCE {} AS {to};", sequence.quoted)]);
    Ok(Some(Finding::new(change, message, detail, recipe).column(&column.name)))
}
