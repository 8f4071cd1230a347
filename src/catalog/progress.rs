//! `migrator.migration`: the marks that tell how far a migration has come.

use super::ledger::{Begun, Stored};
use crate::error::Result;
use crate::pg::spi::{query, query_planned};
use crate::pg::user::{as_owner, current_role};

/// Marks a migration as being run by this session; false when it is applied, or its script was replaced since it was read.
pub fn mark_running(migration: &Stored) -> Result<bool> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET state = 'running', running_pid = pg_backend_pid(), \
                   scheduled_attempt = NULL \
                   WHERE version = $1 AND checksum = $2 AND state <> 'applied' AND NOT reverting";
        Ok(query_planned(sql, &[Some(&migration.version), Some(&migration.checksum)])?.processed > 0)
    })
}

/// The same for its down script; false when it is not applied, or that script was replaced.
pub fn mark_reverting(migration: &Stored) -> Result<bool> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET state = 'running', running_pid = pg_backend_pid(), reverting = true, \
                   scheduled_attempt = NULL, statements_done = CASE WHEN reverting THEN statements_done ELSE 0 END \
                   WHERE version = $1 AND down_checksum = $2 AND (state = 'applied' OR reverting)";
        Ok(query_planned(sql, &[Some(&migration.version), migration.down_checksum.as_deref()])?.processed > 0)
    })
}

/// A down script of which nothing took effect has changed nothing: its migration is applied, as before. The caller holds
/// the runner's lock, so that none of them is running.
pub fn settle_reverts() -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET state = 'applied', reverting = false, statements_done = statements \
                   WHERE state <> 'applied' AND reverting AND statements_done = 0 AND running_statement IS NULL";
        query_planned(sql, &[]).map(drop)
    })
}

/// Marks it reverted; false when its down script is no longer the one that was read.
pub fn mark_reverted(migration: &Stored) -> Result<bool> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET state = 'reverted', reverting = false, statements_done = 0, \
                   running_statement = NULL, running_text = NULL, running_target = NULL, running_indexes = NULL, \
                   applied_at = NULL, applied_by = NULL, duration = NULL, scheduled_attempt = NULL \
                   WHERE version = $1 AND down_checksum = $2 AND (state = 'applied' OR reverting)";
        Ok(query_planned(sql, &[Some(&migration.version), migration.down_checksum.as_deref()])?.processed > 0)
    })
}

/// Marks it failed, unless it is applied.
pub fn mark_failed(version: &str) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET state = 'failed', scheduled_attempt = NULL \
                   WHERE version = $1 AND state <> 'applied'";
        query(sql, &[Some(version)]).map(drop)
    })?;
    settle_reverts()
}

/// Notes which attempt was handed to a background worker.
pub fn mark_scheduled(version: &str, attempt: &str) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET scheduled_attempt = $2::bigint WHERE version = $1";
        query(sql, &[Some(version), Some(attempt)]).map(drop)
    })
}

/// What was handed to a worker failed before it began.
pub fn mark_unscheduled(version: &str) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET scheduled_attempt = NULL, \
                   state = CASE WHEN state = 'applied' THEN state ELSE 'failed' END WHERE version = $1";
        query(sql, &[Some(version)]).map(drop)
    })
}

/// Marks everything up to a rank as applied without running it. Returns the versions, in order.
pub fn mark_baseline(up_to: &str) -> Result<Vec<(String, String)>> {
    let role = current_role();
    as_owner(|| {
        let sql = "WITH marked AS (UPDATE migrator.migration SET state = 'applied', baseline = true, \
                   applied_at = clock_timestamp(), applied_by = $2, statements_done = statements, \
                   scheduled_attempt = NULL \
                   WHERE sort_key <= $1 COLLATE \"C\" AND state <> 'applied' RETURNING version, checksum, sort_key) \
                   SELECT version, checksum FROM marked ORDER BY sort_key";
        Ok(query(sql, &[Some(up_to), Some(&role)])?.iter().map(|r| (r.required(0), r.required(1))).collect())
    })
}

/// Notes that a top-level statement is about to begin; false when the migration has moved on in another session.
pub fn mark_begun(version: &str, begun: &Begun) -> Result<bool> {
    as_owner(|| {
        let place = if has_place()? { ", running_place = $6::jsonb" } else { "" };
        let sql = format!(
            "UPDATE migrator.migration SET running_statement = $2::int, running_text = $3, \
             running_target = $4::oid, running_indexes = $5::oid[]{place} \
             WHERE version = $1 AND state = 'running' AND statements_done = $2::int - 1 AND running_statement IS NULL"
        );
        let target = begun.target.map(|oid| oid.to_string());
        let number = begun.number.to_string();
        let (target, indexes, place) = (target.as_deref(), begun.indexes.as_deref(), begun.place.as_deref());
        let parameters = [Some(version), Some(&number), Some(&begun.text), target, indexes, place];
        Ok(query(&sql, &parameters)?.processed > 0)
    })
}

/// Whether a place can be noted: the tables of 0.1.0 have no column for it, and this library runs them until ALTER EXTENSION
/// ... UPDATE.
fn has_place() -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'migrator.migration'::regclass \
               AND attname = 'running_place' AND NOT attisdropped)";
    Ok(query_planned(sql, &[])?.first().is_some_and(|row| row.boolean(0)))
}

/// Notes that a statement is done; false when it was noted already.
pub fn mark_done(version: &str, number: usize) -> Result<bool> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET statements_done = $2::int, running_statement = NULL, \
                   running_text = NULL, running_target = NULL, running_indexes = NULL \
                   WHERE version = $1 AND statements_done = $2::int - 1";
        Ok(query(sql, &[Some(version), Some(&number.to_string())])?.processed > 0)
    })
}

/// Forgets a statement that was begun: it did not take effect, or what it left behind is cleared away.
pub fn forget_begun(version: &str) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET running_statement = NULL, running_text = NULL, \
                   running_target = NULL, running_indexes = NULL WHERE version = $1";
        query(sql, &[Some(version)]).map(drop)
    })
}

/// Back to what is to be run by a person's decision; what was done stays done. Half reverted is still failed.
pub fn mark_open(version: &str) -> Result<()> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET state = CASE WHEN reverting THEN 'failed' ELSE 'pending' END \
                   WHERE version = $1";
        query(sql, &[Some(version)]).map(drop)
    })
}

/// Marks it applied by a role; false when its script is no longer the one with this checksum.
pub fn mark_applied(version: &str, checksum: &str, role: &str, seconds: f64) -> Result<bool> {
    as_owner(|| {
        let sql = "UPDATE migrator.migration SET state = 'applied', statements_done = statements, \
                   running_statement = NULL, running_text = NULL, running_target = NULL, running_indexes = NULL, \
                   applied_at = clock_timestamp(), \
                   applied_by = $2, duration = make_interval(secs => $3::float8), \
                   baseline = false, reverting = false, scheduled_attempt = NULL \
                   WHERE version = $1 AND checksum = $4 AND state <> 'applied'";
        let rows = query(sql, &[Some(version), Some(role), Some(&seconds.to_string()), Some(checksum)])?;
        Ok(rows.processed > 0)
    })
}
