//! REINDEX without CONCURRENTLY: writes wait for the table, and reads for the index.

use pgrx::pg_sys::{self, NodeTag, Oid, ReindexObjectType};

use super::catalogue::{CLASS, Catalogue, INDEX_BY_OID, INDEXES_OF, Key};
use super::held;
use crate::ddl::{Change, ChangeKind, LockMode, Work, WorkKind};
use crate::error::Result;
use crate::pg::{convert, node, relation, versions};

/// pg_class by oid.
const CLASS_BY_OID: Catalogue = Catalogue { oid: CLASS, index: 2662 };

/// The statement as a change; `None` for what is none of the guard's business.
///
/// # Safety
/// `reindex` is the parser's tree.
pub unsafe fn change(reindex: &pg_sys::ReindexStmt) -> Result<Option<Change>> {
    // SAFETY: the caller's promise; names are NULL or NUL-terminated.
    unsafe {
        let options = Options::of(reindex.params);
        let (word, name, tables, index) = match reindex.kind {
            ReindexObjectType::REINDEX_OBJECT_INDEX => {
                let Some(index) = relation::lookup(reindex.relation)? else { return Ok(None) };
                let tables = relation::inheritors(index)?.into_iter().filter_map(table_of).collect();
                ("INDEX", relation::qualified_name(index.to_u32()), tables, Some(index))
            }
            ReindexObjectType::REINDEX_OBJECT_TABLE => {
                let Some(table) = relation::lookup(reindex.relation)? else { return Ok(None) };
                let partitioned = relation::kind_of(table) == pg_sys::RELKIND_PARTITIONED_TABLE;
                let tables = if partitioned { relation::inheritors(table)? } else { vec![table] };
                ("TABLE", relation::qualified_name(table.to_u32()), tables, None)
            }
            ReindexObjectType::REINDEX_OBJECT_SCHEMA => {
                let schema = pg_sys::get_namespace_oid(reindex.name, false);
                let name = convert::string(reindex.name).unwrap_or_default();
                ("SCHEMA", relation::quoted(&name), tables_in(Some(schema)), None)
            }
            ReindexObjectType::REINDEX_OBJECT_DATABASE => ("DATABASE", String::new(), tables_in(None), None),
            _ => return Ok(None),
        };
        let tables: Vec<Oid> = tables.into_iter().filter(|t| index.is_some() || has_indexes(*t)).collect();
        let lock = if options.concurrently { LockMode::ShareUpdateExclusive } else { LockMode::Share };
        let work: Vec<Work> = if options.concurrently {
            Vec::new()
        } else {
            tables
                .iter()
                .filter(|table| versions::is_relation_owner(**table))
                .filter_map(|table| held::work(*table, WorkKind::Build, lock))
                .collect()
        };
        let first = work.first().map(|w| Oid::from(w.relation));
        let on = first.map(|table| relation::describe(table, false)).transpose()?;
        let space = options.tablespace.map(|s| format!(", TABLESPACE {}", relation::quoted(&s))).unwrap_or_default();
        let kind = ChangeKind::Reindex {
            concurrently: options.concurrently,
            instead: format!("REINDEX (CONCURRENTLY{space}) {word} {name}").trim_end().to_owned(),
            what: format!("{} {name}", word.to_lowercase()).trim_end().to_owned(),
        };
        Ok(Some(Change { on, kind, lock: Some(lock), sql: None, work }))
    }
}

/// What stands in the parentheses, and CONCURRENTLY.
#[derive(Default)]
struct Options {
    concurrently: bool,
    tablespace: Option<String>,
}

impl Options {
    /// # Safety
    /// `list` is NIL or a list of DefElem.
    unsafe fn of(list: *mut pg_sys::List) -> Self {
        let mut options = Self::default();
        // SAFETY: the tag is checked; the values are read by Postgres.
        unsafe {
            for n in node::elements(list) {
                let Some(element) = node::cast::<pg_sys::DefElem>(n, NodeTag::T_DefElem) else { continue };
                match convert::string((*element).defname).as_deref() {
                    Some("concurrently") => options.concurrently = pg_sys::defGetBoolean(element),
                    Some("tablespace") => options.tablespace = convert::string(pg_sys::defGetString(element)),
                    _ => {}
                }
            }
        }
        options
    }
}

/// The table of an index with storage.
fn table_of(index: Oid) -> Option<Oid> {
    if relation::kind_of(index) != pg_sys::RELKIND_INDEX {
        return None;
    }
    let rows = INDEX_BY_OID.rows(&[Key::Oid(c"indexrelid", index.to_u32())]);
    rows.first().map(|row| Oid::from(row.oid(c"indrelid")))
}

fn has_indexes(table: Oid) -> bool {
    !INDEXES_OF.rows(&[Key::Oid(c"indrelid", table.to_u32())]).is_empty()
}

/// The tables of a schema, or all of them.
fn tables_in(schema: Option<Oid>) -> Vec<Oid> {
    CLASS_BY_OID
        .rows(&[])
        .iter()
        .filter(|row| schema.is_none_or(|schema| row.oid(c"relnamespace") == schema.to_u32()))
        .filter(|row| ['r', 'm'].contains(&row.character(c"relkind")))
        .map(|row| Oid::from(row.oid(c"oid")))
        .filter(|oid| oid.to_u32() >= pg_sys::FirstNormalObjectId)
        .collect()
}
