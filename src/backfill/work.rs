//! From what a caller gave to work that can be done.

use crate::catalog::backfill::{self as catalog, Work};
use crate::catalog::keys::{self, PrimaryKey};
use crate::error::{Error, Report, Result, SqlState, code, fail};
use crate::pg::{clause, relation};

/// What a caller of `migrator.backfill` gave.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub relation: Option<u32>,
    pub set_clause: Option<String>,
    pub where_clause: Option<String>,
    pub batch_rows: Option<i32>,
}

/// Checks everything that can be checked before the first row is touched. Returns the work and the rows of a batch.
pub fn check(request: Request) -> Result<(Work, u64)> {
    let Some(batch_rows) = request.batch_rows.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0) else {
        return fail(
            Report::new(code::INVALID_ARGUMENT, "batch_rows must be positive")
                .detail(format!("It is {}.", request.batch_rows.map_or("NULL".into(), |n| n.to_string())))
                .hint("Leave it out for the default of 5000."),
        );
    };
    let (relation, target) = table(request.relation)?;
    let key = key(relation, &target)?;
    let set_clause = set_clause(request.set_clause.as_deref().unwrap_or_default(), &key)?;
    let where_clause = match request.where_clause {
        Some(text) => Some(where_clause(text)?),
        None => None,
    };
    let work = Work { relation, target, set_clause, where_clause, key };
    catalog::explain(&work).map_err(|error| in_clause(error, &work))?;
    Ok((work, batch_rows))
}

/// The table, if its rows can be changed by key.
fn table(relation: Option<u32>) -> Result<(u32, String)> {
    let cannot =
        |what: String, why: &str, hint: &str| fail(Report::new(code::BACKFILL_TARGET, what).detail(why).hint(hint));
    let described = relation.map(|oid| Ok::<_, Error>((oid, keys::describe(oid)?))).transpose()?;
    let Some((oid, Some(found))) = described else {
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
    match found.kind {
        'r' | 'p' => Ok((oid, found.quoted)),
        'v' => cannot(what, "It is a view.", "Name the table behind it."),
        'm' => cannot(what, "It is a materialized view.", "Backfill its tables, then REFRESH MATERIALIZED VIEW it."),
        'f' => cannot(what, "It is a foreign table.", "Run the backfill on the server that holds it."),
        _ => cannot(what, "It is not a table.", "Name a table."),
    }
}

/// Its primary key, along which it is walked.
fn key(relation: u32, target: &str) -> Result<PrimaryKey> {
    let Some(key) = keys::primary_key(relation)? else {
        return fail(
            Report::new(code::BACKFILL_TARGET, format!("{target} cannot be backfilled"))
                .detail("It has no primary key to walk along.")
                .hint(format!(
                    "Make one of a unique NOT NULL column, for example:\n\
                     CREATE UNIQUE INDEX CONCURRENTLY new_key ON {target} (column_name);\n\
                     ALTER TABLE {target} ADD PRIMARY KEY USING INDEX new_key;"
                )),
        );
    };
    if let Some(column) = key.columns.iter().find(|c| c.nested) {
        return fail(
            Report::new(code::BACKFILL_TARGET, format!("{target} cannot be backfilled"))
                .detail(format!(
                    "Its key column {} is of type {}, which a cursor cannot hold.",
                    column.quoted, column.type_name
                ))
                .hint("Use UPDATE with ranges of another column."),
        );
    }
    let tables: Vec<u32> = relation::inheritors(relation.into())?.into_iter().map(|o| o.to_u32()).collect();
    if let Some(column) = keys::nullable_in_child(&tables, &key)? {
        return fail(
            Report::new(code::BACKFILL_TARGET, format!("{target} cannot be backfilled"))
                .detail(format!("Its key may be NULL in a child table (column {column}); such rows would be left out."))
                .hint("Make it NOT NULL there too, or backfill the tables one by one."),
        );
    }
    if key.columns.windows(2).any(|pair| pair[0].operator_schema != pair[1].operator_schema) {
        return fail(
            Report::new(code::BACKFILL_TARGET, format!("{target} cannot be backfilled"))
                .detail("The comparison operators of its key's types are in different schemas.")
                .hint("Use UPDATE with ranges of the key."),
        );
    }
    Ok(key)
}

fn set_clause(text: &str, key: &PrimaryKey) -> Result<String> {
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
    let parsed = match clause::set_clause(text) {
        Ok(Some(parsed)) => parsed,
        Ok(None) => return invalid("It holds more than assignments (WHERE, FROM, RETURNING or a semicolon)."),
        Err(error) => return invalid(&format!("Postgres says: {}.", error.message)),
    };
    if let Some(column) = key.columns.iter().find(|c| parsed.columns.contains(&c.name)) {
        return fail(
            Report::new(
                code::BACKFILL_CLAUSE,
                format!("set_clause changes \"{}\", a column of the primary key", column.name),
            )
            .detail("The table is walked along that key; rows that move would be missed or changed twice.")
            .hint("Fill another column, and swap the two when it is complete."),
        );
    }
    Ok(text.to_owned())
}

fn where_clause(text: String) -> Result<String> {
    let invalid = |found: &str| {
        fail(Report::new(code::BACKFILL_CLAUSE, "where_clause is not a condition").detail(found).hint(
            "Write what stands behind WHERE, without WHERE: 'normalized_email IS NULL'; or leave it out for all rows.",
        ))
    };
    if text.trim().is_empty() {
        return invalid("It is empty.");
    }
    match clause::is_condition(&text) {
        Ok(true) => Ok(text),
        Ok(false) => invalid("It holds more than a condition (ORDER BY, LIMIT or a semicolon)."),
        Err(error) => invalid(&format!("Postgres says: {}.", error.message)),
    }
}

/// Postgres's own word on names, types and rights, kept whole; only a mistake in a clause gets our HINT.
fn in_clause(mut error: Error, work: &Work) -> Error {
    let class_42 = error.sqlstate.is_some_and(|s| s.0.starts_with(b"42"));
    if class_42 && error.sqlstate != Some(SqlState(*b"42501")) && error.hint.is_none() {
        error.hint = Some(format!("The clauses are used as: UPDATE {} SET ... WHERE ...", work.target));
    }
    error
}
