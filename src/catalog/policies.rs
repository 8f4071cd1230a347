//! Row level security.

use crate::error::Result;
use crate::pg::spi::query_planned;
use crate::pg::user::as_owner;

/// Whether a table has a policy, or has row level security on already.
pub fn is_covered(table: u32) -> Result<bool> {
    as_owner(|| {
        let sql = "SELECT relrowsecurity OR EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid) \
                   FROM pg_class c WHERE oid = $1::oid";
        Ok(query_planned(sql, &[Some(&table.to_string())])?.first().is_some_and(|r| r.boolean(0)))
    })
}
