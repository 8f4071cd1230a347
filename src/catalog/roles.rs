//! What a role may do.

use crate::error::Result;
use crate::pg::spi::query;
use crate::pg::user::{are_rights_lent, as_owner};

/// Whether the role has the rights of `pg_read_server_files`.
pub fn may_read_server_files(role: &str) -> Result<bool> {
    as_owner(|| {
        let rows = query("SELECT pg_has_role($1::name, 'pg_read_server_files', 'USAGE')", &[Some(role)])?;
        Ok(rows.first().is_some_and(|r| r.boolean(0)))
    })
}

/// Whether a role may call all functions and procedures of ours that have a name.
pub fn may_call(role: &str, name: &str) -> Result<bool> {
    as_owner(|| {
        let sql = "SELECT has_schema_privilege($1::name, 'migrator', 'USAGE') \
                   AND coalesce(bool_and(has_function_privilege($1::name, oid, 'EXECUTE')), true) \
                   FROM pg_proc WHERE pronamespace = 'migrator'::regnamespace AND proname = $2::name";
        Ok(query(sql, &[Some(role), Some(name)])?.first().is_some_and(|r| r.boolean(0)))
    })
}

/// Whether a role may SET a setting that is for superusers and those they let.
pub fn may_set(role: &str, setting: &str) -> Result<bool> {
    as_owner(|| {
        let rows = query("SELECT has_parameter_privilege($1::name, $2, 'SET')", &[Some(role), Some(setting)])?;
        Ok(rows.first().is_some_and(|r| r.boolean(0)))
    })
}

/// Whether another session of the same user can become the role whose rights are in force, and nothing is gained by it; not
/// so in a SECURITY DEFINER function of somebody else, nor where Postgres runs functions of a table's owner.
pub fn can_become_current() -> Result<bool> {
    // A superuser can become anybody, and RESET ROLE leads back there.
    if are_rights_lent() {
        return Ok(false);
    }
    let sql = "SELECT pg_catalog.pg_has_role(session_user, current_user, \
               CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 \
               OPERATOR(pg_catalog.>=) 160000 THEN 'SET' ELSE 'MEMBER' END)";
    Ok(query(sql, &[])?.first().is_some_and(|r| r.boolean(0)))
}

/// The role that this session was authorized as, and the one whose rights are in force.
pub fn session_and_current() -> Result<(String, String)> {
    Ok(query("SELECT session_user, current_user", &[])?
        .first()
        .map(|r| (r.required(0), r.required(1)))
        .unwrap_or_default())
}
