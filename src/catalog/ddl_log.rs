//! `migrator.ddl`: the log of DDL, append-only. Read by people as `migrator.ddl_log`.

use serde_json::json;

use crate::error::{Report, Result};
use crate::pg::spi::{query, query_planned};
use crate::pg::user::{as_owner, current_role};
use crate::pg::{outbox, relation, subtransaction};

/// What became of a statement, for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Postgres's command tag.
    pub tag: String,
    /// Its text; `None` when it is not known for certain.
    pub statement: Option<String>,
    /// `ran`, `warned`, `bypassed` or `refused`.
    pub outcome: &'static str,
    /// Ids of the rules that found something.
    pub rules: Vec<String>,
    /// What let it through.
    pub allowed_by: Option<String>,
    /// What the guard said, or would have said.
    pub message: Option<String>,
    /// Version and number of the statement of a migration.
    pub migration: Option<(String, usize)>,
    /// What it dropped.
    pub dropped: Vec<Object>,
}

/// An object of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Such as `table column`.
    pub kind: String,
    /// As Postgres identifies it: qualified and quoted.
    pub identity: String,
}

/// Adds a row for a statement that has run, with the objects it was about. At the end of the command only. No row when
/// there is none: it did nothing, or to temporary objects only. False when the table is locked by somebody else: nobody
/// waits for that.
pub fn ran(entry: &Entry) -> Result<bool> {
    let role = current_role();
    as_owner(|| {
        if !relation::try_lock_for_insert("migrator", "ddl") {
            return Ok(false);
        }
        let sql = "INSERT INTO migrator.ddl (tag, statement, outcome, rules, allowed_by, message, migration, \
                   migration_statement, objects, object_types, role, session_role, client_addr, application_name, \
                   backend_pid, xid) \
                   SELECT $1, $2, $3, ARRAY(SELECT jsonb_array_elements_text($4::jsonb)), $5, $6, $7, $8::int, \
                   o.objects, o.types, $10, session_user, inet_client_addr(), current_setting('application_name'), \
                   pg_backend_pid(), pg_current_xact_id() \
                   FROM (SELECT array_agg(coalesce(identity, type) ORDER BY first) AS objects, \
                   array_agg(type ORDER BY first) AS types \
                   FROM (SELECT identity, type, min(place) AS first FROM ( \
                   SELECT object_identity, object_type, row_number() OVER () FROM pg_event_trigger_ddl_commands() \
                   WHERE NOT in_extension AND schema_name IS DISTINCT FROM 'pg_temp' \
                   AND (object_identity LIKE '% on pg_temp.%') IS NOT TRUE \
                   UNION ALL SELECT d.value ->> 1, d.value ->> 0, d.ordinality \
                   FROM jsonb_array_elements($9::jsonb) WITH ORDINALITY d) c(identity, type, place) \
                   GROUP BY identity, type) distinct_objects) o \
                   WHERE o.objects IS NOT NULL RETURNING id";
        let rules = json!(entry.rules).to_string();
        let dropped = json!(entry.dropped.iter().map(|d| [&d.kind, &d.identity]).collect::<Vec<_>>()).to_string();
        let (version, number) = entry.migration.clone().unzip();
        let number = number.map(|n| n.to_string());
        let rows = query_planned(
            sql,
            &[
                Some(&entry.tag),
                entry.statement.as_deref(),
                Some(entry.outcome),
                Some(&rules),
                entry.allowed_by.as_deref().or(OURS.get()),
                entry.message.as_deref(),
                version.as_deref(),
                number.as_deref(),
                Some(&dropped),
                Some(&role),
            ],
        )?;
        match rows.first().and_then(|r| r.number::<u64>(0)) {
            // Now and then, and never much at a time. Under a snapshot of the whole transaction it may fail for what others
            // have deleted meanwhile; then the next one does it.
            Some(id) if id % 100 == 0 => {
                let _ = subtransaction::contained(|| delete_old(1000));
                Ok(true)
            }
            _ => Ok(true),
        }
    })
}

/// Has a background worker add a row for a statement that is refused, because its transaction will be rolled back.
pub fn refused(entry: &Entry, refusal: &Report) -> Result<()> {
    let role = current_role();
    let caller = as_owner(|| {
        query_planned(
            "SELECT clock_timestamp(), session_user, inet_client_addr(), current_setting('application_name'), \
             pg_backend_pid(), pg_current_xact_id_if_assigned()",
            &[],
        )
    })?;
    let about = |column| caller.first().and_then(|r| r.text(column));
    let named = [&refusal.schema, &refusal.table].map(|name| name.as_deref().map(relation::quoted));
    let object = match named {
        [Some(schema), Some(table)] => vec![format!("{schema}.{table}")],
        _ => Vec::new(),
    };
    let row = json!({
        "at": about(0),
        "tag": entry.tag,
        "statement": entry.statement,
        "outcome": entry.outcome,
        "rules": entry.rules,
        "allowed_by": entry.allowed_by,
        "message": entry.message,
        "migration": entry.migration.as_ref().map(|m| &m.0),
        "migration_statement": entry.migration.as_ref().map(|m| m.1),
        "object_types": object.iter().map(|_| "relation").collect::<Vec<_>>(),
        "objects": object,
        "role": role,
        "session_role": about(1),
        "client_addr": about(2),
        "application_name": about(3),
        "backend_pid": about(4),
        "xid": about(5),
    });
    outbox::post("migrator_write_refusals", row.to_string())
}

/// What the background worker runs: as the owner, in a session of its own.
pub fn insert_in_own_session(rows: &str) -> Result<()> {
    query(
        "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true), \
         pg_catalog.set_config('lock_timeout', '1s', true)",
        &[],
    )?;
    let sql = "INSERT INTO migrator.ddl (at, tag, statement, outcome, rules, allowed_by, message, migration, \
               migration_statement, objects, object_types, role, session_role, client_addr, application_name, \
               backend_pid, xid) \
               SELECT r.at, r.tag, r.statement, r.outcome, r.rules, r.allowed_by, r.message, r.migration, \
               r.migration_statement, r.objects, r.object_types, r.role, r.session_role, r.client_addr, \
               r.application_name, r.backend_pid, r.xid \
               FROM jsonb_populate_recordset(NULL::migrator.ddl, $1::jsonb) r";
    query(sql, &[Some(rows)]).map(drop)
}

/// What the statement drops: named by it, or taken along; not what is part of those. And the policies of dropped tables go.
/// While `sql_drop` is called only.
pub fn dropped() -> Result<Vec<Object>> {
    as_owner(|| {
        let sql = "WITH d AS MATERIALIZED (SELECT * FROM pg_event_trigger_dropped_objects()), \
                   p AS (DELETE FROM migrator.policy USING d WHERE d.classid = 'pg_class'::regclass \
                   AND d.objsubid = 0 AND relation = d.objid) \
                   SELECT object_type, object_identity FROM d WHERE (original OR normal) AND NOT is_temporary \
                   AND object_type <> 'default value' AND object_identity NOT LIKE '\"\\_RETURN\" on %' \
                   AND object_identity NOT LIKE '% on pg_temp.%'";
        let rows = query_planned(sql, &[])?;
        Ok(rows.iter().map(|r| Object { kind: r.required(0), identity: r.required(1) }).collect())
    })
}

/// What Postgres is about to rewrite. While `table_rewrite` is called only.
pub fn rewritten() -> Result<(u32, i32)> {
    as_owner(|| {
        let sql = "SELECT pg_event_trigger_table_rewrite_oid(), pg_event_trigger_table_rewrite_reason()";
        let rows = query(sql, &[])?;
        Ok(rows.first().map(|r| (r.number(0).unwrap_or(0), r.number(1).unwrap_or(0))).unwrap_or_default())
    })
}

/// Rules that a statement of the migration would have broken, had it not been allowed to.
pub fn allowed_in(version: &str) -> Result<Vec<String>> {
    as_owner(|| {
        let sql = "SELECT DISTINCT unnest(rules) FROM migrator.ddl WHERE migration = $1";
        Ok(query(sql, &[Some(version)])?.iter().map(|r| r.required(0)).collect())
    })
}

/// Deletes rows older than `migrator.ddl_log_retention`, the oldest first; how many. Rows that somebody else is deleting are
/// left to them.
pub fn prune(at_most: i64) -> Result<i64> {
    as_owner(|| delete_old(at_most))
}

fn delete_old(at_most: i64) -> Result<i64> {
    let minutes = crate::settings::ddl_log_retention_minutes();
    if minutes == 0 {
        return Ok(0);
    }
    let sql = "DELETE FROM migrator.ddl WHERE id IN (SELECT id FROM migrator.ddl \
               WHERE at < clock_timestamp() - make_interval(mins => $1::int) \
               AND id <= (SELECT max(id) FROM (SELECT id FROM migrator.ddl ORDER BY id LIMIT $2::bigint) oldest) \
               ORDER BY id FOR UPDATE SKIP LOCKED)";
    let _deleting = Deleting::begin();
    let rows = query(sql, &[Some(&minutes.to_string()), Some(&at_most.to_string())])?;
    Ok(i64::try_from(rows.processed).unwrap_or(i64::MAX))
}

thread_local! {
    static DELETING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// While it lives, rows may be deleted.
struct Deleting;

impl Deleting {
    fn begin() -> Self {
        DELETING.set(true);
        Self
    }
}

impl Drop for Deleting {
    fn drop(&mut self) {
        DELETING.set(false);
    }
}

/// Whether it is us who delete now.
pub fn is_pruning() -> bool {
    DELETING.get()
}

thread_local! {
    static OURS: std::cell::Cell<Option<&'static str>> = const { std::cell::Cell::new(None) };
}

/// While it lives, DDL that is logged is what a function of ours does, and no drift.
pub struct Ours;

impl Ours {
    /// Begins; `function` is its name, which the log has under `allowed_by`.
    pub fn begin(function: &'static str) -> Self {
        OURS.set(Some(function));
        Self
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        OURS.set(None);
    }
}
