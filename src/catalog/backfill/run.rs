//! Runs: one row per backfill.

use super::{Clauses, Walk};
use crate::error::{Report, Result};
use crate::pg::spi::{query, query_planned};
use crate::pg::user::{as_owner, current_role};

/// A run that is not done.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub id: u32,
    pub relation: u32,
    /// Quoted where needed, and schema-qualified.
    pub target: String,
    pub clauses: Clauses,
    pub walk: Walk,
    /// scheduled, running, failed or cancelled.
    pub state: String,
    pub pass: u32,
    pub rows_estimate: u64,
    pub started_by: String,
}

/// How far it has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    pub rows_estimate: u64,
    pub rows_visited: f64,
    pub rows_done: u64,
    pub rows_skipped: u64,
    pub batch_ms: Option<f64>,
    pub errors: u64,
    pub seconds: f64,
    pub sweep: u32,
}

const COLUMNS: &str =
    "id, relation::oid, target, set_clause, where_clause, walk, state, pass, rows_estimate, started_by";

fn run_of(row: crate::pg::spi::Row<'_>) -> Run {
    Run {
        id: row.number(0).unwrap_or(0),
        relation: row.number(1).unwrap_or(0),
        target: row.required(2),
        clauses: Clauses { set: row.required(3), condition: row.text(4) },
        walk: Walk::named(&row.required(5)),
        state: row.required(6),
        pass: row.number(7).unwrap_or(1),
        rows_estimate: row.number(8).unwrap_or(0),
        started_by: row.required(9),
    }
}

/// The unfinished run of the same work, if there is one.
pub fn unfinished(relation: u32, clauses: &Clauses) -> Result<Option<Run>> {
    as_owner(|| {
        let sql = format!(
            "SELECT {COLUMNS} FROM migrator.backfill_run WHERE relation = $1::oid AND md5(set_clause) = md5($2) \
             AND set_clause = $2 AND md5(coalesce(where_clause, '')) = md5(coalesce($3, '')) \
             AND where_clause IS NOT DISTINCT FROM $3 AND state <> 'done'"
        );
        let relation = relation.to_string();
        let rows = query(&sql, &[Some(&relation), Some(&clauses.set), clauses.condition.as_deref()])?;
        Ok(rows.first().map(run_of))
    })
}

/// A run that is not done, by its number.
pub fn open(id: u32) -> Result<Option<Run>> {
    as_owner(|| {
        let sql = format!("SELECT {COLUMNS} FROM migrator.backfill_run WHERE id = $1::int AND state <> 'done'");
        Ok(query(&sql, &[Some(&id.to_string())])?.first().map(run_of))
    })
}

/// The target and the state of a run, done or not.
pub fn state(id: u32) -> Result<Option<(String, String)>> {
    as_owner(|| {
        let sql = "SELECT target, state FROM migrator.backfill_run WHERE id = $1::int";
        Ok(query(sql, &[Some(&id.to_string())])?.first().map(|r| (r.required(0), r.required(1))))
    })
}

/// Stores a new run and its settings; returns its number.
pub fn create(run: &Run, settings: &str) -> Result<u32> {
    let role = current_role();
    as_owner(|| {
        let sql = "INSERT INTO migrator.backfill_run (relation, target, set_clause, where_clause, walk, state, \
                   rows_estimate, started_by) VALUES ($1::oid, $2, $3, $4, $5, $6, $7::bigint, $8) RETURNING id";
        let (relation, estimate) = (run.relation.to_string(), run.rows_estimate.to_string());
        let parameters = [
            Some(relation.as_str()),
            Some(&run.target),
            Some(&run.clauses.set),
            run.clauses.condition.as_deref(),
            Some(run.walk.name()),
            Some(&run.state),
            Some(&estimate),
            Some(&role),
        ];
        let id: u32 = query(sql, &parameters)?.first().and_then(|r| r.number(0)).unwrap_or(0);
        let sql = "INSERT INTO migrator.backfill_control (backfill, settings, given, settings_by, changed_by) \
                   VALUES ($1::int, $2::jsonb, $2::jsonb, $3, $3)";
        query(sql, &[Some(&id.to_string()), Some(settings), Some(&role)])?;
        Ok(id)
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

/// Stores that it runs, with the rights of the current role, and what its table is called now; who cancelled or failed it
/// before is history. Returns the generation of its processes.
pub fn running(run: &Run) -> Result<u32> {
    let role = current_role();
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET state = 'running', walk = $2, pass = $3::int, started_by = $4, target = $5, \
                   generation = generation + 1, error = NULL, report = NULL, waiting_for = NULL, finished_at = NULL, \
                   updated_at = clock_timestamp() WHERE id = $1::int RETURNING generation";
        let (id, pass) = (run.id.to_string(), run.pass.to_string());
        let rows = query(sql, &[Some(&id), Some(run.walk.name()), Some(&pass), Some(&role), Some(&run.target)])?;
        Ok(rows.first().and_then(|r| r.number(0)).unwrap_or(0))
    })
}

/// Stores that a worker is to begin it.
pub fn scheduled(id: u32) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET state = 'scheduled', error = NULL, report = NULL \
                   WHERE id = $1::int";
        query(sql, &[Some(&id.to_string())]).map(drop)
    })
}

/// Adds to the time it ran and the time it was held.
pub fn add_seconds(id: u32, running: f64, held: f64) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET seconds = seconds + $2::float8, \
                   seconds_held = seconds_held + $3::float8, updated_at = clock_timestamp() WHERE id = $1::int";
        query_planned(sql, &[Some(&id.to_string()), Some(&running.to_string()), Some(&held.to_string())]).map(drop)
    })
}

/// Stores what it waits for; `None` when it goes on.
pub fn waits_for(id: u32, reason: Option<&str>) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET waiting_for = $2, updated_at = clock_timestamp() \
                   WHERE id = $1::int AND waiting_for IS DISTINCT FROM $2";
        query_planned(sql, &[Some(&id.to_string()), reason]).map(drop)
    })
}

/// Counts a sweep.
pub fn begins_sweep(id: u32) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET sweep = sweep + 1 WHERE id = $1::int";
        query(sql, &[Some(&id.to_string())]).map(drop)
    })
}

/// Adds rows that a sweep has changed.
pub fn swept(id: u32, rows: u64) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET rows_swept = rows_swept + $2::bigint WHERE id = $1::int";
        query_planned(sql, &[Some(&id.to_string()), Some(&rows.to_string())]).map(drop)
    })
}

/// Stores that it is done. Its tables are not needed any more but by name: a dump without them loads.
pub fn finish(id: u32) -> Result<()> {
    as_owner(|| {
        let sql = "WITH units AS (UPDATE migrator.backfill_unit SET relation = 0 WHERE backfill = $1::int) \
                   UPDATE migrator.backfill_run SET state = 'done', relation = 0, finished_at = clock_timestamp(), \
                   updated_at = clock_timestamp(), waiting_for = NULL WHERE id = $1::int";
        query(sql, &[Some(&id.to_string())]).map(drop)
    })
}

/// Stores why it stopped. With `cancelled` a person wanted it; the first reason stays.
pub fn stop(id: u32, error: &Report, cancelled: bool) -> Result<()> {
    end(id, error, if cancelled { "cancelled" } else { "failed" }, "{scheduled,running}", None)
}

/// Stores why a worker could not go on, unless it is one of an earlier generation.
pub fn stop_generation(id: u32, generation: u32, error: &Report) -> Result<()> {
    end(id, error, "failed", "{running}", Some(generation))
}

/// Stores why a run that was handed to a worker did not begin.
pub fn never_began(id: u32, error: &Report) -> Result<()> {
    end(id, error, "failed", "{scheduled}", None)
}

fn end(id: u32, error: &Report, state: &str, from: &str, generation: Option<u32>) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET state = $2, error = $3, report = $4::jsonb, waiting_for = NULL, \
                   updated_at = clock_timestamp() WHERE id = $1::int AND state = ANY ($5::text[]) \
                   AND ($6::int IS NULL OR generation = $6::int)";
        let report = serde_json::json!({
            "sqlstate": error.sqlstate.map(|s| s.to_string()),
            "detail": error.detail, "hint": error.hint, "context": error.context,
            "schema": error.schema, "table": error.table, "column": error.column,
            "constraint": error.constraint, "datatype": error.datatype,
        });
        let (id, report, generation) = (id.to_string(), report.to_string(), generation.map(|g| g.to_string()));
        let parameters =
            [Some(id.as_str()), Some(state), Some(&error.message), Some(&report), Some(from), generation.as_deref()];
        query(sql, &parameters).map(drop)
    })
}

/// Stores that a run which no session runs is not wanted any more, also when it has failed before.
pub fn cancelled(id: u32, why: &str) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET state = 'cancelled', error = $2, report = NULL, waiting_for = NULL, \
                   updated_at = clock_timestamp() WHERE id = $1::int AND state <> 'done'";
        query(sql, &[Some(&id.to_string()), Some(why)]).map(drop)
    })
}

/// Stores the error of a run whose session is ending for another reason, such as Ctrl-C.
pub fn interrupted(id: u32, error: &str) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.backfill_run SET error = $2, waiting_for = NULL, updated_at = clock_timestamp() \
                   WHERE id = $1::int AND state = 'running'";
        query(sql, &[Some(&id.to_string()), Some(error)]).map(drop)
    })
}

/// The error that a process of the run has stored.
pub fn stored_error(id: u32) -> Result<Report> {
    as_owner(|| {
        let sql = "SELECT error, report ->> 'sqlstate', report ->> 'detail', report ->> 'hint', report ->> 'context', \
                   report ->> 'schema', report ->> 'table', report ->> 'column', report ->> 'constraint', \
                   report ->> 'datatype' FROM migrator.backfill_run WHERE id = $1::int";
        let rows = query(sql, &[Some(&id.to_string())])?;
        Ok(rows
            .first()
            .map(|r| Report {
                sqlstate: r.text(1).and_then(|s| s.into_bytes().try_into().ok()).map(crate::error::SqlState),
                message: r.text(0).unwrap_or_else(|| "the backfill was stopped".to_owned()),
                detail: r.text(2),
                hint: r.text(3),
                context: r.text(4),
                schema: r.text(5),
                table: r.text(6),
                column: r.text(7),
                constraint: r.text(8),
                datatype: r.text(9),
                ..Report::default()
            })
            .unwrap_or_default())
    })
}

/// How far it has come.
pub fn totals(id: u32) -> Result<Totals> {
    as_owner(|| {
        let sql = "SELECT b.rows_estimate, coalesce(sum(r.rows_visited), 0), \
                   coalesce(sum(r.rows_done), 0)::bigint + b.rows_swept, coalesce(sum(r.rows_skipped), 0)::bigint, \
                   avg(r.batch_ms) FILTER (WHERE NOT r.done), b.seconds, b.sweep, \
                   (SELECT count(*) FROM migrator.backfill_error e WHERE e.backfill = b.id) \
                   FROM migrator.backfill_run b LEFT JOIN migrator.backfill_range r ON r.backfill = b.id \
                   WHERE b.id = $1::int GROUP BY b.id";
        let rows = query_planned(sql, &[Some(&id.to_string())])?;
        Ok(rows
            .first()
            .map(|r| Totals {
                rows_estimate: r.number(0).unwrap_or(0),
                rows_visited: r.number(1).unwrap_or(0.0),
                rows_done: r.number(2).unwrap_or(0),
                rows_skipped: r.number(3).unwrap_or(0),
                batch_ms: r.number(4),
                seconds: r.number(5).unwrap_or(0.0),
                sweep: r.number(6).unwrap_or(0),
                errors: r.number(7).unwrap_or(0),
            })
            .unwrap_or_default())
    })
}
