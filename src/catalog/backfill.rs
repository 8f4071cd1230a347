//! `migrator.backfill_run`, and the statements a backfill runs.
//!
//! The ledger is written as the owner. The statements on the table run as the caller, under the caller's search_path,
//! because the clauses are the caller's; our own parts of them are schema-qualified down to the operator.

use super::keys::PrimaryKey;
use crate::error::Result;
use crate::pg::spi::query;
use crate::pg::user::{as_owner, current_role};

/// What identifies a backfill: the same again goes on where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    pub relation: u32,
    /// Quoted where needed, and schema-qualified.
    pub target: String,
    pub set_clause: String,
    pub where_clause: Option<String>,
    pub key: PrimaryKey,
}

/// How far it has come. Keys are JSON arrays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    pub id: u32,
    /// 1 walks the keys that existed at the start; later passes sweep up.
    pub pass: u32,
    pub cursor: Option<String>,
    pub high: Option<String>,
    pub rows_estimate: u64,
    pub rows_visited: u64,
    pub rows_done: u64,
    pub seconds: f64,
    /// The primary key is the one it was begun with.
    pub same_key: bool,
}

/// What one batch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    pub rows: u64,
    /// Of these, rows the condition still holds for.
    pub still_matching: u64,
}

/// The unfinished run of the same work, if there is one.
pub fn unfinished(work: &Work) -> Result<Option<Progress>> {
    as_owner(|| {
        let sql = "SELECT id, pass, cursor, high, rows_estimate, rows_visited, rows_done, seconds, \
                   to_jsonb(key_columns) = $4::jsonb \
                   FROM migrator.backfill_run WHERE relation = $1::oid AND set_clause = $2 \
                   AND where_clause IS NOT DISTINCT FROM $3 AND state <> 'done' ORDER BY id DESC LIMIT 1";
        let relation = work.relation.to_string();
        let parameters =
            [Some(relation.as_str()), Some(&work.set_clause), work.where_clause.as_deref(), Some(&key_names(work))];
        let rows = query(sql, &parameters)?;
        Ok(rows.first().map(|r| Progress {
            id: r.number(0).unwrap_or(0),
            pass: r.number(1).unwrap_or(1),
            cursor: r.text(2),
            high: r.text(3),
            rows_estimate: r.number(4).unwrap_or(0),
            rows_visited: r.number(5).unwrap_or(0),
            rows_done: r.number(6).unwrap_or(0),
            seconds: r.number(7).unwrap_or(0.0),
            same_key: r.boolean(8),
        }))
    })
}

/// Stores a new run.
pub fn create(work: &Work, rows_estimate: u64) -> Result<Progress> {
    let role = current_role();
    as_owner(|| {
        let sql = "INSERT INTO migrator.backfill_run (relation, target, set_clause, where_clause, key_columns, \
                   rows_estimate, started_by) \
                   SELECT $1::oid, $2, $3, $4, array(SELECT jsonb_array_elements_text($5::jsonb)), $6::bigint, $7 \
                   RETURNING id";
        let rows = query(
            sql,
            &[
                Some(&work.relation.to_string()),
                Some(&work.target),
                Some(&work.set_clause),
                work.where_clause.as_deref(),
                Some(&key_names(work)),
                Some(&rows_estimate.to_string()),
                Some(&role),
            ],
        )?;
        let id = rows.first().and_then(|r| r.number(0)).unwrap_or(0);
        Ok(Progress { id, pass: 1, rows_estimate, same_key: true, ..Progress::default() })
    })
}

/// Stores whose statement it is.
pub fn adopt(id: u32, version: &str, checksum: &str, statement: usize) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET migration = $2, migration_checksum = $3, \
                   migration_statement = $4::int WHERE id = $1::int";
        let (id, statement) = (id.to_string(), statement.to_string());
        query(sql, &[Some(&id), Some(version), Some(checksum), Some(&statement)]).map(drop)
    })
}

/// Whether the backfill that is a statement of a migration has been done.
pub fn finished_for(version: &str, checksum: &str, statement: usize) -> Result<bool> {
    as_owner(|| {
        let sql = "SELECT EXISTS (SELECT FROM migrator.backfill_run WHERE state = 'done' AND migration = $1 \
                   AND migration_checksum = $2 AND migration_statement = $3::int)";
        let rows = query(sql, &[Some(version), Some(checksum), Some(&statement.to_string())])?;
        Ok(rows.first().is_some_and(|r| r.boolean(0)))
    })
}

/// Stores that the walk begins anew, along another key.
pub fn rewalk(work: &Work, id: u32) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET cursor = NULL, high = NULL, pass = 1, \
                   key_columns = array(SELECT jsonb_array_elements_text($2::jsonb)) WHERE id = $1::int";
        query(sql, &[Some(&id.to_string()), Some(&key_names(work))]).map(drop)
    })
}

/// Whether the target's name still means the relation the run began with.
pub fn target_is_same(work: &Work) -> Result<bool> {
    let sql = "SELECT CAST(pg_catalog.to_regclass($1) AS pg_catalog.oid) OPERATOR(pg_catalog.=) \
               CAST($2 AS pg_catalog.oid)";
    let rows = query(sql, &[Some(&work.target), Some(&work.relation.to_string())])?;
    Ok(rows.first().is_some_and(|r| r.boolean(0)))
}

/// The names of the key's columns as a JSON array.
fn key_names(work: &Work) -> String {
    let names: Vec<&str> = work.key.columns.iter().map(|c| c.name.as_str()).collect();
    serde_json::json!(names).to_string()
}

/// Stores how far it has come; commits with the batch.
pub fn store(progress: &Progress) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET state = 'running', pass = $2::int, cursor = $3::jsonb, \
                   high = $4::jsonb, rows_visited = $5::bigint, rows_done = $6::bigint, seconds = $7::float8, \
                   updated_at = clock_timestamp(), error = NULL WHERE id = $1::int";
        query(
            sql,
            &[
                Some(&progress.id.to_string()),
                Some(&progress.pass.to_string()),
                progress.cursor.as_deref(),
                progress.high.as_deref(),
                Some(&progress.rows_visited.to_string()),
                Some(&progress.rows_done.to_string()),
                Some(&progress.seconds.to_string()),
            ],
        )
        .map(drop)
    })
}

/// Stores that it is done.
pub fn finish(id: u32) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET state = 'done', finished_at = clock_timestamp(), \
                   updated_at = clock_timestamp() WHERE id = $1::int";
        query(sql, &[Some(&id.to_string())]).map(drop)
    })
}

/// Stores why it stopped.
pub fn fail(id: u32, error: &str) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET state = 'failed', error = $2, updated_at = clock_timestamp() \
                   WHERE id = $1::int";
        query(sql, &[Some(&id.to_string()), Some(error)]).map(drop)
    })
}

/// Lets Postgres analyse and plan the update, and check the rights for it, without running it.
pub fn explain(work: &Work) -> Result<()> {
    let sql = format!("EXPLAIN UPDATE {} SET {}\n{}", work.target, work.set_clause, condition(work, "WHERE"));
    query(&sql, &[]).map(drop)
}

/// The session's statement_timeout, or `None` when there is none.
pub fn statement_timeout() -> Result<Option<String>> {
    let rows = query("SELECT pg_catalog.current_setting('statement_timeout')", &[])?;
    Ok(rows.first().map(|r| r.required(0)).filter(|timeout| timeout != "0"))
}

/// The highest key; `None` for an empty table.
pub fn highest(work: &Work) -> Result<Option<String>> {
    let order: Vec<String> = work.key.columns.iter().map(|c| format!("{} DESC", c.quoted)).collect();
    let sql = format!("SELECT {} FROM {} ORDER BY {} LIMIT 1", json(work), work.target, order.join(", "));
    Ok(query(&sql, &[])?.first().and_then(|r| r.text(0)))
}

/// The key of the `rows`-th row behind the cursor, or the high key when fewer are left; and how many rows that is.
pub fn window(work: &Work, cursor: Option<&str>, high: &str, rows: u64) -> Result<(String, u64)> {
    let range = range(work);
    let from = format!("FROM {} WHERE {range}", work.target);
    let order: Vec<&str> = work.key.columns.iter().map(|c| c.quoted.as_str()).collect();
    let sql = format!("SELECT {} {from} ORDER BY {} OFFSET $3::pg_catalog.int8 LIMIT 1", json(work), order.join(", "));
    let offset = rows.saturating_sub(1).to_string();
    if let Some(key) = query(&sql, &[cursor, Some(high), Some(&offset)])?.first().and_then(|r| r.text(0)) {
        return Ok((key, rows));
    }
    let left = query(&format!("SELECT pg_catalog.count(*) {from}"), &[cursor, Some(high)])?;
    Ok((high.to_owned(), left.first().and_then(|r| r.number(0)).unwrap_or(0)))
}

/// Changes the rows behind the cursor up to a key.
pub fn change(work: &Work, cursor: Option<&str>, to: &str) -> Result<Changed> {
    let still = work.where_clause.as_ref().map_or_else(|| "false".to_owned(), |w| format!("(\n{w}\n) IS TRUE"));
    let sql = format!(
        "WITH changed AS (UPDATE {} SET {}\nWHERE {} {}\nRETURNING {still} AS still)\n\
         SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE still) FROM changed",
        work.target,
        work.set_clause,
        range(work),
        condition(work, "AND"),
    );
    let rows = query(&sql, &[cursor, Some(to)])?;
    Ok(rows
        .first()
        .map(|r| Changed { rows: r.number(0).unwrap_or(0), still_matching: r.number(1).unwrap_or(0) })
        .unwrap_or_default())
}

/// Rows that match, and the key of one of them.
pub fn remaining(work: &Work) -> Result<(u64, Option<String>)> {
    let sql = format!(
        "SELECT pg_catalog.count(*), (SELECT {} FROM {target} {condition} LIMIT 1) FROM {target} {condition}",
        json(work),
        target = work.target,
        condition = condition(work, "WHERE"),
    );
    let rows = query(&sql, &[])?;
    Ok(rows.first().map(|r| (r.number(0).unwrap_or(0), r.text(1))).unwrap_or_default())
}

/// The caller's condition behind a keyword; empty without one.
fn condition(work: &Work, keyword: &str) -> String {
    work.where_clause.as_ref().map(|w| format!("{keyword} (\n{w}\n)")).unwrap_or_default()
}

/// A row's key as a JSON array.
fn json(work: &Work) -> String {
    let columns: Vec<&str> = work.key.columns.iter().map(|c| c.quoted.as_str()).collect();
    format!("pg_catalog.jsonb_build_array({})", columns.join(", "))
}

/// `key > cursor AND key <= high`, with the cursor ($1, NULL at the start) and the high key ($2) as JSON arrays.
fn range(work: &Work) -> String {
    let parameter = |number: usize| {
        let values: Vec<String> = work
            .key
            .columns
            .iter()
            .enumerate()
            .map(|(i, c)| {
                format!(
                    "CAST(pg_catalog.jsonb_array_element_text(CAST(${number} AS pg_catalog.jsonb), {i}) AS {})",
                    c.type_name
                )
            })
            .collect();
        format!("({})", values.join(", "))
    };
    let columns: Vec<&str> = work.key.columns.iter().map(|c| c.quoted.as_str()).collect();
    let key = format!("({})", columns.join(", "));
    // The runner has checked that all key columns have their operators in one schema.
    let schema = work.key.columns.first().map_or("pg_catalog", |c| c.operator_schema.as_str());
    format!(
        "($1 IS NULL OR {key} OPERATOR({schema}.>) {}) AND {key} OPERATOR({schema}.<=) {}",
        parameter(1),
        parameter(2)
    )
}
