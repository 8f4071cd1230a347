//! ALTER DOMAIN: the tables that use the domain are read under SHARE, unlike those of a table's own constraint.

use pgrx::pg_sys::{self, ConstrType, NodeTag, Oid};

use super::catalogue::{self, Attribute, CLASS, CONSTRAINTS_OF, DEPENDENTS_OF, Key};
use super::expression::{self, Namespace};
use super::{held, row_type};
use crate::ddl::{Change, ChangeKind, DomainCommand, LockMode, Work, WorkKind};
use crate::error::Result;
use crate::pg::{convert, node, object, relation, statement_text, versions};

/// pg_type.
const TYPE: u32 = 1247;

/// The statement as a change; `None` for what is none of the guard's business.
///
/// # Safety
/// `alter` is the parser's tree.
pub unsafe fn change(alter: &pg_sys::AlterDomainStmt) -> Result<Option<Change>> {
    // SAFETY: the caller's promise; casts follow the tag, names are NULL or NUL-terminated.
    unsafe {
        let oid = expression::resolve_type(pg_sys::makeTypeNameFromNameList(alter.typeName))?.0;
        let is_domain = pg_sys::get_typtype(oid) as u8 == b'd';
        // A domain of this transaction may have come to an old table since.
        if !is_domain || !versions::is_object_owner(pg_sys::TypeRelationId, oid) {
            return Ok(None);
        }
        let domain = object::object(pg_sys::TypeRelationId, oid, "DOMAIN", None);
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
        let name = convert::string(constraint.map_or(alter.name, |c| c.conname));
        let looks = match command {
            DomainCommand::AddConstraint => !not_valid && is_possible(oid, name.as_deref(), constraint)?,
            DomainCommand::SetNotNull => !is_already_not_null(oid),
            // It looks again, even when the constraint is valid.
            DomainCommand::Validate => constraint_of(oid, name.as_deref()) == Some('c'),
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
        let kind = ChangeKind::AlterDomain { domain, command, constraint: name, not_valid };
        Ok(Some(Change { lock: on.as_ref().map(|_| LockMode::Share), on, kind, sql, work }))
    }
}

/// The kind of the domain's constraint of that name.
fn constraint_of(domain: Oid, name: Option<&str>) -> Option<char> {
    let rows = CONSTRAINTS_OF.rows(&[Key::Oid(c"conrelid", 0), Key::Oid(c"contypid", domain.to_u32())]);
    rows.iter().find(|row| Some(row.name(c"conname").as_str()) == name).map(|row| row.character(c"contype"))
}

/// Whether Postgres accepts a CHECK: its name is free. That its expression means something is seen by trying: an error is
/// the statement's own. VALUE is a name there, not a keyword.
///
/// # Safety
/// The constraint is the parser's.
unsafe fn is_possible(domain: Oid, name: Option<&str>, constraint: Option<&pg_sys::Constraint>) -> Result<bool> {
    if name.is_some() && constraint_of(domain, name).is_some() {
        return Ok(false);
    }
    let Some(constraint) = constraint.filter(|c| c.contype == ConstrType::CONSTR_CHECK) else { return Ok(true) };
    // SAFETY: the caller's promise; syscache look-ups by oid.
    unsafe {
        let mut modifier = -1;
        let base = pg_sys::getBaseTypeAndTypmod(domain, &raw mut modifier);
        let value = Attribute {
            number: 1,
            name: "value".to_owned(),
            type_oid: base,
            modifier,
            collation: pg_sys::get_typcollation(base),
            ..Attribute::default()
        };
        let kind = pg_sys::ParseExprKind::EXPR_KIND_DOMAIN_CHECK;
        Namespace::new("domain", &[value]).transform(constraint.raw_expr, kind)?;
    }
    Ok(true)
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
