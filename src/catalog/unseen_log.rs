//! Rows of `migrator.ddl` for statements that reach no event trigger.

use serde_json::json;

use super::ddl_log::{Entry, Object};
use crate::error::Result;
use crate::pg::relation;
use crate::pg::spi::query_planned;
use crate::pg::user::{as_owner, current_role};

/// Adds a row for a statement that a rule is about and that runs now. False when the table is locked by somebody else: nobody
/// waits for that.
pub fn ran(entry: &Entry, objects: &[Object]) -> Result<bool> {
    let role = current_role();
    as_owner(|| {
        if !relation::try_lock_for_insert("migrator", "ddl") {
            return Ok(false);
        }
        let sql = "INSERT INTO migrator.ddl (tag, statement, outcome, rules, allowed_by, message, migration, \
                   migration_statement, objects, object_types, role, session_role, client_addr, application_name, \
                   backend_pid, xid) \
                   SELECT $1, $2, $3, ARRAY(SELECT jsonb_array_elements_text($4::jsonb)), $5, $6, $7, $8::int, \
                   ARRAY(SELECT o ->> 1 FROM jsonb_array_elements($9::jsonb) o), \
                   ARRAY(SELECT o ->> 0 FROM jsonb_array_elements($9::jsonb) o), $10, session_user, \
                   inet_client_addr(), current_setting('application_name'), pg_backend_pid(), pg_current_xact_id()";
        let rules = json!(entry.rules).to_string();
        let objects = json!(objects.iter().map(|o| [&o.kind, &o.identity]).collect::<Vec<_>>()).to_string();
        let (version, number) = entry.migration.clone().unzip();
        let number = number.map(|n| n.to_string());
        query_planned(
            sql,
            &[
                Some(&entry.tag),
                entry.statement.as_deref(),
                Some(entry.outcome),
                Some(&rules),
                entry.allowed_by.as_deref(),
                entry.message.as_deref(),
                version.as_deref(),
                number.as_deref(),
                Some(&objects),
                Some(&role),
            ],
        )?;
        Ok(true)
    })
}
