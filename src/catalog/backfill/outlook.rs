//! What will happen beside the change itself when rows of some tables are updated: read before a backfill begins.

use serde_json::Value;

use super::Clauses;
use crate::catalog::indexes::{self, Described};
use crate::catalog::keys::oid_array;
use crate::ddl::Session;
use crate::error::Result;
use crate::pg::spi::query;
use crate::pg::user::{as_owner, current_role};

/// An update of these columns.
#[derive(Clone, Debug)]
pub struct Update {
    /// The tables that statements name.
    named: String,
    /// The tables whose rows change: the same, or those below them.
    members: String,
    /// Names of columns, in JSON.
    columns: String,
}

impl Update {
    /// Of tables that are named, and those whose rows change.
    pub fn of(named: &[u32], members: &[u32], columns: &[String]) -> Self {
        Self { named: oid_array(named), members: oid_array(members), columns: serde_json::json!(columns).to_string() }
    }
}

/// A trigger of a user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Quoted where needed.
    pub name: String,
    /// Qualified, with its arguments' types.
    pub function: String,
    /// For each row; otherwise for each statement.
    pub row: bool,
    pub before: bool,
    /// It has a WHEN condition.
    pub conditional: bool,
    /// How many of the tables have it.
    pub tables: u64,
}

/// A foreign key that is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// Quoted where needed.
    pub name: String,
    /// The table at its other end.
    pub other: String,
    /// The other table refers to the one that changes.
    pub incoming: bool,
    /// pg_constraint.confupdtype.
    pub action: char,
    /// How many of the tables have it.
    pub tables: u64,
}

/// A run as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub state: String,
    pub percent: Option<String>,
    pub error: Option<String>,
}

/// Background workers that can be started still, about, and how many there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    pub free: u32,
    pub most: u32,
}

/// A replication slot that keeps dead rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldSlot {
    pub name: String,
    pub active: bool,
    /// In transactions.
    pub age: u64,
}

/// A slot in use whose xmin is not older than so many transactions is not worth a word.
const YOUNG: &str = "10000";

/// The columns that change, generated ones among them: $1 tables, $2 names in JSON.
const CHANGED: &str = "changed AS (\
      SELECT attrelid, attnum, attgenerated FROM pg_attribute WHERE attrelid = ANY ($1::oid[]) AND attnum > 0 \
       AND NOT attisdropped AND attname = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) \
      UNION \
      SELECT g.attrelid, g.attnum, g.attgenerated FROM pg_attrdef d \
      JOIN pg_attribute g ON g.attrelid = d.adrelid AND g.attnum = d.adnum AND g.attgenerated <> '' \
      JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid \
       AND p.refclassid = 'pg_class'::regclass AND p.refobjid = d.adrelid \
      JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = p.refobjsubid \
      WHERE d.adrelid = ANY ($1::oid[]) AND a.attname = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))))";

/// Whether a trigger `t` fires in this session.
const FIRES: &str = "CASE current_setting('session_replication_role') WHEN 'replica' THEN t.tgenabled IN ('R', 'A') \
                     ELSE t.tgenabled IN ('O', 'A') END";

/// About how many rows match. The caller's condition, planned as the caller and not run.
pub fn matching(target: &str, clauses: &Clauses) -> Result<Option<u64>> {
    let Some(condition) = &clauses.condition else { return Ok(None) };
    let rows = query(&format!("EXPLAIN (FORMAT JSON) SELECT FROM {target} WHERE (\n{condition}\n)"), &[])?;
    let plan: Value = rows.first().and_then(|r| serde_json::from_str(&r.required(0)).ok()).unwrap_or_default();
    Ok(plan[0]["Plan"]["Plan Rows"].as_u64())
}

/// A column that the condition may name and of which nothing is known, though its table has rows; quoted.
pub fn unknown_column(update: &Update, clauses: &Clauses) -> Result<Option<String>> {
    let condition = clauses.condition.clone().unwrap_or_default();
    let words = format!("{condition} {}", condition.to_lowercase());
    let words: Vec<&str> = words.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').collect();
    as_owner(|| {
        let sql = "SELECT quote_ident(a.attname) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
                   WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped \
                   AND a.attname = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) \
                   AND c.relkind = 'r' AND pg_relation_size(c.oid) > 0 AND NOT EXISTS (\
                     SELECT FROM pg_statistic s WHERE s.starelid = a.attrelid AND s.staattnum = a.attnum) \
                   ORDER BY a.attnum LIMIT 1";
        let words = serde_json::json!(words).to_string();
        Ok(query(sql, &[Some(&update.members), Some(&words)])?.first().and_then(|r| r.text(0)))
    })
}

/// How many indexes a table has; `None` where changes are not written to the WAL.
pub fn logged_indexes(relation: u32) -> Result<Option<u32>> {
    as_owner(|| {
        let sql = "SELECT count(i.indexrelid) FROM pg_class c LEFT JOIN pg_index i ON i.indrelid = c.oid \
                   WHERE c.oid = $1::oid AND c.relpersistence = 'p' GROUP BY c.oid";
        Ok(query(sql, &[Some(&relation.to_string())])?.first().and_then(|r| r.number(0)))
    })
}

/// The indexes that the update changes, see [`super::target::index_on`].
pub fn indexes(update: &Update) -> Result<Vec<Described>> {
    let oids = as_owner(|| {
        let sql = format!(
            "WITH {CHANGED} SELECT i.indexrelid FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid \
             JOIN pg_am am ON am.oid = x.relam WHERE i.indrelid = ANY ($1::oid[]) \
             AND (am.amname <> 'brin' OR current_setting('server_version_num')::int < 160000) AND EXISTS (\
               SELECT FROM changed c WHERE c.attrelid = i.indrelid AND (c.attnum = ANY (i.indkey::int2[]) OR EXISTS (\
                 SELECT FROM pg_depend p WHERE p.classid = 'pg_class'::regclass AND p.objid = i.indexrelid \
                 AND p.refclassid = 'pg_class'::regclass AND p.refobjid = i.indrelid AND p.refobjsubid = c.attnum)))"
        );
        let rows = query(&sql, &[Some(&update.members), Some(&update.columns)])?;
        Ok(rows.iter().filter_map(|r| r.number(0)).collect::<Vec<u32>>())
    })?;
    indexes::described(&oids)
}

/// Users' triggers that fire, by name.
pub fn triggers(update: &Update) -> Result<Vec<Trigger>> {
    let sql = format!(
        "AND CASE WHEN t.tgtype & 1 = 0 THEN t.tgrelid = ANY ($3::oid[]) ELSE t.tgrelid = ANY ($1::oid[]) END \
         AND (cardinality(t.tgattr::int2[]) = 0 OR EXISTS (SELECT FROM changed c WHERE c.attrelid = t.tgrelid \
           AND c.attnum = ANY (t.tgattr::int2[]))) AND {FIRES}"
    );
    users_triggers(&sql, &[Some(&update.members), Some(&update.columns), Some(&update.named)])
}

/// Users' triggers of a table for each statement, which fire when an UPDATE names it.
pub fn statement_triggers(table: u32, update: &Update) -> Result<Vec<Trigger>> {
    let condition = format!("AND t.tgtype & 1 = 0 AND t.tgrelid = $3::oid AND {FIRES}");
    let table = table.to_string();
    users_triggers(&condition, &[Some(&update.members), Some(&update.columns), Some(&table)])
}

fn users_triggers(condition: &str, parameters: &[Option<&str>]) -> Result<Vec<Trigger>> {
    as_owner(|| {
        let sql = format!(
            "WITH {CHANGED} SELECT quote_ident(t.tgname), t.tgfoid::regprocedure, t.tgtype & 1 <> 0, \
             t.tgtype & 2 <> 0, t.tgqual IS NOT NULL, count(*) FROM pg_trigger t \
             WHERE NOT t.tgisinternal AND t.tgtype & 16 <> 0 {condition} GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2"
        );
        Ok(query(&sql, parameters)?
            .iter()
            .map(|r| Trigger {
                name: r.required(0),
                function: r.required(1),
                row: r.boolean(2),
                before: r.boolean(3),
                conditional: r.boolean(4),
                tables: r.number(5).unwrap_or(1),
            })
            .collect())
    })
}

/// The foreign keys that are checked because a column of theirs changes, by name.
pub fn foreign_keys(update: &Update) -> Result<Vec<ForeignKey>> {
    as_owner(|| {
        let sql = format!(
            "WITH {CHANGED}, found AS (\
               SELECT f.oid, f.conname, f.confrelid AS other, f.conrelid AS mine, false AS incoming, f.confupdtype \
               FROM pg_constraint f WHERE f.contype = 'f' AND EXISTS (\
                 SELECT FROM changed c WHERE c.attrelid = f.conrelid AND c.attnum = ANY (f.conkey)) \
               UNION ALL \
               SELECT f.oid, f.conname, f.conrelid, f.confrelid, true, f.confupdtype \
               FROM pg_constraint f WHERE f.contype = 'f' AND EXISTS (\
                 SELECT FROM changed c WHERE c.attrelid = f.confrelid AND c.attnum = ANY (f.confkey))) \
             SELECT quote_ident(f.conname), f.other::regclass, f.incoming, f.confupdtype, count(*) FROM found f \
             WHERE EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = f.oid AND t.tgrelid = f.mine \
               AND t.tgtype & 16 <> 0 AND {FIRES}) GROUP BY 1, 2, 3, 4 ORDER BY 3, 1, 2"
        );
        Ok(query(&sql, &[Some(&update.members), Some(&update.columns)])?
            .iter()
            .map(|r| ForeignKey {
                name: r.required(0),
                other: r.required(1),
                incoming: r.boolean(2),
                action: r.required(3).chars().next().unwrap_or('a'),
                tables: r.number(4).unwrap_or(1),
            })
            .collect())
    })
}

/// The constraints that would be checked at the end of a transaction, quoted, by name. Each has a trigger.
pub fn deferred_constraints(update: &Update) -> Result<Vec<String>> {
    as_owner(|| {
        let sql = format!(
            "WITH {CHANGED} SELECT DISTINCT quote_ident(k.conname) FROM pg_constraint k \
             JOIN pg_trigger t ON t.tgconstraint = k.oid AND t.tgtype & 16 <> 0 AND {FIRES} \
             WHERE k.condeferred AND t.tgrelid = ANY ($1::oid[]) AND CASE WHEN k.contype = 't' \
               THEN cardinality(t.tgattr::int2[]) = 0 OR EXISTS (\
                 SELECT FROM changed c WHERE c.attrelid = t.tgrelid AND c.attnum = ANY (t.tgattr::int2[])) \
               ELSE EXISTS (SELECT FROM changed c WHERE c.attrelid = t.tgrelid \
                 AND ((t.tgrelid = k.conrelid AND c.attnum = ANY (k.conkey)) \
                   OR (t.tgrelid = k.confrelid AND c.attnum = ANY (k.confkey)))) END ORDER BY 1"
        );
        names(&sql, &[Some(&update.members), Some(&update.columns)])
    })
}

/// The stored generated columns that are computed from one that changes, quoted.
pub fn generated_columns(update: &Update) -> Result<Vec<String>> {
    as_owner(|| {
        let sql = format!(
            "WITH {CHANGED} SELECT DISTINCT quote_ident(a.attname) FROM changed c \
             JOIN pg_attribute a USING (attrelid, attnum) WHERE c.attgenerated = 's' ORDER BY 1"
        );
        names(&sql, &[Some(&update.members), Some(&update.columns)])
    })
}

/// The publications that send updates of these tables, quoted.
pub fn publications(update: &Update) -> Result<Vec<String>> {
    as_owner(|| {
        let sql = "SELECT DISTINCT quote_ident(p.pubname) FROM pg_publication p \
                   CROSS JOIN unnest($1::oid[]) AS l(t) JOIN pg_class c ON c.oid = l.t AND c.relpersistence = 'p' \
                   WHERE p.pubupdate AND (p.puballtables \
                     OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid \
                       AND (r.prrelid = l.t OR r.prrelid IN (SELECT relid FROM pg_partition_ancestors(l.t) relid))) \
                     OR EXISTS (SELECT FROM pg_publication_namespace s WHERE s.pnpubid = p.oid \
                       AND s.pnnspid = c.relnamespace)) ORDER BY 1";
        names(sql, &[Some(&update.members)])
    })
}

/// How many of the tables have REPLICA IDENTITY FULL.
pub fn with_full_identity(update: &Update) -> Result<u64> {
    as_owner(|| {
        let sql = "SELECT count(*) FROM pg_class WHERE oid = ANY ($1::oid[]) AND relreplident = 'f' \
                   AND relpersistence = 'p' AND relkind = 'r'";
        Ok(query(sql, &[Some(&update.members)])?.first().and_then(|r| r.number(0)).unwrap_or(0))
    })
}

/// A run as `migrator.backfills` shows it.
pub fn seen(run: u32) -> Result<Option<Seen>> {
    as_owner(|| {
        let sql = "SELECT state, percent, error FROM migrator.backfills WHERE id = $1::int";
        let rows = query(sql, &[Some(&run.to_string())])?;
        Ok(rows.first().map(|r| Seen { state: r.required(0), percent: r.text(1), error: r.text(2) }))
    })
}

/// What is left of `max_worker_processes`. Workers that are not connected to a database are not seen.
pub fn slots() -> Result<Slots> {
    as_owner(|| {
        let sql = "SELECT greatest(current_setting('max_worker_processes')::int - count(*), 0), \
                   current_setting('max_worker_processes') FROM pg_stat_activity WHERE backend_type NOT IN (\
                   'client backend', 'dead-end client backend', 'standalone backend', 'autovacuum launcher', \
                   'autovacuum worker', 'walsender', 'walreceiver', 'checkpointer', 'background writer', 'walwriter', \
                   'walsummarizer', 'slotsync worker', 'io worker', 'startup', 'archiver', 'logger')";
        let rows = query(sql, &[])?;
        Ok(rows.first().map_or(Slots { free: 0, most: 0 }, |r| Slots {
            free: r.number(0).unwrap_or(0),
            most: r.number(1).unwrap_or(0),
        }))
    })
}

/// Sessions and prepared transactions of this database that keep dead rows, open for so many seconds, longest first. One
/// that vacuums keeps none.
pub fn old_transactions(seconds: f64) -> Result<Vec<Session>> {
    let role = current_role();
    as_owner(|| {
        let sql = "SELECT * FROM (\
                     SELECT a.pid, a.usename, a.application_name, a.state LIKE 'idle in transaction%', \
                     extract(epoch FROM clock_timestamp() - a.xact_start) AS seconds, \
                     CASE WHEN pg_has_role($1::name, 'pg_read_all_stats', 'USAGE') OR pg_has_role($1::name, a.usesysid, 'USAGE') \
                          THEN left(regexp_replace(a.query, '\\s+', ' ', 'g'), 80) END, NULL \
                     FROM pg_stat_activity a \
                     WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() \
                     AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL) \
                     AND a.backend_type NOT IN ('autovacuum worker', 'walsender') \
                     AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum v WHERE v.pid = a.pid) \
                     UNION ALL \
                     SELECT NULL, owner, '', false, extract(epoch FROM clock_timestamp() - prepared), NULL, gid \
                     FROM pg_prepared_xacts WHERE database = current_database()) s \
                   WHERE seconds >= $2::float8 ORDER BY seconds DESC";
        let rows = query(sql, &[Some(&role), Some(&seconds.to_string())])?;
        Ok(rows
            .iter()
            .map(|r| Session {
                pid: r.number(0),
                role: r.required(1),
                application: r.required(2),
                idle: r.boolean(3),
                seconds: r.number(4).unwrap_or(0.0),
                query: r.text(5),
                prepared: r.text(6),
                ..Session::default()
            })
            .collect())
    })
}

/// Replication slots that keep dead rows: one that nobody uses does so for ever.
pub fn old_slots() -> Result<Vec<OldSlot>> {
    as_owner(|| {
        let sql = "SELECT slot_name, active, age(xmin) FROM pg_replication_slots WHERE xmin IS NOT NULL \
                   AND (NOT active OR age(xmin) > $1::int) ORDER BY age(xmin) DESC";
        Ok(query(sql, &[Some(YOUNG)])?
            .iter()
            .map(|r| OldSlot { name: r.required(0), active: r.boolean(1), age: r.number(2).unwrap_or(0) })
            .collect())
    })
}

fn names(sql: &str, parameters: &[Option<&str>]) -> Result<Vec<String>> {
    Ok(query(sql, parameters)?.iter().map(|r| r.required(0)).collect())
}
