//! What other sessions are doing now: the locks they hold, and how long their transactions have been open.

use super::keys::oid_array;
use crate::ddl::{Holder, LockMode, Session};
use crate::error::Result;
use crate::pg::spi::{Row, query_planned};
use crate::pg::user::{as_owner, current_role};

/// Granted locks of others on relations, longest transaction first. Takes no lock on them; the query of another session is
/// shown to those who may see it in pg_stat_activity as well.
pub fn holders(relations: &[u32]) -> Result<Vec<Holder>> {
    let (list, role) = (oid_array(relations), current_role());
    as_owner(|| {
        let sql = "SELECT l.relation, format('%I.%I', n.nspname, c.relname), l.mode, \
                   a.pid, coalesce(a.usename, p.owner), a.application_name, \
                   a.backend_type = 'autovacuum worker', a.query LIKE '%(to prevent wraparound)', \
                   a.state LIKE 'idle in transaction%', \
                   extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared)), \
                   CASE WHEN pg_has_role($2::name, 'pg_read_all_stats', 'USAGE') OR pg_has_role($2::name, a.usesysid, 'USAGE') \
                        THEN left(regexp_replace(a.query, '\\s+', ' ', 'g'), 80) END, p.gid \
                   FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace \
                   LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
                   LEFT JOIN LATERAL ( \
                       SELECT x.owner, x.prepared, x.gid FROM pg_locks t \
                       JOIN pg_prepared_xacts x ON x.transaction = t.transactionid \
                       WHERE l.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid' \
                       AND t.virtualtransaction = l.virtualtransaction LIMIT 1) p ON true \
                   WHERE l.locktype = 'relation' AND l.granted \
                   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                   AND l.pid IS DISTINCT FROM pg_backend_pid() AND l.relation = ANY ($1::oid[]) \
                   ORDER BY 10 DESC NULLS LAST, 1";
        let rows = query_planned(sql, &[Some(&list), Some(&role)])?;
        let holder = |row: Row<'_>| {
            let (relation, lock) = (row.number(0).unwrap_or(0), LockMode::named(&row.required(2))?);
            Some(Holder { relation, quoted: row.required(1), lock, session: session(row, 3) })
        };
        Ok(rows.iter().filter_map(holder).collect())
    })
}

/// Locks that block writes, of this session, on any table.
pub fn held() -> Result<Vec<(u32, LockMode)>> {
    as_owner(|| {
        let sql = "SELECT l.relation, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
                   WHERE l.locktype = 'relation' AND l.granted AND l.pid = pg_backend_pid() \
                   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                   AND c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' \
                   AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') \
                   ORDER BY 1";
        let rows = query_planned(sql, &[])?;
        let lock = |row: Row<'_>| Some((row.number(0)?, LockMode::named(&row.required(1))?));
        Ok(rows.iter().filter_map(lock).collect())
    })
}

/// Sessions of this database that have a snapshot, longest transaction first. Those that vacuum or build an index are not
/// waited for, or are waited for by their locks.
pub fn snapshots() -> Result<Vec<Session>> {
    let role = current_role();
    as_owner(|| {
        let sql = "SELECT a.pid, a.usename, a.application_name, false, false, a.state LIKE 'idle in transaction%', \
                   extract(epoch FROM clock_timestamp() - a.xact_start), \
                   CASE WHEN pg_has_role($1::name, 'pg_read_all_stats', 'USAGE') OR pg_has_role($1::name, a.usesysid, 'USAGE') \
                        THEN left(regexp_replace(a.query, '\\s+', ' ', 'g'), 80) END, NULL \
                   FROM pg_stat_activity a \
                   WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_xmin IS NOT NULL \
                   AND a.xact_start IS NOT NULL AND a.backend_type NOT IN ('autovacuum worker', 'walsender') \
                   AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum v WHERE v.pid = a.pid) \
                   AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index i WHERE i.pid = a.pid) \
                   ORDER BY 7 DESC";
        Ok(query_planned(sql, &[Some(&role)])?.iter().map(|row| session(row, 0)).collect())
    })
}

/// The tables that foreign keys tie to these, in either direction.
pub fn foreign_key_peers(relations: &[u32]) -> Result<Vec<u32>> {
    let list = oid_array(relations);
    as_owner(|| {
        let sql = "SELECT confrelid FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY ($1::oid[]) \
                   UNION SELECT conrelid FROM pg_constraint WHERE contype = 'f' AND confrelid = ANY ($1::oid[])";
        Ok(query_planned(sql, &[Some(&list)])?.iter().filter_map(|row| row.number(0)).collect())
    })
}

fn session(row: Row<'_>, first: usize) -> Session {
    Session {
        pid: row.number(first),
        role: row.required(first + 1),
        application: row.required(first + 2),
        autovacuum: row.boolean(first + 3),
        against_wraparound: row.boolean(first + 4),
        idle: row.boolean(first + 5),
        seconds: row.number(first + 6).unwrap_or(0.0),
        query: row.text(first + 7),
        prepared: row.text(first + 8),
    }
}
