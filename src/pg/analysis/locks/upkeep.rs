//! Commands that define nothing: TRUNCATE, VACUUM, REINDEX, REFRESH, COPY, COMMENT, GRANT, CALL and the like.

use pgrx::pg_sys::{self, Node, NodeTag, ObjectType};

use super::{peers, query, taken::Taken};
use crate::ddl::{Change, LockMode};
use crate::error::Result;
use crate::pg::{convert, lexer, node, relation, versions};

/// Commands that define nothing.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn locks(statement: *mut Node, changes: &[Change], taken: &mut Taken) -> Result<bool> {
    // SAFETY: every cast follows the tag.
    unsafe {
        match (*statement).type_ {
            NodeTag::T_TruncateStmt => truncate(&*statement.cast(), taken)?,
            NodeTag::T_VacuumStmt => vacuum(&*statement.cast(), taken)?,
            NodeTag::T_ClusterStmt => {
                let cluster = &*statement.cast::<pg_sys::ClusterStmt>();
                if cluster.relation.is_null() {
                    taken.all("every clustered table of the database".to_owned(), LockMode::AccessExclusive);
                }
                taken.subject(cluster.relation, LockMode::AccessExclusive)?;
            }
            NodeTag::T_LockStmt => {
                let lock = &*statement.cast::<pg_sys::LockStmt>();
                let mode = LockMode::from_number(lock.mode).unwrap_or(LockMode::AccessExclusive);
                for place in taken.subjects(lock.relations, mode)? {
                    query::below(place.oid, mode, taken);
                }
            }
            NodeTag::T_ReindexStmt => reindex(&*statement.cast(), taken)?,
            NodeTag::T_RefreshMatViewStmt => {
                let refresh = &*statement.cast::<pg_sys::RefreshMatViewStmt>();
                let mode = if refresh.concurrent { LockMode::Exclusive } else { LockMode::AccessExclusive };
                let place = taken.subject(refresh.relation, mode)?;
                for table in place.and_then(|p| p.oid).map(query::read_by).unwrap_or_default() {
                    taken.oid(table, LockMode::AccessShare, false);
                }
            }
            NodeTag::T_CopyStmt => {
                let copy = &*statement.cast::<pg_sys::CopyStmt>();
                let mode = if copy.is_from { LockMode::RowExclusive } else { LockMode::AccessShare };
                taken.subject(copy.relation, mode)?;
                if !copy.query.is_null() {
                    query::locks(copy.query, taken)?;
                }
            }
            NodeTag::T_CommentStmt => comment(&*statement.cast(), taken)?,
            NodeTag::T_GrantStmt => {
                let grant = &*statement.cast::<pg_sys::GrantStmt>();
                let relations = [ObjectType::OBJECT_TABLE, ObjectType::OBJECT_SEQUENCE].contains(&grant.objtype);
                let named = grant.targtype == pg_sys::GrantTargetType::ACL_TARGET_OBJECT;
                if versions::GRANT_LOCKS && relations && named {
                    taken.subjects(grant.objects, LockMode::AccessShare)?;
                }
            }
            _ => return rest(statement, changes, taken),
        }
    }
    Ok(true)
}

/// # Safety
/// As for [`locks`].
unsafe fn rest(statement: *mut Node, changes: &[Change], taken: &mut Taken) -> Result<bool> {
    // SAFETY: every cast follows the tag.
    unsafe {
        match (*statement).type_ {
            NodeTag::T_CreatePublicationStmt => {
                published((*statement.cast::<pg_sys::CreatePublicationStmt>()).pubobjects, taken)?;
            }
            NodeTag::T_AlterPublicationStmt => {
                published((*statement.cast::<pg_sys::AlterPublicationStmt>()).pubobjects, taken)?;
            }
            NodeTag::T_ExplainStmt => {
                return super::collect((*statement.cast::<pg_sys::ExplainStmt>()).query, changes, taken);
            }
            NodeTag::T_CallStmt => return call(&*statement.cast(), taken),
            // What these do stands elsewhere.
            NodeTag::T_DoStmt
            | NodeTag::T_ExecuteStmt
            | NodeTag::T_CreateExtensionStmt
            | NodeTag::T_AlterExtensionStmt
            | NodeTag::T_AlterExtensionContentsStmt
            | NodeTag::T_DropOwnedStmt
            | NodeTag::T_ReassignOwnedStmt
            | NodeTag::T_ImportForeignSchemaStmt
            | NodeTag::T_AlterObjectDependsStmt => return Ok(false),
            _ => {}
        }
    }
    Ok(true)
}

/// # Safety
/// The parser's tree.
unsafe fn truncate(truncate: &pg_sys::TruncateStmt, taken: &mut Taken) -> Result<()> {
    // SAFETY: the caller's promise.
    let places = unsafe { taken.subjects(truncate.relations, LockMode::AccessExclusive) }?;
    if truncate.behavior == pg_sys::DropBehavior::DROP_CASCADE {
        for table in places.into_iter().filter_map(|place| place.oid) {
            peers::referencing(table, taken);
        }
    }
    Ok(())
}

/// # Safety
/// The parser's tree.
unsafe fn vacuum(vacuum: &pg_sys::VacuumStmt, taken: &mut Taken) -> Result<()> {
    // SAFETY: the tags are checked before the casts; defGetBoolean reads the element's value.
    unsafe {
        let full = vacuum.is_vacuumcmd
            && node::elements(vacuum.options)
                .into_iter()
                .filter_map(|n| node::cast::<pg_sys::DefElem>(n, NodeTag::T_DefElem))
                .filter(|e| convert::string((**e).defname).as_deref() == Some("full"))
                .any(|e| pg_sys::defGetBoolean(e));
        let mode = if full { LockMode::AccessExclusive } else { LockMode::ShareUpdateExclusive };
        let named = node::elements(vacuum.rels);
        if named.is_empty() {
            taken.all("every table of the database, one by one".to_owned(), mode);
        }
        for relation in named {
            if let Some(relation) = node::cast::<pg_sys::VacuumRelation>(relation, NodeTag::T_VacuumRelation) {
                taken.subject((*relation).relation, mode)?;
            }
        }
    }
    Ok(())
}

/// Writes wait for the table; whoever plans to read it waits for its indexes.
///
/// # Safety
/// The parser's tree.
unsafe fn reindex(reindex: &pg_sys::ReindexStmt, taken: &mut Taken) -> Result<()> {
    use pg_sys::ReindexObjectType::{REINDEX_OBJECT_INDEX, REINDEX_OBJECT_SCHEMA, REINDEX_OBJECT_TABLE};
    // SAFETY: the tags are checked before the casts; names are NULL or NUL-terminated.
    unsafe {
        let concurrently = node::elements(reindex.params)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::DefElem>(n, NodeTag::T_DefElem))
            .filter(|e| convert::string((**e).defname).as_deref() == Some("concurrently"))
            .any(|e| pg_sys::defGetBoolean(e));
        let (of_table, of_index) = if concurrently {
            (LockMode::ShareUpdateExclusive, LockMode::ShareUpdateExclusive)
        } else {
            (LockMode::Share, LockMode::AccessExclusive)
        };
        match reindex.kind {
            REINDEX_OBJECT_INDEX => {
                let place = taken.subject(reindex.relation, of_index)?;
                if let Some(new) = place.as_ref().filter(|place| place.oid.is_none()) {
                    peers::table_of_new_index(new, of_table, taken);
                }
                if let Some(index) = place.and_then(|place| place.oid) {
                    let table = pg_sys::IndexGetRelation(index, true);
                    if table != pg_sys::Oid::INVALID {
                        taken.oid(table, of_table, true);
                    }
                }
            }
            REINDEX_OBJECT_TABLE => {
                if let Some(table) = taken.subject(reindex.relation, of_table)?.and_then(|p| p.oid) {
                    for leaf in relation::inheritors(table)? {
                        peers::reindexed(leaf, concurrently, of_index, taken);
                    }
                }
            }
            kind => {
                let schema = convert::string(reindex.name).map(|name| relation::quoted(&name)).unwrap_or_default();
                let of = if kind == REINDEX_OBJECT_SCHEMA { format!("schema {schema}") } else { "the database".into() };
                taken.all(format!("every table of {of}, one by one"), of_table.max(of_index));
            }
        }
    }
    Ok(())
}

/// # Safety
/// The parser's tree.
unsafe fn comment(comment: &pg_sys::CommentStmt, taken: &mut Taken) -> Result<()> {
    let (behind, mode) = match comment.objtype {
        ObjectType::OBJECT_TABLE
        | ObjectType::OBJECT_INDEX
        | ObjectType::OBJECT_SEQUENCE
        | ObjectType::OBJECT_VIEW
        | ObjectType::OBJECT_MATVIEW
        | ObjectType::OBJECT_FOREIGN_TABLE => (0, LockMode::ShareUpdateExclusive),
        ObjectType::OBJECT_COLUMN => (1, LockMode::ShareUpdateExclusive),
        ObjectType::OBJECT_TABCONSTRAINT
        | ObjectType::OBJECT_TRIGGER
        | ObjectType::OBJECT_RULE
        | ObjectType::OBJECT_POLICY => (1, LockMode::AccessShare),
        _ => return Ok(()),
    };
    // SAFETY: these kinds are named by a list of String nodes.
    let parts = unsafe { node::strings(comment.object.cast()) };
    taken.dotted(&parts, behind, mode).map(drop)
}

/// # Safety
/// `objects` is NIL or the parser's list.
unsafe fn published(objects: *const pg_sys::List, taken: &mut Taken) -> Result<()> {
    // SAFETY: the tag is checked before the cast.
    unsafe {
        for object in node::elements(objects) {
            if let Some(object) = node::cast::<pg_sys::PublicationObjSpec>(object, NodeTag::T_PublicationObjSpec)
                && !(*object).pubtable.is_null()
            {
                taken.subject((*(*object).pubtable).relation, LockMode::ShareUpdateExclusive)?;
            }
        }
    }
    Ok(())
}

/// A backfill locks its table as an UPDATE does, a batch at a time. Of another procedure nobody knows.
///
/// # Safety
/// The parser's tree.
unsafe fn call(call: &pg_sys::CallStmt, taken: &mut Taken) -> Result<bool> {
    // SAFETY: the tags are checked before the casts; strings are NUL-terminated, and outlive their use.
    unsafe {
        let function = &*call.funccall;
        let backfill = node::strings(function.funcname) == ["migrator", "backfill"];
        let target = node::elements(function.args).into_iter().find_map(|argument| {
            let value = match node::cast::<pg_sys::NamedArgExpr>(argument, NodeTag::T_NamedArgExpr) {
                Some(named) if convert::string((*named).name).as_deref() == Some("target") => (*named).arg.cast(),
                Some(_) => return None,
                None => argument,
            };
            let constant = &*node::cast::<pg_sys::A_Const>(value, NodeTag::T_A_Const)?;
            let is_text = !constant.isnull && constant.val.node.type_ == NodeTag::T_String;
            is_text.then(|| convert::string(constant.val.sval.sval)).flatten()
        });
        let Some(target) = target.filter(|_| backfill) else { return Ok(false) };
        // A regclass is a name as a query has it.
        let text = convert::c_string(&format!("TABLE {target}"));
        let Ok(parsed) = lexer::parse(text.as_ptr()) else { return Ok(false) };
        let [raw] = parsed[..] else { return Ok(false) };
        let mut read = Taken::default();
        query::locks((*raw).stmt, &mut read)?;
        for mut lock in read.locks.into_iter().take(1) {
            lock.mode = lock.mode.map(|_| LockMode::RowExclusive);
            taken.locks.push(lock);
        }
        Ok(!taken.locks.is_empty())
    }
}
