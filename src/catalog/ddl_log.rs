//! `migrator.ddl`: the log of DDL, append-only. Read by people as `migrator.ddl_log`.

use serde_json::json;

use super::dependents::RELATIONS;
use super::keys::oid_array;
use super::policy;
use crate::error::{Report, Result, SqlState, fail};
use crate::pg::append::{self, Value};
use crate::pg::spi::{query, query_planned};
use crate::pg::user::{application_name, as_owner, current_role, session_role, with_owners_rights};
use crate::pg::{affected, outbox, relation, sequence, subtransaction};

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
    let objects = objects(&entry.dropped)?;
    if objects.is_empty() { Ok(true) } else { ran_about(entry, &objects) }
}

/// The same for a statement that reaches no event trigger, and whose objects are known otherwise.
pub fn ran_about(entry: &Entry, objects: &[Object]) -> Result<bool> {
    let Some(table) = relation::try_lock_for_insert("migrator", "ddl") else { return Ok(false) };
    let role = current_role();
    let work = || -> Result<i64> {
        let id = next_id()?;
        add(table, id, entry, objects, &role)?;
        Ok(id)
    };
    // Whatever else somebody has put on the table runs as it does with INSERT.
    let id = if append::is_plain(table, CHECKS) { with_owners_rights(work) } else { as_owner(work) }?;
    // Now and then, and never much at a time. Under a snapshot of the whole transaction it may fail for what others have
    // deleted meanwhile; then the next one does it.
    if id % PRUNED_EVERY == 0 {
        let _ = subtransaction::contained(|| as_owner(|| delete_old(2 * PRUNED_EVERY)));
    }
    Ok(true)
}

/// As Postgres says that there is no such relation.
const UNDEFINED_TABLE: SqlState = SqlState(*b"42P01");

/// After so many rows those that are too old are deleted: looking for them takes longer than writing one.
const PRUNED_EVERY: i64 = 1000;

/// How many checks the table of the first release has, and so one that was not updated yet.
const CHECKS: u16 = 1;

/// What a statement has made, changed or dropped, each once, in the order in which Postgres says so.
fn objects(dropped: &[Object]) -> Result<Vec<Object>> {
    let made = affected::made()?.into_iter().filter(|made| made.shown);
    let made =
        made.map(|made| Object { identity: made.identity.unwrap_or_else(|| made.kind.clone()), kind: made.kind });
    let mut places: Vec<(usize, Object)> = made.enumerate().chain(dropped.iter().cloned().enumerate()).collect();
    places.sort_by_key(|(place, _)| *place);
    let mut objects: Vec<Object> = Vec::with_capacity(places.len());
    for (_, object) in places {
        if !objects.contains(&object) {
            objects.push(object);
        }
    }
    Ok(objects)
}

fn add(table: u32, id: i64, entry: &Entry, objects: &[Object], role: &str) -> Result<()> {
    let identities: Vec<&str> = objects.iter().map(|o| o.identity.as_str()).collect();
    let kinds: Vec<&str> = objects.iter().map(|o| o.kind.as_str()).collect();
    let rules: Vec<&str> = entry.rules.iter().map(String::as_str).collect();
    let (session_role, application) = (session_role(), application_name());
    let mut values = vec![
        ("id", Value::BigInteger(id)),
        ("at", Value::Now),
        ("tag", Value::Text(&entry.tag)),
        ("objects", Value::Texts(&identities)),
        ("object_types", Value::Texts(&kinds)),
        ("session_role", Value::Name(&session_role)),
        ("role", Value::Name(role)),
        ("client_addr", Value::ClientAddress),
        ("application_name", Value::Text(&application)),
        ("backend_pid", Value::Process),
        ("xid", Value::Transaction),
        ("outcome", Value::Text(entry.outcome)),
        ("rules", Value::Texts(&rules)),
    ];
    let allowed_by = entry.allowed_by.as_deref().or(OURS.get());
    let texts =
        [("statement", entry.statement.as_deref()), ("allowed_by", allowed_by), ("message", entry.message.as_deref())];
    values.extend(texts.into_iter().filter_map(|(name, text)| Some((name, Value::Text(text?)))));
    if let Some((version, number)) = &entry.migration {
        values.push(("migration", Value::Text(version)));
        values.push(("migration_statement", Value::Integer(i32::try_from(*number).unwrap_or(i32::MAX))));
    }
    append::row(table, &values)
}

/// The number of the next row.
fn next_id() -> Result<i64> {
    let Some(sequence) = relation::named("migrator", "ddl_id_seq") else {
        return fail(
            Report::new(UNDEFINED_TABLE, "the sequence migrator.ddl_id_seq is missing")
                .hint("Make it anew, and owned by migrator.ddl.id."),
        );
    };
    sequence::next(sequence, || {
        as_owner(|| {
            let rows = query_planned("SELECT last_value FROM migrator.ddl_id_seq", &[])?;
            Ok(rows.first().and_then(|r| r.number(0)).unwrap_or(1))
        })
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
    let count = query("SELECT jsonb_array_length($1::jsonb)", &[Some(rows)])?;
    let count: usize = count.first().and_then(|r| r.number(0)).unwrap_or(0);
    // Numbered as the others are, see `sequence::next`; nobody is made to wait until this is committed.
    query("LOCK TABLE migrator.ddl IN ROW EXCLUSIVE MODE", &[])?;
    let ids = (0..count).map(|_| next_id().map(|id| id.to_string())).collect::<Result<Vec<_>>>()?.join(",");
    let sql = "INSERT INTO migrator.ddl (id, at, tag, statement, outcome, rules, allowed_by, message, migration, \
               migration_statement, objects, object_types, role, session_role, client_addr, application_name, \
               backend_pid, xid) OVERRIDING SYSTEM VALUE \
               SELECT ($2::bigint[])[place], r.at, r.tag, r.statement, r.outcome, r.rules, r.allowed_by, r.message, r.migration, \
               r.migration_statement, r.objects, r.object_types, r.role, r.session_role, r.client_addr, \
               r.application_name, r.backend_pid, r.xid \
               FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY a(refusal, place) \
               CROSS JOIN LATERAL jsonb_populate_record(NULL::migrator.ddl, refusal) r";
    query(sql, &[Some(rows), Some(&format!("{{{ids}}}"))]).map(drop)
}

/// What the statement drops: named by it, or taken along; not what is part of those. And the policies of dropped tables go.
/// While `sql_drop` is called only.
pub fn dropped() -> Result<Vec<Object>> {
    let all = affected::dropped()?;
    let tables: Vec<u32> = all.iter().filter(|d| d.class == RELATIONS).map(|d| d.oid).collect();
    if !tables.is_empty() && policy::may_exist() {
        as_owner(|| {
            let sql = "DELETE FROM migrator.policy WHERE relation = ANY ($1::oid[])";
            query_planned(sql, &[Some(&oid_array(&tables))])
        })?;
    }
    let shown = all.into_iter().filter(|d| d.shown);
    Ok(shown.map(|d| Object { kind: d.kind, identity: d.identity.unwrap_or_default() }).collect())
}

/// What Postgres is about to rewrite. While `table_rewrite` is called only.
pub fn rewritten() -> (u32, i32) {
    affected::rewritten()
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
