//! Rows one by one: for what could not be changed together with others.

use serde_json::Value;

use super::batch::is_of_a_row;
use crate::catalog::backfill::errors::Failed;
use crate::catalog::backfill::run::Run;
use crate::catalog::backfill::{Clauses, Unit, statement};
use crate::error::{Error, Report, Result, code, fail};

/// What became of a row.
pub enum Fate {
    Changed,
    /// It is not there any more, does not match any more, or a trigger or policy keeps it as it is.
    Gone,
    /// Others were in the way.
    Locked(Error),
    /// It cannot be changed.
    Failed(Error),
}

/// Changes a row. Whether there was one to change.
pub fn change(unit: &Unit, clauses: &Clauses, row: &str) -> Result<bool> {
    let changed = statement::change_row(unit, clauses, row)?;
    match changed.example {
        Some(example) => fail(still_matches(unit, &example)),
        None => Ok(changed.rows > 0),
    }
}

/// Sorts what came of it; an error that is not the row's comes back as one.
pub fn fate(outcome: Result<bool>) -> Result<Fate> {
    match outcome {
        Ok(true) => Ok(Fate::Changed),
        Ok(false) => Ok(Fate::Gone),
        Err(error) if error.is_transient() => Ok(Fate::Locked(error)),
        Err(error) if is_of_a_row(&error) => Ok(Fate::Failed(error)),
        Err(error) => Err(error),
    }
}

/// A change that its own condition does not notice would be made again and again.
pub fn still_matches(unit: &Unit, row: &str) -> Report {
    Report::new(code::BACKFILL_INCOMPLETE, "where_clause still holds after the change").detail(format!(
        "Row {} of {}: set_clause does not make where_clause false for it (its source is NULL, for example), or a \
         trigger takes the change back.",
        described(unit, row),
        unit.name
    ))
}

/// `(id) = (5)`, or `ctid (0,1)`.
pub fn described(unit: &Unit, row: &str) -> String {
    let values: Vec<Value> = serde_json::from_str(row).unwrap_or_default();
    let texts: Vec<String> =
        values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
    match &unit.key {
        Some(key) => format!("{} = ({})", key.described(), texts.join(", ")),
        None => format!("ctid {}", texts.join(", ")),
    }
}

/// Some rows failed; the run did all it could, or has had enough.
fn failed(run: &Run, count: u64, first: Option<&Failed>, why: &str) -> Report {
    let rows = if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
    let found = first.map_or_else(String::new, |f| format!(" The first, {} of {}: {}.", f.row, f.table, f.message));
    let advice = match first {
        Some(f) if f.sqlstate == code::BACKFILL_INCOMPLETE.to_string() => {
            "Exclude such rows in where_clause, for example: normalized_email IS NULL AND email IS NOT NULL.\n"
        }
        _ => "",
    };
    Report::new(code::BACKFILL_ROWS, format!("backfill {} of {}: {rows} could not be changed", run.id, run.target))
        .detail(format!("{why}{found}"))
        .hint(format!(
            "{advice}The same call tries them again. To see them:\nSELECT * FROM migrator.backfill_errors WHERE backfill = {};",
            run.id
        ))
}

/// More rows failed than the caller wants to put up with.
pub fn too_many(run: &Run, count: u64, ratio: f64, first: Option<&Failed>) -> Report {
    failed(run, count, first, &format!("That is more than error_ratio = {ratio} of the rows so far."))
}

/// All others are changed.
pub fn all_but(run: &Run, count: u64, first: Option<&Failed>) -> Report {
    failed(run, count, first, "All others are changed.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::backfill::Walk;

    #[test]
    fn rows_are_named_by_key_or_place() {
        let mut unit = Unit {
            ordinal: 0,
            relation: 1,
            name: "public.t".into(),
            alias: None,
            only: true,
            walk: Walk::Physical,
            key: None,
            stripes: 1,
            density: 1.0,
        };
        assert_eq!(described(&unit, "[\"(3,4)\"]"), "ctid (3,4)");
        let column = crate::catalog::keys::KeyColumn {
            name: "Id".into(),
            quoted: "\"Id\"".into(),
            type_name: "pg_catalog.int4".into(),
            operator_schema: "pg_catalog".into(),
            nested: false,
            collation: "-".into(),
            integer: true,
        };
        unit.key = Some(crate::catalog::keys::Key { columns: vec![column], primary: true });
        assert_eq!(described(&unit, "[5]"), "(\"Id\") = (5)");
    }
}
