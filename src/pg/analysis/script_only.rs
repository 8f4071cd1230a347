//! Statements for which Postgres fires no event: TRUNCATE, VACUUM FULL, CLUSTER, LOCK. Seen in scripts, and
//! when they are typed where the library is preloaded.

use std::collections::HashSet;

use pgrx::pg_sys::{self, NodeTag, Oid};

use super::catalogue::{self, CLASS, CLASS_BY_OID, CONSTRAINT, DEPENDENTS_OF, INDEXES_OF, Key, Row};
use super::{held, overlay, prior};
use crate::ddl::{Change, ChangeKind, LockMode, Relation, WorkKind};
use crate::error::Result;
use crate::pg::{convert, node, relation, versions};

/// The statement as changes; none when it is another one.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn changes(statement: *mut pg_sys::Node) -> Result<Vec<Change>> {
    // SAFETY: every cast follows the tag.
    unsafe {
        match (*statement).type_ {
            NodeTag::T_TruncateStmt => truncate(&*statement.cast::<pg_sys::TruncateStmt>()),
            NodeTag::T_VacuumStmt => vacuum(&*statement.cast::<pg_sys::VacuumStmt>()),
            NodeTag::T_ClusterStmt => cluster(&*statement.cast::<pg_sys::ClusterStmt>()),
            NodeTag::T_LockStmt => lock(&*statement.cast::<pg_sys::LockStmt>()),
            _ => Ok(Vec::new()),
        }
    }
}

/// # Safety
/// As for [`changes`].
unsafe fn truncate(truncate: &pg_sys::TruncateStmt) -> Result<Vec<Change>> {
    let cascade = truncate.behavior == pg_sys::DropBehavior::DROP_CASCADE;
    // SAFETY: the list holds RangeVars.
    let named = unsafe { relations(truncate.relations) }?;
    let names: Vec<String> = named.iter().map(|(on, only)| format!("{only}{}", on.quoted)).collect();
    let restart = if truncate.restart_seqs { " RESTART IDENTITY" } else { "" };
    let sql = format!("TRUNCATE TABLE {}{restart}{}", names.join(", "), if cascade { " CASCADE" } else { "" });
    // It raises an error before it looks at any row.
    if !cascade && is_referenced(&named)? {
        return Ok(Vec::new());
    }
    let tables: Vec<Relation> = named.into_iter().map(|(on, _)| on).collect();
    let Some(first) = tables.first().cloned() else { return Ok(Vec::new()) };
    Ok(vec![change(first, ChangeKind::Truncate { tables, cascade }, LockMode::AccessExclusive, sql)])
}

/// Whether a foreign key of a table that is not named as well references one of these (`heap_truncate_check_FKs`).
fn is_referenced(named: &[(Relation, &str)]) -> Result<bool> {
    let mut emptied = HashSet::new();
    for (table, only) in named {
        let oid = Oid::from(table.oid);
        let tree = if only.is_empty() { relation::inheritors(oid)? } else { vec![oid] };
        emptied.extend(tree.into_iter().map(Oid::to_u32));
    }
    Ok(emptied.iter().any(|table| {
        let dependents = DEPENDENTS_OF.rows(&[Key::Oid(c"refclassid", CLASS), Key::Oid(c"refobjid", *table)]);
        dependents.iter().filter(|row| row.oid(c"classid") == CONSTRAINT).any(|row| {
            catalogue::constraint(Oid::from(row.oid(c"objid"))).is_some_and(|key| {
                key.character(c"contype") == 'f'
                    && key.oid(c"confrelid") == *table
                    && !emptied.contains(&key.oid(c"conrelid"))
                    && is_kept(key)
            })
        })
    }))
}

/// Whether no earlier statement of the script has dropped a foreign key, or its table.
fn is_kept(mut key: Row) -> bool {
    // That of a partition goes with the one it was made for.
    while let Some(parent) = catalogue::constraint(Oid::from(key.oid(c"conparentid"))) {
        key = parent;
    }
    let owner = Oid::from(key.oid(c"conrelid"));
    let (schema, name) = relation::names(owner);
    let is_there = !prior::in_script() || prior::at(schema, &name).is_some_and(|place| place.oid == Some(owner));
    is_there && !overlay::has_dropped_constraint(owner, &key.name(c"conname"))
}

/// VACUUM FULL; any other VACUUM blocks nobody.
///
/// # Safety
/// As for [`changes`].
unsafe fn vacuum(vacuum: &pg_sys::VacuumStmt) -> Result<Vec<Change>> {
    // SAFETY: the tags are checked before the casts; defGetBoolean reads the element's value.
    unsafe {
        let full = node::elements(vacuum.options)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::DefElem>(n, NodeTag::T_DefElem))
            .filter(|e| convert::string((**e).defname).as_deref() == Some("full"))
            .any(|e| pg_sys::defGetBoolean(e));
        if !full || !vacuum.is_vacuumcmd {
            return Ok(Vec::new());
        }
        let named: Vec<_> = node::elements(vacuum.rels)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::VacuumRelation>(n, NodeTag::T_VacuumRelation))
            .map(|r| (*r).relation)
            .collect();
        if named.is_empty() {
            return Ok(vec![everything(ChangeKind::VacuumFull, "VACUUM FULL")]);
        }
        let mut changes = Vec::new();
        for name in named {
            let Some(on) = table(name, true)? else { continue };
            let sql = format!("VACUUM (FULL) {}", on.quoted);
            changes.push(change(on, ChangeKind::VacuumFull, LockMode::AccessExclusive, sql));
        }
        Ok(changes)
    }
}

/// # Safety
/// As for [`changes`].
unsafe fn cluster(cluster: &pg_sys::ClusterStmt) -> Result<Vec<Change>> {
    if cluster.relation.is_null() {
        return Ok(vec![everything(ChangeKind::Cluster, "CLUSTER")]);
    }
    // SAFETY: a RangeVar of the parser's; the index's name is NULL or NUL-terminated.
    unsafe {
        let Some(on) = table(cluster.relation, true)? else { return Ok(Vec::new()) };
        let index = convert::string(cluster.indexname).map(|i| format!(" USING {}", relation::quoted(&i)));
        let sql = format!("CLUSTER {}{}", on.quoted, index.unwrap_or_default());
        Ok(vec![change(on, ChangeKind::Cluster, LockMode::AccessExclusive, sql)])
    }
}

/// # Safety
/// As for [`changes`].
unsafe fn lock(lock: &pg_sys::LockStmt) -> Result<Vec<Change>> {
    let Some(mode) = LockMode::from_number(lock.mode) else { return Ok(Vec::new()) };
    let mut changes = Vec::new();
    // SAFETY: the list holds RangeVars.
    for (on, only) in unsafe { relations(lock.relations) }? {
        let sql = format!("LOCK TABLE {only}{} IN {} MODE", on.quoted, mode.name());
        changes.push(change(on, ChangeKind::LockTable { mode }, mode, sql));
    }
    Ok(changes)
}

/// Tables named in a list, with `ONLY ` where it stands.
///
/// # Safety
/// `list` is NIL or a list of nodes.
unsafe fn relations(list: *mut pg_sys::List) -> Result<Vec<(Relation, &'static str)>> {
    let mut found = Vec::new();
    // SAFETY: the tag is checked before the cast.
    unsafe {
        for name in node::elements(list) {
            let Some(name) = node::cast::<pg_sys::RangeVar>(name, NodeTag::T_RangeVar) else { continue };
            if let Some(on) = table(name, (*name).inh)? {
                found.push((on, if (*name).inh { "" } else { "ONLY " }));
            }
        }
    }
    Ok(found)
}

/// A table that other sessions know, whoever owns it: TRUNCATE and LOCK are rights of their own.
///
/// # Safety
/// `name` is NULL or a RangeVar.
unsafe fn table(name: *const pg_sys::RangeVar, with_children: bool) -> Result<Option<Relation>> {
    // SAFETY: the caller's promise.
    let oid = if name.is_null() { None } else { unsafe { relation::lookup(name) }? };
    let Some(oid) = oid else { return Ok(None) };
    let kinds = [pg_sys::RELKIND_RELATION, pg_sys::RELKIND_PARTITIONED_TABLE, pg_sys::RELKIND_MATVIEW];
    if !kinds.contains(&relation::kind_of(oid)) || !relation::concerns_others(oid) {
        return Ok(None);
    }
    relation::describe(oid, with_children).map(Some)
}

fn change(on: Relation, kind: ChangeKind, lock: LockMode, sql: String) -> Change {
    let rewritten = on.leaves.iter().filter(|leaf| writes_anew(&kind, **leaf));
    let work = rewritten.filter_map(|leaf| held::work(Oid::from(*leaf), WorkKind::Rewrite, lock)).collect();
    Change { on: Some(on), kind, lock: Some(lock), sql: Some(sql), work }
}

/// Whether a command writes this table anew. Postgres skips, with a warning, what the role may not touch; who will run a script is
/// not known.
fn writes_anew(kind: &ChangeKind, table: u32) -> bool {
    // SAFETY: a global.
    let database = unsafe { pg_sys::MyDatabaseId };
    let may = || prior::in_script() || versions::may_maintain(Oid::from(table));
    match kind {
        ChangeKind::VacuumFull => may() || versions::is_object_owner(pg_sys::DatabaseRelationId, database),
        ChangeKind::Cluster => may(),
        _ => false,
    }
}

/// VACUUM FULL of every table of the database, or CLUSTER of every one that has been clustered: each is locked while it is
/// written anew.
fn everything(kind: ChangeKind, sql: &str) -> Change {
    let lock = LockMode::AccessExclusive;
    let is_clustered = |table: u32| {
        INDEXES_OF
            .rows(&[Key::Oid(c"indrelid", table)])
            .iter()
            .any(|index| index.boolean(c"indisclustered") == Some(true))
    };
    let tables = CLASS_BY_OID.rows(&[]).into_iter().filter(|row| matches!(row.character(c"relkind"), 'r' | 'm'));
    let work = tables
        .map(|row| row.oid(c"oid"))
        .filter(|table| kind != ChangeKind::Cluster || is_clustered(*table))
        .filter(|table| writes_anew(&kind, *table))
        .filter_map(|table| held::work(Oid::from(table), WorkKind::Rewrite, lock))
        .collect();
    Change { on: None, kind, lock: Some(lock), sql: Some(sql.to_owned()), work }
}
