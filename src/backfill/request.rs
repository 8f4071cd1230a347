//! From what a caller gave to work that can be done.

use super::choice::{self, Choice, Wish};
use super::limits::Limits;
use super::settings::{Settings, Wanted};
use crate::catalog::backfill::statement::{self, Target};
use crate::catalog::backfill::target::{self, Described};
use crate::catalog::backfill::{Clauses, Unit, Walk};
use crate::catalog::keys::Key;
use crate::catalog::session;
use crate::error::{Error, Report, Result, SqlState, code, fail};
use crate::pg::clause;

/// What a caller of `migrator.backfill` gave.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub relation: Option<u32>,
    pub set_clause: Option<String>,
    pub where_clause: Option<String>,
    pub walk: Option<String>,
    pub stripes: Option<i32>,
    pub settings: Wanted,
}

/// The work, as far as it can be known before the first row is touched.
#[derive(Clone, Debug)]
pub struct Work {
    pub relation: u32,
    /// Quoted and schema-qualified.
    pub target: String,
    pub clauses: Clauses,
    /// The columns that are set.
    pub columns: Vec<String>,
    pub settings: Settings,
    pub choice: Choice,
}

/// Checks everything that can be checked before the first row is touched.
pub fn check(request: &Request) -> Result<Work> {
    let settings = Settings::default().with(&request.settings)?;
    Limits::parse(settings.limits.as_deref())?;
    let wish = wish(request)?;
    let described = table(request.relation)?;
    let text = request.set_clause.as_deref().unwrap_or_default();
    let columns = set_clause(text)?;
    let condition = request.where_clause.as_deref().map(where_clause).transpose()?;
    let clauses = Clauses { set: text.to_owned(), condition };
    let choice = choice::choose(&described, &clauses, &columns, wish)?;
    let whole = Target::new(described.relation, &described.quoted, &choice.units);
    for unit in &choice.units {
        keeps_its_key(unit, &columns)?;
        can_be_written(unit)?;
        statement::explain(unit, &clauses).map_err(|error| in_clause(error, unit))?;
        statement::explain_run(unit, &whole, &clauses)?;
    }
    Ok(Work { relation: described.relation, target: described.quoted, clauses, columns, settings, choice })
}

fn wish(request: &Request) -> Result<Wish> {
    let walk = match request.walk.as_deref().unwrap_or("auto") {
        "auto" => None,
        "key" => Some(Walk::Key),
        "physical" => Some(Walk::Physical),
        other => {
            return fail(
                Report::new(code::INVALID_ARGUMENT, "walk must be 'auto', 'key' or 'physical'")
                    .detail(format!("It is '{other}'."))
                    .hint("Leave it out, and migrator.plan_backfill(...) tells what is chosen and why."),
            );
        }
    };
    let stripes = match request.stripes {
        None => None,
        Some(n) if (1..=64).contains(&n) => u32::try_from(n).ok(),
        Some(n) => {
            return fail(
                Report::new(code::INVALID_ARGUMENT, "stripes must be between 1 and 64")
                    .detail(format!("It is {n}."))
                    .hint("1 turns striping off; left out, it is chosen."),
            );
        }
    };
    Ok(Wish { walk, stripes })
}

/// The table, if it is one.
fn table(relation: Option<u32>) -> Result<Described> {
    let cannot =
        |what: String, why: &str, hint: &str| fail(Report::new(code::BACKFILL_TARGET, what).detail(why).hint(hint));
    let described = relation.map(|oid| target::describe(&[oid])).transpose()?.and_then(|mut all| all.pop());
    let Some(found) = described else {
        return cannot(
            "no table to backfill".into(),
            "The target is NULL, or no relation of that oid exists.",
            "Name a table: CALL migrator.backfill('users', 'a = b', 'a IS NULL');",
        );
    };
    let what = format!("{} cannot be backfilled", found.quoted);
    if found.system {
        return cannot(what, "It belongs to the system or to migrator.", "Name a table of yours.");
    }
    if found.foreign_temporary {
        return cannot(what, "It is a temporary table of another session.", "Call the backfill in that session.");
    }
    match found.kind {
        'r' | 'p' => Ok(found),
        'v' => cannot(what, "It is a view.", "Name the table behind it."),
        'm' => cannot(what, "It is a materialized view.", "Backfill its tables, then REFRESH MATERIALIZED VIEW it."),
        'f' => cannot(what, "It is a foreign table.", "Run the backfill on the server that holds it."),
        _ => cannot(what, "It is not a table.", "Name a table."),
    }
}

/// The columns that a SET list assigns.
fn set_clause(text: &str) -> Result<Vec<String>> {
    let invalid = |found: &str| {
        fail(
            Report::new(code::BACKFILL_CLAUSE, "set_clause is not a SET list")
                .detail(found)
                .hint("Write what stands behind SET in an UPDATE, without SET: 'normalized_email = lower(email)'."),
        )
    };
    if text.trim().is_empty() {
        return invalid("It is NULL or empty.");
    }
    match clause::set_clause(text) {
        // Nothing follows it, so it parses; but a condition will.
        Ok(Some(_)) if text.trim_end().ends_with(';') => invalid("It ends with a semicolon."),
        Ok(Some(parsed)) => Ok(parsed.columns),
        Ok(None) => invalid("It holds more than assignments (WHERE, FROM, RETURNING or a semicolon)."),
        Err(error) => invalid(&format!("Postgres says: {}.", error.message)),
    }
}

fn where_clause(text: &str) -> Result<String> {
    let invalid = |found: &str| {
        fail(Report::new(code::BACKFILL_CLAUSE, "where_clause is not a condition").detail(found).hint(
            "Write what stands behind WHERE, without WHERE: 'normalized_email IS NULL'; or leave it out for all rows.",
        ))
    };
    if text.trim().is_empty() {
        return invalid("It is empty.");
    }
    match clause::is_condition(text) {
        Ok(true) => Ok(text.to_owned()),
        Ok(false) => invalid("It holds more than a condition (ORDER BY, LIMIT or a semicolon)."),
        Err(error) => invalid(&format!("Postgres says: {}.", error.message)),
    }
}

/// A row that moves while its table is walked would be missed or changed twice.
fn keeps_its_key(unit: &Unit, columns: &[String]) -> Result<()> {
    let walked: Option<&Key> = unit.key.as_ref().filter(|_| unit.walk == Walk::Key);
    let generated = target::generated_from(unit.relation, columns)?;
    let changes = |name: &String| columns.contains(name) || generated.contains(name);
    let Some(column) = walked.and_then(|key| key.columns.iter().find(|c| changes(&c.name))) else {
        return Ok(());
    };
    let what = if walked.is_some_and(|key| key.primary) { "the primary key" } else { "its key" };
    fail(
        Report::new(
            code::BACKFILL_CLAUSE,
            format!("set_clause changes \"{}\", a column of {what} of {}", column.name, unit.name),
        )
        .detail("The table is walked along that key; rows that move would be missed or changed twice.")
        .hint("Fill another column, and swap the two when it is complete."),
    )
}

/// Where a key ends is kept as a text, and such a text must mean that key again.
fn can_be_written(unit: &Unit) -> Result<()> {
    let columns = unit.key.as_ref().map(|key| key.columns.as_slice()).unwrap_or_default();
    let refuse = |found: String, setting: &str| {
        fail(
            Report::new(code::BACKFILL_TARGET, format!("{} cannot be backfilled in this session", unit.name))
                .detail(found)
                .hint(format!("SET {setting};")),
        )
    };
    let digits = session::setting("extra_float_digits")?.and_then(|text| text.parse::<i32>().ok()).unwrap_or(1);
    let is_float = |name: &str| matches!(name, "pg_catalog.float4" | "pg_catalog.float8");
    if let Some(column) = columns.iter().find(|c| digits < 1 && (c.nested || is_float(&c.type_name))) {
        let name = &column.name;
        let found = format!(
            "With extra_float_digits = {digits} a floating-point number in key column \"{name}\" would lose digits."
        );
        return refuse(found, "extra_float_digits = 1");
    }
    let nulls = session::setting("array_nulls")?.is_none_or(|text| text == "on");
    if let Some(column) = columns.iter().find(|c| !nulls && c.nested) {
        let found = format!("With array_nulls = off a NULL in key column \"{}\" would be read as a text.", column.name);
        return refuse(found, "array_nulls = on");
    }
    Ok(())
}

/// Postgres's own word on names, types and rights, kept whole; only a mistake in a clause gets our HINT.
fn in_clause(mut error: Error, unit: &Unit) -> Error {
    let class_42 = error.sqlstate.is_some_and(|s| s.0.starts_with(b"42"));
    if class_42 && error.sqlstate != Some(SqlState(*b"42501")) && error.hint.is_none() {
        error.hint = Some(format!("The clauses are used as: UPDATE {} SET ... WHERE ...", unit.name));
    }
    error
}
