//! What the server says about how it is doing, for those who should step back when it suffers.

use serde_json::Value;

use super::keys::oid_array;
use super::session;
use crate::error::Result;
use crate::pg::spi::{Row, query, query_planned};
use crate::pg::subtransaction::rolled_back;
use crate::pg::user::as_owner;
use crate::settings;

/// What to look at; the rest costs nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    pub standbys: bool,
    pub slots: bool,
    pub archive: bool,
    pub vacuums: bool,
    pub waiters: bool,
    /// From and to, as [`time_of_day`] returns them.
    pub window: Option<(String, String)>,
    /// The tables whose vacuums and waiters count.
    pub tables: Vec<u32>,
}

/// Positions are bytes of WAL since the cluster was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    pub position: u64,
    pub standbys: Vec<Standby>,
    pub slots: Vec<Slot>,
    /// Segments that wait for the archiver; `None` when nothing is archived.
    pub unarchived: Option<u64>,
    pub vacuums: Vec<Vacuum>,
    pub waiters: Vec<Waiter>,
    pub clock: Option<Clock>,
}

/// A receiver of WAL: a physical standby, a logical subscriber, pg_receivewal, a base backup.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standby {
    pub name: String,
    /// How far it has replayed; `None` when it never does, and while it has said nothing.
    pub replayed: Option<u64>,
    /// What Postgres reports as replay_lag.
    pub reported_lag: Option<f64>,
}

/// A replication slot that holds WAL back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slot {
    pub name: String,
    pub active: bool,
    pub retained: u64,
    /// Beyond max_slot_wal_keep_size: the next checkpoint may remove what it needs.
    pub unreserved: bool,
}

/// A VACUUM of one of the tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vacuum {
    pub pid: u32,
    pub table: String,
    /// `VACUUM`, `autovacuum` or `autovacuum (to prevent wraparound)`.
    pub what: String,
}

/// A session that waits for a lock on one of the tables which a batch would keep from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waiter {
    pub pid: u32,
    pub role: String,
    pub table: String,
    pub mode: String,
}

/// The time of day in the session's time zone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clock {
    pub inside: bool,
    /// For people: `14:03:11 Europe/Berlin`.
    pub now: String,
}

/// One look at everything asked for. Others' rows of these views are hidden from most roles, so the owner looks.
pub fn look(question: &Question) -> Result<Found> {
    let flag = |on: bool| Some(if on { "t" } else { "f" });
    let tables = oid_array(&question.tables);
    let (from, to) = question.window.as_ref().map(|(from, to)| (from.as_str(), to.as_str())).unzip();
    let parameters = [
        flag(question.standbys),
        flag(question.slots),
        flag(question.archive),
        flag(question.vacuums),
        flag(question.waiters),
        Some(tables.as_str()),
        from,
        to,
    ];
    as_owner(|| Ok(query_planned(LOOK, &parameters)?.first().map(found).unwrap_or_default()))
}

/// One row; a column is NULL when it was not asked for, and lists are JSON.
///
/// - A base backup and pg_receivewal replay nothing: they have no position.
/// - A slot that is lost holds nothing back any more.
/// - The .ready files of segments are what the archiver has to do. pg_stat_archiver says less: it is empty after a crash and before
///   the first success, and its last name may be that of a history file.
/// - A table's TOAST table may be vacuumed by itself.
/// - Of those who wait, the ones count that a writer is in the way of.
const LOOK: &str = "\
    WITH me AS (SELECT oid AS database, pg_current_wal_lsn() AS position, clock_timestamp() AS now \
                FROM pg_database WHERE datname = current_database()) \
    SELECT me.position - '0/0', \
    CASE WHEN $1::boolean THEN ( \
        SELECT json_agg(json_build_array( \
            coalesce(nullif(application_name, ''), format('pid %s', pid)), \
            replay_lsn - '0/0', extract(epoch FROM replay_lag)) ORDER BY pid) \
        FROM pg_stat_replication) END, \
    CASE WHEN $2::boolean THEN ( \
        SELECT json_agg(json_build_array( \
            slot_name, active, greatest(me.position - restart_lsn, 0), wal_status = 'unreserved') ORDER BY slot_name) \
        FROM pg_replication_slots WHERE restart_lsn IS NOT NULL AND wal_status IS DISTINCT FROM 'lost') END, \
    CASE WHEN $3::boolean AND current_setting('archive_mode') <> 'off' THEN ( \
        SELECT count(*) FROM pg_ls_archive_statusdir() WHERE length(name) = 30 AND right(name, 6) = '.ready') END, \
    CASE WHEN $4::boolean THEN ( \
        SELECT json_agg(json_build_array(p.pid, c.oid::regclass, \
            CASE WHEN a.backend_type IS DISTINCT FROM 'autovacuum worker' THEN 'VACUUM' \
                 WHEN a.query LIKE '%(to prevent wraparound)' THEN 'autovacuum (to prevent wraparound)' \
                 ELSE 'autovacuum' END) ORDER BY p.pid) \
        FROM pg_stat_progress_vacuum p JOIN pg_class c ON p.relid IN (c.oid, c.reltoastrelid) \
        LEFT JOIN pg_stat_activity a ON a.pid = p.pid \
        WHERE p.datid = me.database AND c.oid = ANY ($6::oid[])) END, \
    CASE WHEN $5::boolean THEN ( \
        SELECT json_agg(json_build_array(l.pid, a.usename, l.relation::regclass, l.mode) ORDER BY l.waitstart) \
        FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
        WHERE l.locktype = 'relation' AND NOT l.granted AND l.database = me.database AND l.relation = ANY ($6::oid[]) \
        AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')) END, \
    CASE WHEN $7::time < $8::time THEN me.now::time >= $7::time AND me.now::time < $8::time \
         ELSE me.now::time >= $7::time OR me.now::time < $8::time END, \
    format('%s %s', me.now::time(0), current_setting('TimeZone')) \
    FROM me";

fn found(row: Row<'_>) -> Found {
    let list = |column: usize| -> Vec<Value> {
        row.text(column).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pid = |value: &Value| value.as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
    let truth = |value: &Value| value.as_bool().unwrap_or(false);
    Found {
        position: row.number(0).unwrap_or(0),
        standbys: (list(1).iter())
            .map(|v| Standby { name: text(&v[0]), replayed: v[1].as_u64(), reported_lag: v[2].as_f64() })
            .collect(),
        slots: (list(2).iter())
            .map(|v| Slot {
                name: text(&v[0]),
                active: truth(&v[1]),
                retained: v[2].as_u64().unwrap_or(0),
                unreserved: truth(&v[3]),
            })
            .collect(),
        unarchived: row.number(3),
        vacuums: (list(4).iter()).map(|v| Vacuum { pid: pid(&v[0]), table: text(&v[1]), what: text(&v[2]) }).collect(),
        waiters: (list(5).iter())
            .map(|v| Waiter { pid: pid(&v[0]), role: text(&v[1]), table: text(&v[2]), mode: text(&v[3]) })
            .collect(),
        clock: row.text(6).map(|inside| Clock { inside: inside == "t", now: row.required(7) }),
    }
}

/// Whether the caller's own condition holds; `None` for NULL. It runs with the caller's rights and settings, writes nothing,
/// and queues for a lock no longer than a batch would. What it leaves behind is rolled back.
pub fn holds(condition: &str) -> Result<Option<bool>> {
    rolled_back(|| {
        session::set_lock_timeout(settings::lock_timeout())?;
        query("SELECT pg_catalog.set_config('transaction_read_only', 'on', true)", &[])?;
        let rows = query(&format!("SELECT CAST((\n{condition}\n) AS pg_catalog.bool)"), &[])?;
        Ok(rows.first().and_then(|r| r.text(0)).map(|value| value == "t"))
    })
}

/// A size as people write it, in bytes: `256MB`.
pub fn bytes(text: &str) -> Result<f64> {
    one("SELECT pg_size_bytes($1)", text).map(|value| value.parse().unwrap_or(0.0))
}

/// An interval in seconds: `10s`, `00:00:10`.
pub fn seconds(text: &str) -> Result<f64> {
    one("SELECT extract(epoch FROM $1::interval)", text).map(|value| value.parse().unwrap_or(0.0))
}

/// A time of day, as Postgres writes it.
pub fn time_of_day(text: &str) -> Result<String> {
    one("SELECT $1::time", text)
}

fn one(sql: &'static str, parameter: &str) -> Result<String> {
    as_owner(|| Ok(query(sql, &[Some(parameter)])?.first().map(|r| r.required(0)).unwrap_or_default()))
}
