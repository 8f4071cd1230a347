//! CREATE PUBLICATION, ALTER PUBLICATION ADD / SET.

use pgrx::pg_sys::{self, AlterPublicationAction, NodeTag, Oid, PublicationObjSpecType};

use crate::ddl::{Change, ChangeKind, LockMode, Relation};
use crate::error::Result;
use crate::pg::{convert, node, relation, statement_text};

/// CREATE PUBLICATION that publishes UPDATE or DELETE.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn created(statement: &pg_sys::CreatePublicationStmt) -> Result<Option<Change>> {
    // SAFETY: names are NULL or NUL-terminated.
    unsafe {
        if !publishes_old_rows(statement.options) {
            return Ok(None);
        }
        let sql = statement_text::of(std::ptr::from_ref(statement).cast_mut().cast());
        published(statement.pubname, statement.pubobjects, statement.for_all_tables, sql)
    }
}

/// ADD and SET of tables and schemas.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn altered(statement: &pg_sys::AlterPublicationStmt) -> Result<Option<Change>> {
    // SAFETY: names are NULL or NUL-terminated; a publication's row is palloc'd.
    unsafe {
        if statement.action == AlterPublicationAction::AP_DropObjects || statement.pubname.is_null() {
            return Ok(None);
        }
        let oid = pg_sys::get_publication_oid(statement.pubname, true);
        if oid == Oid::INVALID {
            return Ok(None);
        }
        let actions = &(*pg_sys::GetPublication(oid)).pubactions;
        if !actions.pubupdate && !actions.pubdelete {
            return Ok(None);
        }
        let sql = statement_text::of(std::ptr::from_ref(statement).cast_mut().cast());
        published(statement.pubname, statement.pubobjects, false, sql)
    }
}

/// # Safety
/// As for [`created`].
unsafe fn published(
    name: *const std::ffi::c_char,
    objects: *const pg_sys::List,
    all: bool,
    sql: Option<String>,
) -> Result<Option<Change>> {
    let mut tables: Vec<Relation> = Vec::new();
    let mut schemas: Vec<u32> = Vec::new();
    // SAFETY: the tag is checked before each cast; names are NUL-terminated.
    unsafe {
        let Some(publication) = convert::string(name) else { return Ok(None) };
        for spec in node::elements(objects) {
            let Some(spec) = node::cast::<pg_sys::PublicationObjSpec>(spec, NodeTag::T_PublicationObjSpec) else {
                continue;
            };
            match (*spec).pubobjtype {
                PublicationObjSpecType::PUBLICATIONOBJ_TABLE if !(*spec).pubtable.is_null() => {
                    let range = (*(*spec).pubtable).relation;
                    if let Some(oid) = relation::lookup(range)?
                        && let Some(table) = relation::guarded(oid, (*range).inh)?
                    {
                        tables.push(table);
                    }
                }
                PublicationObjSpecType::PUBLICATIONOBJ_TABLES_IN_SCHEMA => {
                    schemas.push(pg_sys::get_namespace_oid((*spec).name, false).to_u32());
                }
                PublicationObjSpecType::PUBLICATIONOBJ_TABLES_IN_CUR_SCHEMA => {
                    let path = pg_sys::fetch_search_path(false);
                    if !path.is_null() && (*path).length > 0 {
                        schemas.push((*(*path).elements).oid_value.to_u32());
                    }
                }
                _ => {}
            }
        }
        if tables.is_empty() && schemas.is_empty() && !all {
            return Ok(None);
        }
        Ok(Some(Change {
            on: tables.first().cloned(),
            lock: (!tables.is_empty()).then_some(LockMode::ShareUpdateExclusive),
            kind: ChangeKind::Publish { publication, tables, schemas, all },
            sql: sql.filter(|sql| !sql.contains('\n')),
            work: Vec::new(),
        }))
    }
}

/// Whether WITH (publish = ...) lets UPDATE or DELETE through; without it, everything is published.
///
/// # Safety
/// `options` is NIL or a list of nodes.
unsafe fn publishes_old_rows(options: *const pg_sys::List) -> bool {
    // SAFETY: the tag is checked before the cast; defGetString returns a NUL-terminated string.
    unsafe {
        node::elements(options)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::DefElem>(n, NodeTag::T_DefElem))
            .find(|option| convert::string((**option).defname).as_deref() == Some("publish"))
            .and_then(|option| convert::string(pg_sys::defGetString(option)))
            .is_none_or(|list| list.contains("update") || list.contains("delete"))
    }
}
