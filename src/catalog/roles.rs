//! What a role may do.

use crate::error::Result;
use crate::pg::spi::query;
use crate::pg::user::as_owner;

/// Whether the role has the rights of `pg_read_server_files`.
pub fn may_read_server_files(role: &str) -> Result<bool> {
    as_owner(|| {
        let rows = query("SELECT pg_has_role($1::name, 'pg_read_server_files', 'USAGE')", &[Some(role)])?;
        Ok(rows.first().is_some_and(|r| r.boolean(0)))
    })
}
