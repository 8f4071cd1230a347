//! DROP and DROP OWNED.

use pgrx::pg_sys::{self, ObjectType, Oid};

use super::resolve;
use crate::ddl::{Change, ChangeKind, LockMode, Object};
use crate::error::Result;
use crate::pg::{node, object, relation};

/// DROP of one or several objects of a kind; `None` when none of them is the guard's business.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn change(statement: &pg_sys::DropStmt) -> Result<Option<Change>> {
    let kind = statement.removeType;
    let mut objects: Vec<Object> = Vec::new();
    // SAFETY: the elements are the nodes that the grammar makes for this kind.
    unsafe {
        for name in node::elements(statement.objects) {
            let found = if kind == ObjectType::OBJECT_TRIGGER {
                resolve::trigger(name.cast())?
            } else {
                // Without IF EXISTS, Postgres refuses the whole statement.
                if resolve::is_relation(kind) && !statement.missing_ok && !resolve::exists(kind, name)? {
                    return Ok(None);
                }
                resolve::object(kind, name)?
            };
            objects.extend(found.filter(|o| !objects.iter().any(|other| other.oid == o.oid)));
        }
    }
    let cascade = statement.behavior == pg_sys::DropBehavior::DROP_CASCADE;
    let Some(first) = objects.first() else { return Ok(None) };
    let on = first.relation.clone();
    let names: Vec<&str> = objects.iter().map(|o| o.identity.as_str()).collect();
    let concurrently = if statement.concurrent { "CONCURRENTLY " } else { "" };
    let tail = if cascade { " CASCADE" } else { "" };
    let sql = format!("DROP {} {concurrently}{}{tail}", first.kind, names.join(", "));
    if kind == ObjectType::OBJECT_EXTENSION {
        let extensions: Vec<Oid> = objects.iter().map(|extension| Oid::from(extension.oid)).collect();
        for table in extensions.into_iter().flat_map(object::tables_of_extension) {
            // Ours are the ledger: who drops the extension means to.
            if relation::names(table).0 != "migrator" {
                objects.push(object::relation_object(table)?);
            }
        }
    }
    let lock = if statement.concurrent { LockMode::ShareUpdateExclusive } else { LockMode::AccessExclusive };
    Ok(Some(Change {
        lock: on.as_ref().map(|_| lock),
        on,
        kind: ChangeKind::Drop { objects, cascade, concurrently: statement.concurrent },
        sql: Some(sql),
        work: Vec::new(),
    }))
}

/// DROP OWNED: every object of this database that the roles own.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn owned(statement: &pg_sys::DropOwnedStmt) -> Result<Option<Change>> {
    let mut objects = Vec::new();
    let mut roles = Vec::new();
    // SAFETY: a list of RoleSpec.
    unsafe {
        for role in node::elements(statement.roles) {
            let oid = pg_sys::get_rolespec_oid(role.cast::<pg_sys::RoleSpec>(), false);
            if !pg_sys::has_privs_of_role(pg_sys::GetUserId(), oid) {
                return Ok(None);
            }
            roles.push(object::identity(pg_sys::AuthIdRelationId, oid, 0));
            for (class, owned) in object::owned_by(oid) {
                objects.extend(owned_object(class, owned)?);
            }
        }
    }
    if objects.is_empty() {
        return Ok(None);
    }
    let cascade = statement.behavior == pg_sys::DropBehavior::DROP_CASCADE;
    let tail = if cascade { " CASCADE" } else { "" };
    Ok(Some(Change {
        on: None,
        lock: None,
        kind: ChangeKind::Drop { objects, cascade, concurrently: false },
        sql: Some(format!("DROP OWNED BY {}{tail}", roles.join(", "))),
        work: Vec::new(),
    }))
}

/// Indexes and row types go with their tables and are not named.
fn owned_object(class: Oid, oid: Oid) -> Result<Option<Object>> {
    if !object::is_guarded(class, oid) {
        return Ok(None);
    }
    if class == pg_sys::RelationRelationId {
        let found = object::relation_object(oid)?;
        return Ok((found.kind != "INDEX" && found.kind != "TYPE").then_some(found));
    }
    // SAFETY: syscache look-ups by oid.
    let of_itself =
        |oid| unsafe { pg_sys::get_typ_typrelid(oid) == Oid::INVALID && pg_sys::get_element_type(oid) == Oid::INVALID };
    let kind = match class {
        pg_sys::NamespaceRelationId => "SCHEMA",
        pg_sys::ProcedureRelationId => "ROUTINE",
        pg_sys::TypeRelationId if of_itself(oid) => "TYPE",
        pg_sys::CollationRelationId => "COLLATION",
        _ => return Ok(None),
    };
    Ok(Some(object::object(class, oid, kind, None)))
}
