//! The statements on the table that is backfilled. They run as the caller.

use super::{Clauses, Span, Stripe, Unit, Walk};
use crate::catalog::keys::KeyColumn;
use crate::error::Result;
use crate::pg::settings_scope;
use crate::pg::spi::query;

/// What one batch did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    pub rows: u64,
    /// One of these that the condition still holds for, as [`rows`] names it.
    pub example: Option<String>,
}

/// The target as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Quoted where needed, and schema-qualified.
    pub name: &'a str,
    /// The target, when it has no partitions or children: then nothing has to be asked that only a right on the whole table
    /// answers.
    pub alone: Option<u32>,
}

impl<'a> Target<'a> {
    /// Of a relation that is walked in these tables.
    pub fn new(relation: u32, name: &'a str, units: &[Unit]) -> Self {
        let alone = matches!(units, [unit] if unit.relation == relation && unit.only);
        Self { name, alone: alone.then_some(relation) }
    }
}

/// Lets Postgres analyse and plan the update, and check the rights for it, without running it.
pub fn explain(unit: &Unit, clauses: &Clauses) -> Result<()> {
    let condition = clauses.condition.as_ref().map(|c| format!("WHERE (\n{c}\n)")).unwrap_or_default();
    query(&format!("EXPLAIN UPDATE {} SET {}\n{condition}", table(unit), clauses.set), &[]).map(drop)
}

/// The same for the statements that a run consists of: they read the key, or ctid, and cannot be rewritten by rules.
pub fn explain_run(unit: &Unit, target: &Target<'_>, clauses: &Clauses) -> Result<()> {
    let stripe = Stripe { number: 0, of: unit.stripes };
    query(&format!("EXPLAIN {}", change_sql(unit, clauses, stripe)), &[None, None])?;
    if clauses.condition.is_some() {
        query(&format!("EXPLAIN {}", left_sql(target, clauses, 1)), &[])?;
    }
    Ok(())
}

/// The highest position: the highest key, or the number of blocks; `None` for an empty table.
pub fn highest(unit: &Unit) -> Result<Option<String>> {
    match unit.walk {
        Walk::Physical => {
            let sql = "SELECT pg_catalog.int8div(pg_catalog.pg_relation_size(CAST($1 AS pg_catalog.oid), 'main'), \
                       CAST(pg_catalog.current_setting('block_size') AS pg_catalog.int8))";
            let blocks = query(sql, &[Some(&unit.relation.to_string())])?.first().and_then(|r| r.number::<u64>(0));
            Ok(blocks.filter(|b| *b > 0).map(|b| b.to_string()))
        }
        Walk::Key => {
            let sql =
                format!("SELECT {} FROM {} ORDER BY {} LIMIT 1", identity(unit), table(unit), order(unit, " DESC"));
            let _scope = settings_scope::writing_unambiguously();
            Ok(query(&sql, &[])?.first().and_then(|r| r.text(0)))
        }
    }
}

/// The key of the `rows`-th row of a span, or its end when fewer are left; and how many rows that is.
pub fn window(unit: &Unit, span: &Span, rows: u64) -> Result<(String, u64)> {
    let from = format!("FROM {} WHERE {}", table(unit), within(unit));
    // What is selected is computed for the rows that OFFSET leaves out, too: JSON is made of the last one only.
    let key: Vec<&str> = columns(unit).iter().map(|c| c.quoted.as_str()).collect();
    let sql = format!(
        "SELECT {} FROM (SELECT {} {from} ORDER BY {} OFFSET CAST($3 AS pg_catalog.int8) LIMIT 1) AS last",
        identity(unit),
        key.join(", "),
        order(unit, "")
    );
    let _scope = settings_scope::writing_unambiguously();
    let offset = rows.saturating_sub(1).to_string();
    let (low, high) = (span.from.as_deref(), Some(span.to.as_str()));
    if let Some(key) = query(&sql, &[low, high, Some(&offset)])?.first().and_then(|r| r.text(0)) {
        return Ok((key, rows));
    }
    let left = query(&format!("SELECT pg_catalog.count(*) {from}"), &[low, high])?;
    Ok((span.to.clone(), left.first().and_then(|r| r.number(0)).unwrap_or(0)))
}

/// How many rows of a span match.
pub fn matching(unit: &Unit, clauses: &Clauses, span: &Span) -> Result<u64> {
    let sql =
        format!("SELECT pg_catalog.count(*) FROM {} WHERE {}{}", table(unit), within(unit), still_needed(clauses));
    let rows = query(&sql, &parameters(&bounds(unit, span)))?;
    Ok(rows.first().and_then(|r| r.number(0)).unwrap_or(0))
}

/// Changes the rows of one stripe of a span.
pub fn change(unit: &Unit, clauses: &Clauses, span: &Span, stripe: Stripe) -> Result<Changed> {
    let sql = change_sql(unit, clauses, stripe);
    changed(unit, clauses, &sql, &parameters(&bounds(unit, span)))
}

fn change_sql(unit: &Unit, clauses: &Clauses, stripe: Stripe) -> String {
    format!(
        "WITH changed AS (UPDATE {} SET {}\nWHERE {}{}{} RETURNING {} AS still)\n\
         SELECT pg_catalog.count(*), pg_catalog.jsonb_agg(still) FILTER (WHERE still IS NOT NULL) FROM changed",
        table(unit),
        clauses.set,
        within(unit),
        of_stripe(unit, stripe),
        still_needed(clauses),
        still(unit, clauses),
    )
}

/// The rows of one stripe of a span that match: their keys, or ctids, as JSON arrays.
pub fn rows(unit: &Unit, clauses: &Clauses, span: &Span, stripe: Stripe) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT {} FROM {} WHERE {}{}{}",
        identity(unit),
        table(unit),
        within(unit),
        of_stripe(unit, stripe),
        still_needed(clauses),
    );
    // A condition is the caller's, and means what it means under his settings.
    let _scope = clauses.condition.is_none().then(settings_scope::writing_unambiguously);
    let rows = query(&sql, &parameters(&bounds(unit, span)))?;
    Ok(rows.iter().filter_map(|r| r.text(0)).collect())
}

/// Rows of a table that still match, at most so many.
pub fn left_in(unit: &Unit, clauses: &Clauses, most: usize) -> Result<Vec<String>> {
    let Some(condition) = &clauses.condition else { return Ok(Vec::new()) };
    let sql = format!("SELECT {} FROM {} WHERE (\n{condition}\n) LIMIT {most}", identity(unit), table(unit));
    Ok(query(&sql, &[])?.iter().filter_map(|r| r.text(0)).collect())
}

/// The same, locked until the transaction ends: whoever is just changing them is waited for, and they stay where they are.
pub fn lock_left_in(unit: &Unit, clauses: &Clauses, most: usize) -> Result<Vec<String>> {
    let Some(condition) = &clauses.condition else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT {} FROM {} WHERE (\n{condition}\n) LIMIT {most} FOR NO KEY UPDATE",
        identity(unit),
        table(unit)
    );
    Ok(query(&sql, &[])?.iter().filter_map(|r| r.text(0)).collect())
}

/// Changes one row if it still matches.
pub fn change_row(unit: &Unit, clauses: &Clauses, row: &str) -> Result<Changed> {
    let sql = format!(
        "WITH changed AS (UPDATE {} SET {}\nWHERE {}{} RETURNING {} AS still)\n\
         SELECT pg_catalog.count(*), pg_catalog.jsonb_agg(still) FILTER (WHERE still IS NOT NULL) FROM changed",
        table(unit),
        clauses.set,
        is_row(unit),
        still_needed(clauses),
        still(unit, clauses),
    );
    changed(unit, clauses, &sql, &[Some(row)])
}

/// How many rows match in each table, under one snapshot; counted up to a bound.
pub fn left(target: &Target<'_>, clauses: &Clauses, most: usize) -> Result<Vec<(u32, usize)>> {
    if clauses.condition.is_none() {
        return Ok(Vec::new());
    }
    let rows = query(&left_sql(target, clauses, most), &[])?;
    Ok(rows.iter().map(|r| (r.number(0).unwrap_or(0), r.number(1).unwrap_or(0))).collect())
}

fn left_sql(target: &Target<'_>, clauses: &Clauses, most: usize) -> String {
    let condition = clauses.condition.as_deref().unwrap_or("true");
    let of = target.alone.map_or_else(|| "tableoid".to_owned(), |relation| relation.to_string());
    format!(
        "SELECT found.of, pg_catalog.count(*) FROM (SELECT CAST({of} AS pg_catalog.oid) AS of FROM {} \
         WHERE (\n{condition}\n) LIMIT {most}) AS found GROUP BY 1",
        target.name
    )
}

/// Whether a name still means the relation it meant when the run began.
pub fn is_same(name: &str, relation: u32) -> Result<bool> {
    let sql = "SELECT CAST(pg_catalog.to_regclass($1) AS pg_catalog.oid) OPERATOR(pg_catalog.=) \
               CAST($2 AS pg_catalog.oid)";
    let rows = query(sql, &[Some(name), Some(&relation.to_string())])?;
    Ok(rows.first().is_some_and(|r| r.boolean(0)))
}

/// Whether the rows' keys can be hashed, for stripes.
pub fn can_hash(unit: &Unit) -> Result<()> {
    let key: Vec<&str> = columns(unit).iter().map(|c| c.quoted.as_str()).collect();
    query(&format!("SELECT pg_catalog.hash_record(ROW({})) FROM {} LIMIT 1", key.join(", "), table(unit)), &[])
        .map(drop)
}

/// On how many pages the first rows in the order of the key are, and how many rows were looked at.
pub fn pages_of_first(unit: &Unit, rows: u64) -> Result<(u64, u64)> {
    let sql = format!(
        "SELECT pg_catalog.count(DISTINCT page), pg_catalog.count(*) FROM (SELECT pg_catalog.split_part(CAST(ctid AS \
         pg_catalog.text), ',', 1) AS page FROM {} ORDER BY {} LIMIT {rows}) AS first",
        table(unit),
        order(unit, ""),
    );
    let rows = query(&sql, &[])?;
    Ok(rows.first().map_or((0, 0), |r| (r.number(0).unwrap_or(0), r.number(1).unwrap_or(0))))
}

/// RETURNING sees the new row but, in a subquery, the table as it was before: what it finds is looked at again.
fn changed(unit: &Unit, clauses: &Clauses, sql: &str, parameters: &[Option<&str>]) -> Result<Changed> {
    let rows = query(sql, parameters)?;
    let Some(row) = rows.first() else { return Ok(Changed::default()) };
    let mut changed = Changed { rows: row.number(0).unwrap_or(0), example: None };
    let suspects: Vec<String> = row.text(1).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    for suspect in suspects {
        if still_matches(unit, clauses, &suspect)? {
            changed.example = Some(suspect);
            break;
        }
    }
    Ok(changed)
}

/// Whether the condition holds for a row.
fn still_matches(unit: &Unit, clauses: &Clauses, row: &str) -> Result<bool> {
    let sql = format!("SELECT FROM {} WHERE {}{}", table(unit), is_row(unit), still_needed(clauses));
    Ok(query(&sql, &[Some(row)])?.processed > 0)
}

fn parameters(bounds: &[Option<String>; 2]) -> [Option<&str>; 2] {
    [bounds[0].as_deref(), bounds[1].as_deref()]
}

fn columns(unit: &Unit) -> &[KeyColumn] {
    unit.key.as_ref().map(|k| k.columns.as_slice()).unwrap_or_default()
}

fn table(unit: &Unit) -> String {
    let only = if unit.only { "ONLY " } else { "" };
    match &unit.alias {
        Some(alias) => format!("{only}{} AS {alias}", unit.name),
        None => format!("{only}{}", unit.name),
    }
}

/// The key's columns for ORDER BY, where a bare name would mean an output column of that name.
fn order(unit: &Unit, direction: &str) -> String {
    let table = unit.alias.as_ref().unwrap_or(&unit.name);
    let columns: Vec<String> = columns(unit).iter().map(|c| format!("{table}.{}{direction}", c.quoted)).collect();
    columns.join(", ")
}

/// Behind other conditions. As a test of a boolean, it leads the planner to no index: the span alone has to.
fn still_needed(clauses: &Clauses) -> String {
    clauses.condition.as_ref().map(|c| format!(" AND (\n{c}\n) IS TRUE")).unwrap_or_default()
}

/// The row's name when it still matches.
fn still(unit: &Unit, clauses: &Clauses) -> String {
    match &clauses.condition {
        Some(condition) => format!("CASE WHEN (\n{condition}\n) IS TRUE THEN {} END", identity(unit)),
        None => "CAST(NULL AS pg_catalog.text)".to_owned(),
    }
}

/// A row's key, or its ctid, as a JSON array in text. What outlives the session is written unambiguously, see the callers.
fn identity(unit: &Unit) -> String {
    if unit.key.is_none() {
        return "CAST(pg_catalog.jsonb_build_array(CAST(ctid AS pg_catalog.text)) AS pg_catalog.text)".to_owned();
    }
    let values: Vec<String> = columns(unit)
        .iter()
        .map(|c| if c.nested { format!("pg_catalog.concat({})", c.quoted) } else { c.quoted.clone() })
        .collect();
    format!("CAST(pg_catalog.jsonb_build_array({}) AS pg_catalog.text)", values.join(", "))
}

/// A key in a JSON array that is a parameter, as a row of values.
fn key_in(unit: &Unit, parameter: usize) -> String {
    let values: Vec<String> = columns(unit)
        .iter()
        .enumerate()
        .map(|(i, c)| {
            format!(
                "CAST(pg_catalog.jsonb_array_element_text(CAST(${parameter} AS pg_catalog.jsonb), {i}) AS {})",
                c.type_name
            )
        })
        .collect();
    format!("({})", values.join(", "))
}

/// The key's columns as a row, and the schema of their operators.
fn key_row(unit: &Unit) -> (String, &str) {
    let names: Vec<&str> = columns(unit).iter().map(|c| c.quoted.as_str()).collect();
    let schema = columns(unit).first().map_or("pg_catalog", |c| c.operator_schema.as_str());
    (format!("({})", names.join(", ")), schema)
}

/// The parameters that [`within`] takes. No row has the place 0 in its page.
fn bounds(unit: &Unit, span: &Span) -> [Option<String>; 2] {
    match unit.walk {
        Walk::Physical => [span.from.as_deref().unwrap_or("0"), &span.to].map(|block| Some(format!("({block},0)"))),
        Walk::Key => [span.from.clone(), Some(span.to.clone())],
    }
}

/// Between $1 (NULL at the beginning) and $2.
fn within(unit: &Unit) -> String {
    if unit.walk == Walk::Physical {
        let tid = |number: usize| format!("CAST(${number} AS pg_catalog.tid)");
        return format!("ctid OPERATOR(pg_catalog.>=) {} AND ctid OPERATOR(pg_catalog.<) {}", tid(1), tid(2));
    }
    let (key, schema) = key_row(unit);
    format!(
        "($1 IS NULL OR {key} OPERATOR({schema}.>) {}) AND {key} OPERATOR({schema}.<=) {}",
        key_in(unit, 1),
        key_in(unit, 2)
    )
}

/// Is the row that $1 names.
fn is_row(unit: &Unit) -> String {
    if unit.key.is_none() {
        return "ctid OPERATOR(pg_catalog.=) \
                CAST(pg_catalog.jsonb_array_element_text(CAST($1 AS pg_catalog.jsonb), 0) AS pg_catalog.tid)"
            .to_owned();
    }
    let (key, schema) = key_row(unit);
    format!("{key} OPERATOR({schema}.=) {}", key_in(unit, 1))
}

/// Belongs to the stripe. In the order of pages the row's place in its page decides, which a row that this stripe changes
/// gives up; along a key the key decides, so that no row is met twice.
fn of_stripe(unit: &Unit, stripe: Stripe) -> String {
    let Stripe { number, of } = stripe;
    if of <= 1 {
        return String::new();
    }
    match (unit.walk, columns(unit)) {
        (Walk::Physical, _) => format!(" AND migrator.stripe(ctid, {of}) OPERATOR(pg_catalog.=) {number}"),
        (Walk::Key, [column]) if column.integer => format!(
            " AND pg_catalog.abs({} OPERATOR(pg_catalog.%) CAST({of} AS {})) OPERATOR(pg_catalog.=) {number}",
            column.quoted, column.type_name
        ),
        (Walk::Key, columns) => {
            let key: Vec<&str> = columns.iter().map(|c| c.quoted.as_str()).collect();
            format!(
                " AND pg_catalog.abs(pg_catalog.hash_record(ROW({})) OPERATOR(pg_catalog.%) {of}) \
                 OPERATOR(pg_catalog.=) {number}",
                key.join(", ")
            )
        }
    }
}
