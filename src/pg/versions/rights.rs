//! What the current user may do. 16 put the checks of all classes into one function, 17 brought MAINTAIN.

use pgrx::pg_sys;

/// Whether the current user owns the relation, directly or through a role.
pub fn is_relation_owner(relation: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-ups by oid.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_sys::pg_class_ownercheck(relation, pg_sys::GetUserId());
        #[cfg(not(feature = "pg15"))]
        return pg_sys::object_ownercheck(pg_sys::RelationRelationId, relation, pg_sys::GetUserId());
    }
}

/// Whether the current user may REINDEX, CLUSTER or REFRESH a table or materialized view: its owner, from 17 whoever has MAINTAIN.
pub fn may_maintain(relation: pg_sys::Oid) -> bool {
    #[cfg(any(feature = "pg15", feature = "pg16"))]
    return is_relation_owner(relation);
    // SAFETY: catalogue look-ups by oid.
    #[cfg(not(any(feature = "pg15", feature = "pg16")))]
    unsafe {
        let answer = pg_sys::pg_class_aclcheck(relation, pg_sys::GetUserId(), pg_sys::ACL_MAINTAIN.into());
        answer == pg_sys::AclResult::ACLCHECK_OK
    }
}

/// The same for all tables of a schema or database, whoever owns them: its owner, from 17 members of pg_maintain.
pub fn may_maintain_all(class: pg_sys::Oid, object: pg_sys::Oid) -> bool {
    if is_object_owner(class, object) {
        return true;
    }
    #[cfg(any(feature = "pg15", feature = "pg16"))]
    return false;
    // SAFETY: a look-up in the role caches.
    #[cfg(not(any(feature = "pg15", feature = "pg16")))]
    unsafe {
        pg_sys::has_privs_of_role(pg_sys::GetUserId(), pg_sys::Oid::from(pg_sys::ROLE_PG_MAINTAIN))
    }
}

/// Whether the current user may look into a schema.
pub fn may_use_schema(schema: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-ups by oid.
    unsafe {
        let user = pg_sys::GetUserId();
        #[cfg(feature = "pg15")]
        let answer = pg_sys::pg_namespace_aclcheck(schema, user, pg_sys::ACL_USAGE);
        #[cfg(not(feature = "pg15"))]
        let answer = pg_sys::object_aclcheck(pg_sys::NamespaceRelationId, schema, user, pg_sys::ACL_USAGE.into());
        answer == pg_sys::AclResult::ACLCHECK_OK
    }
}

/// Whether the current user has the rights that a plan needs.
///
/// # Safety
/// `plan` comes from the planner.
pub unsafe fn may_execute(plan: &pg_sys::PlannedStmt) -> bool {
    // SAFETY: the caller's promise; `false`: say so instead of raising.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_sys::ExecCheckRTPerms(plan.rtable, false);
        #[cfg(not(feature = "pg15"))]
        return pg_sys::ExecCheckPermissions(plan.rtable, plan.permInfos, false);
    }
}

/// Whether the current user owns a type, function, schema, database or publication, directly or through a role. What has another
/// class counts as owned: Postgres will say so itself.
pub fn is_object_owner(class: pg_sys::Oid, object: pg_sys::Oid) -> bool {
    // SAFETY: catalogue look-ups by oid.
    unsafe {
        let user = pg_sys::GetUserId();
        #[cfg(feature = "pg15")]
        return match class {
            pg_sys::TypeRelationId => pg_sys::pg_type_ownercheck(object, user),
            pg_sys::NamespaceRelationId => pg_sys::pg_namespace_ownercheck(object, user),
            pg_sys::ProcedureRelationId => pg_sys::pg_proc_ownercheck(object, user),
            pg_sys::PublicationRelationId => pg_sys::pg_publication_ownercheck(object, user),
            pg_sys::DatabaseRelationId => pg_sys::pg_database_ownercheck(object, user),
            _ => true,
        };
        #[cfg(not(feature = "pg15"))]
        return match class {
            pg_sys::TypeRelationId
            | pg_sys::NamespaceRelationId
            | pg_sys::ProcedureRelationId
            | pg_sys::DatabaseRelationId
            | pg_sys::PublicationRelationId => pg_sys::object_ownercheck(class, object, user),
            _ => true,
        };
    }
}
