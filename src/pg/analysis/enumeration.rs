//! CREATE TYPE AS ENUM, ALTER TYPE ADD / RENAME VALUE, CREATE DOMAIN.

use pgrx::pg_sys::{self, NodeTag};

use super::resolve;
use crate::ddl::{Change, ChangeKind};
use crate::error::Result;
use crate::pg::{convert, node, relation};

/// CREATE TYPE AS ENUM.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn created(statement: &pg_sys::CreateEnumStmt) -> Option<Change> {
    // SAFETY: a list of String nodes.
    let name = unsafe { dotted(statement.typeName)? };
    Some(made(ChangeKind::CreateEnum { name }, None))
}

/// CREATE DOMAIN.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn domain(statement: &pg_sys::CreateDomainStmt) -> Option<Change> {
    // SAFETY: the tag is checked before each cast.
    unsafe {
        let name = dotted(statement.domainname)?;
        let constrained = node::elements(statement.constraints)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::Constraint>(n, NodeTag::T_Constraint))
            .any(|c| matches!((*c).contype, pg_sys::ConstrType::CONSTR_CHECK | pg_sys::ConstrType::CONSTR_NOTNULL));
        Some(made(ChangeKind::CreateDomain { name, constrained }, None))
    }
}

/// ADD VALUE and RENAME VALUE of an enum that exists.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn altered(statement: &pg_sys::AlterEnumStmt) -> Result<Option<Change>> {
    // SAFETY: names are NULL or NUL-terminated.
    unsafe {
        let Some(enumeration) = resolve::type_object(statement.typeName)? else { return Ok(None) };
        let Some(value) = convert::string(statement.newVal) else { return Ok(None) };
        let identity = &enumeration.identity;
        if let Some(old) = convert::string(statement.oldVal) {
            let sql = format!("ALTER TYPE {identity} RENAME VALUE {} TO {}", literal(&old), literal(&value));
            return Ok(Some(made(ChangeKind::RenameEnumValue { enumeration, value: old, to: value }, Some(sql))));
        }
        let neighbor = convert::string(statement.newValNeighbor);
        let place = neighbor.as_deref().map_or(String::new(), |neighbor| {
            let side = if statement.newValIsAfter { "AFTER" } else { "BEFORE" };
            format!(" {side} {}", literal(neighbor))
        });
        let guard = if statement.skipIfNewValExists { "IF NOT EXISTS " } else { "" };
        let sql = format!("ALTER TYPE {identity} ADD VALUE {guard}{}{place}", literal(&value));
        let positioned = neighbor.is_some();
        Ok(Some(made(ChangeKind::AddEnumValue { enumeration, value, positioned }, Some(sql))))
    }
}

/// # Safety
/// A list of String nodes.
unsafe fn dotted(names: *const pg_sys::List) -> Option<String> {
    // SAFETY: the caller's promise.
    let names = unsafe { node::strings(names) };
    let temporary = names.len() > 1 && names[0] == "pg_temp";
    (!names.is_empty() && !temporary).then(|| names.iter().map(|n| relation::quoted(n)).collect::<Vec<_>>().join("."))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn made(kind: ChangeKind, sql: Option<String>) -> Change {
    Change { on: None, kind, lock: None, sql, work: Vec::new() }
}
