//! Who may read the ledger, and who may run migrations.

use crate::catalog::rights::{self, Rights};
use crate::error::{Report, Result, code, fail};

/// Lets a role read everything there is to read, and change nothing.
pub fn grant_read(role: Option<u32>) -> Result<String> {
    let role = named(role)?;
    rights::grant(&role, Rights::Read)?;
    Ok(format!("role {role} may read"))
}

/// Lets a role register and run migrations, besides reading. It gets no right on the ledger itself.
pub fn grant_deploy(role: Option<u32>) -> Result<String> {
    let role = named(role)?;
    rights::grant(&role, Rights::Deploy)?;
    Ok(format!("role {role} may read, register and deploy"))
}

/// Takes away whatever a role was given on something of ours.
pub fn revoke_all(role: Option<u32>) -> Result<String> {
    let role = named(role)?;
    rights::revoke(&role)?;
    Ok(format!("role {role} has no rights in schema migrator but those of everybody"))
}

/// The quoted name of a role.
fn named(role: Option<u32>) -> Result<String> {
    if let Some(name) = role.map(rights::role).transpose()?.flatten() {
        return Ok(name);
    }
    fail(
        Report::new(code::INVALID_ARGUMENT, "no role was named")
            .detail(role.map_or_else(|| "It is NULL.".to_owned(), |oid| format!("No role has the oid {oid}.")))
            .hint("All of them: SELECT rolname FROM pg_roles;"),
    )
}
