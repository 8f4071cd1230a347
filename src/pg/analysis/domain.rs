//! ALTER DOMAIN: the tables that use the domain are read under SHARE, unlike those of a table's own constraint.

use pgrx::pg_sys::{self, ConstrType, NodeTag, Oid};

use super::catalogue::{self, CLASS, DEPENDENTS_OF, Key};
use super::{held, resolve, row_type};
use crate::ddl::{Change, ChangeKind, DomainCommand, LockMode, Work, WorkKind};
use crate::error::Result;
use crate::pg::{convert, node, relation, statement_text};

/// pg_type.
const TYPE: u32 = 1247;

/// The statement as a change; `None` for what is none of the guard's business.
///
/// # Safety
/// `alter` is the parser's tree.
pub unsafe fn change(alter: &pg_sys::AlterDomainStmt) -> Result<Option<Change>> {
    // SAFETY: the caller's promise; casts follow the tag, names are NULL or NUL-terminated.
    unsafe {
        let Some(domain) = resolve::type_object(alter.typeName)? else { return Ok(None) };
        let oid = Oid::from(domain.oid);
        let constraint = node::cast::<pg_sys::Constraint>(alter.def, NodeTag::T_Constraint).map(|c| &*c);
        let not_valid = constraint.is_some_and(|c| c.skip_validation);
        let is_not_null = constraint.is_some_and(|c| c.contype == ConstrType::CONSTR_NOTNULL);
        let command = match alter.subtype as u8 {
            b'C' if is_not_null => DomainCommand::SetNotNull,
            b'C' => DomainCommand::AddConstraint,
            b'V' => DomainCommand::Validate,
            b'O' => DomainCommand::SetNotNull,
            _ => DomainCommand::Other,
        };
        let looks = match command {
            DomainCommand::AddConstraint => !not_valid,
            DomainCommand::SetNotNull => !is_already_not_null(oid),
            // It looks again, even when the constraint is valid.
            DomainCommand::Validate => true,
            DomainCommand::Other => false,
        };
        let mut work = Vec::new();
        if looks && !used_by(oid, &mut work, &mut Vec::new()) {
            // Postgres refuses: the domain is inside of an array or a row.
            work.clear();
        }
        let first = work.first().map(|w: &Work| Oid::from(w.relation));
        let on = first.map(|table| relation::describe(table, false)).transpose()?;
        let sql = statement_text::on_one_line(alter);
        let name = constraint.map_or(alter.name, |c| c.conname);
        let kind = ChangeKind::AlterDomain { domain, command, constraint: convert::string(name), not_valid };
        Ok(Some(Change { lock: on.as_ref().map(|_| LockMode::Share), on, kind, sql, work }))
    }
}

/// pg_type.typnotnull of a domain.
fn is_already_not_null(domain: Oid) -> bool {
    /// pg_type by oid.
    const TYPE_BY_OID: catalogue::Catalogue = catalogue::Catalogue { oid: TYPE, index: 2703 };
    let rows = TYPE_BY_OID.rows(&[Key::Oid(c"oid", domain.to_u32())]);
    rows.first().is_some_and(|row| row.boolean(c"typnotnull") == Some(true))
}

/// The tables that get_rels_with_domain finds. False when it refuses.
fn used_by(type_oid: Oid, work: &mut Vec<Work>, seen: &mut Vec<Oid>) -> bool {
    if seen.contains(&type_oid) {
        return true;
    }
    seen.push(type_oid);
    let keys = [Key::Oid(c"refclassid", TYPE), Key::Oid(c"refobjid", type_oid.to_u32())];
    for row in DEPENDENTS_OF.rows(&keys) {
        let oid = Oid::from(row.oid(c"objid"));
        match row.oid(c"classid") {
            TYPE => {
                // SAFETY: a syscache look-up by oid.
                let is_domain = unsafe { pg_sys::get_typtype(oid) } as u8 == b'd';
                if is_domain && !used_by(oid, work, seen) {
                    return false;
                }
                // An array or range of it that is stored somewhere.
                if !is_domain && row_type::is_type_stored(oid) {
                    return false;
                }
            }
            CLASS if row.integer(c"objsubid") > 0 => {
                if row_type::is_stored_elsewhere(oid) {
                    return false;
                }
                let number = row.integer(c"objsubid") as i16;
                let uses = catalogue::attribute(oid, number).is_some_and(|a| !a.dropped && a.type_oid == type_oid);
                if uses && relation::has_storage(oid) && !work.iter().any(|w| w.relation == oid.to_u32()) {
                    work.extend(held::work(oid, WorkKind::Scan, LockMode::Share));
                }
            }
            _ => {}
        }
    }
    true
}
