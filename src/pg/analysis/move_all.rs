//! SET TABLESPACE of an index, and ALTER ... ALL IN TABLESPACE.

use pgrx::pg_sys::{self, AlterTableType as At, NodeTag, ObjectType, Oid};

use super::alter_table::moves;
use super::catalogue::{CLASS_BY_OID, INDEX_BY_OID, Key};
use super::{held, index_statement, prior};
use crate::ddl::{Change, ChangeKind, LockMode, Work, WorkKind};
use crate::error::Result;
use crate::pg::{convert, node, relation, statement_text, versions};

/// SET TABLESPACE of an index: its lock stops whoever writes to the table. `None` when the statement is something else.
///
/// # Safety
/// `alter` is the parser's tree.
pub unsafe fn of_index(alter: &pg_sys::AlterTableStmt) -> Result<Option<Change>> {
    // SAFETY: the caller's promise; names are NUL-terminated, the tag is checked.
    unsafe {
        if alter.relation.is_null() {
            return Ok(None);
        }
        let Some(index) = relation::lookup(alter.relation)? else { return Ok(None) };
        let (mut own, mut others): (Vec<&pg_sys::AlterTableCmd>, Vec<_>) = node::elements(alter.cmds)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::AlterTableCmd>(n, NodeTag::T_AlterTableCmd))
            .map(|c| &*c)
            .partition(|c| c.subtype == At::AT_SetTableSpace);
        let (Some(command), Some(table)) = (own.pop(), table_of(index)) else { return Ok(None) };
        let Some(on) = relation::guarded(table, false)? else { return Ok(None) };
        let wanted = pg_sys::get_tablespace_oid(command.name, false);
        let name = convert::string(command.name).unwrap_or_default();
        let mut work: Vec<Work> = Vec::new();
        // Twice in one statement is refused.
        if own.is_empty() && moves(index, wanted, pg_sys::MyDatabaseTableSpace) {
            work.extend(held::work(table, WorkKind::Copy, LockMode::AccessExclusive));
        }
        let alone = others.is_empty();
        let before: Option<Vec<String>> = others.drain(..).map(|other| option(index, other)).collect();
        let online = before.and_then(|before| Some([before, vec![built(index, &name)?]].concat()));
        let sql = if alone { Some(moved(index, &name)) } else { statement_text::on_one_line(alter) };
        let what = Some(format!("index \"{}\"", relation::names(index).1));
        let kind = ChangeKind::SetTablespace { name, what, online: online.unwrap_or_default() };
        // The lock is on the index, which whoever reads or writes the table locks too.
        Ok(Some(Change { on: Some(on), kind, lock: Some(LockMode::AccessExclusive), sql, work }))
    }
}

/// `ALTER INDEX ... SET TABLESPACE`.
fn moved(index: Oid, space: &str) -> String {
    format!("ALTER INDEX {} SET TABLESPACE {}", relation::qualified_name(index.to_u32()), relation::quoted(space))
}

/// The statement that builds an index in a tablespace without blocking; a partitioned one is only noted there. `None` when
/// there is none: the index of an exclusion constraint.
fn built(index: Oid, space: &str) -> Option<String> {
    let rows = INDEX_BY_OID.rows(&[Key::Oid(c"indexrelid", index.to_u32())]);
    let row = rows.first()?;
    if relation::kind_of(index) == pg_sys::RELKIND_PARTITIONED_INDEX {
        return Some(moved(index, space));
    }
    let (name, space) = (relation::qualified_name(index.to_u32()), relation::quoted(space));
    let exclusion = row.boolean(c"indisexclusion") == Some(true);
    (!exclusion).then(|| format!("REINDEX (CONCURRENTLY, TABLESPACE {space}) INDEX {name}"))
}

/// SET or RESET of an index's options as a statement of its own; `None` for other commands.
///
/// # Safety
/// `command` is the parser's.
unsafe fn option(index: Oid, command: &pg_sys::AlterTableCmd) -> Option<String> {
    let word = match command.subtype {
        At::AT_SetRelOptions => "SET",
        At::AT_ResetRelOptions => "RESET",
        _ => return None,
    };
    // SAFETY: the caller's promise: a list of DefElem.
    let options = unsafe { index_statement::options(command.def.cast()) }?;
    Some(format!("ALTER INDEX {} {word} ({options})", relation::qualified_name(index.to_u32())))
}

/// ALTER TABLE / INDEX / MATERIALIZED VIEW ALL IN TABLESPACE.
///
/// # Safety
/// `alter` is the parser's tree.
pub unsafe fn all(alter: &pg_sys::AlterTableMoveAllStmt) -> Result<Option<Change>> {
    // SAFETY: the caller's promise; names are NUL-terminated.
    let (to, default, name, matching) = unsafe {
        let to = pg_sys::get_tablespace_oid(alter.new_tablespacename, false);
        let name = convert::string(alter.new_tablespacename).unwrap_or_default();
        (to, pg_sys::MyDatabaseTableSpace, name, matching(alter)?)
    };
    // Postgres moves all of them or none.
    let refused = !prior::in_script() && !matching.iter().all(|oid| versions::is_relation_owner(*oid));
    let relations: Vec<Oid> = matching.into_iter().filter(|oid| !refused && moves(*oid, to, default)).collect();
    let work: Vec<Work> = relations
        .iter()
        .filter_map(|oid| held::work(table_of(*oid).unwrap_or(*oid), WorkKind::Copy, LockMode::AccessExclusive))
        .collect();
    let first = work.first().map(|w| Oid::from(w.relation));
    let on = first.map(|table| relation::describe(table, false)).transpose()?;
    let (one, many) = match alter.objtype {
        ObjectType::OBJECT_INDEX => ("index", "indexes"),
        ObjectType::OBJECT_MATVIEW => ("materialized view", "materialized views"),
        _ => ("table", "tables"),
    };
    let what = Some(format!("{} {}", work.len(), if work.len() == 1 { one } else { many }));
    let online = if alter.objtype == ObjectType::OBJECT_INDEX && relations.len() <= LISTED {
        relations.iter().map(|index| built(*index, &name)).collect::<Option<Vec<String>>>().unwrap_or_default()
    } else {
        Vec::new()
    };
    // SAFETY: the caller's promise.
    let sql = unsafe { statement_text::on_one_line(alter) };
    let kind = ChangeKind::SetTablespace { name, what, online };
    Ok(Some(Change { on, kind, lock: Some(LockMode::AccessExclusive), sql, work }))
}

/// So many statements fit into a hint.
const LISTED: usize = 20;

/// What AlterTableMoveAll finds: by kind, tablespace and owner, whether it has storage or not.
///
/// # Safety
/// `alter` is the parser's tree.
unsafe fn matching(alter: &pg_sys::AlterTableMoveAllStmt) -> Result<Vec<Oid>> {
    // SAFETY: the caller's promise; names are NUL-terminated, roles are RoleSpec nodes.
    unsafe {
        let from = pg_sys::get_tablespace_oid(alter.orig_tablespacename, false);
        let stored = if from == pg_sys::MyDatabaseTableSpace { 0 } else { from.to_u32() };
        let mut owners = Vec::new();
        for role in node::elements(alter.roles) {
            owners.push(pg_sys::get_rolespec_oid(role.cast::<pg_sys::RoleSpec>(), false).to_u32());
        }
        let kinds: &[char] = match alter.objtype {
            ObjectType::OBJECT_INDEX => &['i', 'I'],
            ObjectType::OBJECT_MATVIEW => &['m'],
            _ => &['r', 'p'],
        };
        let is_left_alone = |schema: Oid| {
            pg_sys::IsCatalogNamespace(schema) || pg_sys::isAnyTempNamespace(schema) || pg_sys::IsToastNamespace(schema)
        };
        let rows = CLASS_BY_OID.rows(&[]);
        let wanted = rows.iter().filter(|row| {
            row.oid(c"reltablespace") == stored
                && kinds.contains(&row.character(c"relkind"))
                && (owners.is_empty() || owners.contains(&row.oid(c"relowner")))
                && !is_left_alone(Oid::from(row.oid(c"relnamespace")))
        });
        Ok(wanted.map(|row| Oid::from(row.oid(c"oid"))).collect())
    }
}

/// The table of an index.
fn table_of(index: Oid) -> Option<Oid> {
    let rows = INDEX_BY_OID.rows(&[Key::Oid(c"indexrelid", index.to_u32())]);
    rows.first().map(|row| Oid::from(row.oid(c"indrelid")))
}
