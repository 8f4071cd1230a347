//! Who holds an advisory lock of ours.

use crate::error::Result;
use crate::pg::session_lock::Key;
use crate::pg::spi::query;
use crate::pg::user::as_owner;

/// The session that holds a lock.
#[derive(Clone, Debug)]
pub struct Holder {
    pub pid: String,
    pub role: String,
    /// ` (name)` or empty.
    pub application: String,
    /// How long its current statement has been running.
    pub since: String,
}

/// The holder, unless the lock was released meanwhile.
pub fn holder(key: Key) -> Result<Option<Holder>> {
    as_owner(|| {
        let sql = "SELECT a.pid, a.usename, CASE WHEN a.application_name <> '' \
                   THEN format(' (%s)', a.application_name) ELSE '' END, \
                   date_trunc('second', clock_timestamp() - a.query_start) \
                   FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
                   WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 \
                   AND l.classid = $1::oid AND l.objid = $2::oid \
                   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let rows = query(sql, &[Some(&key.class.to_string()), Some(&key.object.to_string())])?;
        Ok(rows.first().map(|r| Holder {
            pid: r.required(0),
            role: r.required(1),
            application: r.required(2),
            since: r.required(3),
        }))
    })
}
