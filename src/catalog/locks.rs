//! Who holds an advisory lock of ours.

use crate::error::Result;
use crate::pg::session_lock::Key;
use crate::pg::spi::query;
use crate::pg::user::as_owner;

/// The session, or the prepared transaction, that holds a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// `None` for a prepared transaction.
    pub pid: Option<String>,
    /// Name of the prepared transaction.
    pub prepared: Option<String>,
    pub role: String,
    /// ` (name)` or empty.
    pub application: String,
    /// How long its current statement has been running, or ago it was prepared.
    pub since: String,
}

impl Holder {
    /// `process 4711 of role "app" (psql)`, or `prepared transaction "x" of role "app"`.
    pub fn name(&self) -> String {
        let (role, application) = (&self.role, &self.application);
        match (&self.pid, &self.prepared) {
            (None, Some(name)) => format!("prepared transaction \"{name}\" of role \"{role}\""),
            (pid, _) => format!("process {} of role \"{role}\"{application}", pid.as_deref().unwrap_or_default()),
        }
    }

    /// For a prepared transaction, which ends only when somebody says so: the statements that do.
    pub fn ended_by(&self) -> Option<String> {
        let name = self.prepared.as_ref()?.replace('\'', "''");
        Some(format!("COMMIT PREPARED '{name}';  -- or ROLLBACK PREPARED '{name}';"))
    }
}

/// The holder, unless the lock was released meanwhile.
pub fn holder(key: Key) -> Result<Option<Holder>> {
    as_owner(|| {
        // What was prepared has no process; that it holds the lock of its own transaction tells which it is.
        let sql = "SELECT a.pid, p.gid, coalesce(a.usename, p.owner), CASE WHEN a.application_name <> '' \
                   THEN format(' (%s)', a.application_name) ELSE '' END, \
                   date_trunc('second', clock_timestamp() - coalesce(a.query_start, p.prepared)) \
                   FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
                   LEFT JOIN (pg_locks t JOIN pg_prepared_xacts p ON p.transaction = t.transactionid) \
                   ON l.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid' \
                   AND t.virtualtransaction = l.virtualtransaction \
                   WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 \
                   AND l.classid = $1::oid AND l.objid = $2::oid \
                   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                   AND (a.pid IS NOT NULL OR p.gid IS NOT NULL)";
        let rows = query(sql, &[Some(&key.class.to_string()), Some(&key.object.to_string())])?;
        Ok(rows.first().map(|r| Holder {
            pid: r.text(0),
            prepared: r.text(1),
            role: r.required(2),
            application: r.required(3),
            since: r.required(4),
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::Holder;

    #[test]
    fn holders_are_told_and_ended() {
        let role = "app".to_owned();
        let session = Holder { pid: Some("7".into()), role, application: " (psql)".into(), ..Holder::default() };
        assert_eq!((session.name().as_str(), session.ended_by()), ("process 7 of role \"app\" (psql)", None));
        let prepared = Holder { pid: None, prepared: Some("it's".into()), ..session };
        assert_eq!(prepared.name(), "prepared transaction \"it's\" of role \"app\"");
        let statement = "COMMIT PREPARED 'it''s';  -- or ROLLBACK PREPARED 'it''s';";
        assert_eq!(prepared.ended_by().as_deref(), Some(statement));
    }
}
