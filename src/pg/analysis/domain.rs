//! ALTER DOMAIN: the tables that use the domain are read under SHARE, unlike those of a table's own constraint.

use std::collections::HashSet;

use pgrx::pg_sys::{self, ConstrType, NodeTag, Oid};

use super::catalogue::{self, Attribute, CLASS, CONSTRAINT, Catalogue, DEPENDENTS_OF, Key, Row};
use super::expression::Namespace;
use super::{held, prior, resolve, row_type};
use crate::ddl::{Change, ChangeKind, DomainCommand, LockMode, Work, WorkKind};
use crate::error::Result;
use crate::pg::{convert, node, object, relation, statement_text};

/// pg_type.
const TYPE: u32 = 1247;
/// pg_type by oid.
const TYPE_BY_OID: Catalogue = Catalogue { oid: TYPE, index: 2703 };
/// pg_constraint by contypid.
const CONSTRAINTS_OF_DOMAIN: Catalogue = Catalogue { oid: CONSTRAINT, index: 2666 };

/// The statement as a change; `None` for what is none of the guard's business.
///
/// # Safety
/// `alter` is the parser's tree.
pub unsafe fn change(alter: &pg_sys::AlterDomainStmt) -> Result<Option<Change>> {
    // SAFETY: the caller's promise; casts follow the tag, names are NULL or NUL-terminated.
    unsafe {
        let Some(oid) = resolve::altered_type(alter.typeName)? else { return Ok(None) };
        let rows = TYPE_BY_OID.rows(&[Key::Oid(c"oid", oid.to_u32())]);
        let Some(domain) = rows.first().filter(|row| row.character(c"typtype") == 'd') else { return Ok(None) };
        let constraint = node::cast::<pg_sys::Constraint>(alter.def, NodeTag::T_Constraint).map(|c| &*c);
        let name = convert::string(constraint.map_or(alter.name, |c| c.conname));
        let not_valid = constraint.is_some_and(|c| c.skip_validation);
        let command = match (alter.subtype as u8, constraint.map(|c| c.contype)) {
            (b'C', Some(ConstrType::CONSTR_CHECK)) => DomainCommand::AddConstraint,
            (b'C', Some(ConstrType::CONSTR_NOTNULL)) | (b'O', _) => DomainCommand::SetNotNull,
            (b'V', _) => DomainCommand::Validate,
            _ => DomainCommand::Other,
        };
        let not_null = domain.boolean(c"typnotnull") == Some(true);
        let looks = match command {
            DomainCommand::AddConstraint => {
                !not_valid && !is_taken(oid, name.as_deref()) && is_condition(constraint, domain)?
            }
            DomainCommand::SetNotNull => !not_null && !is_taken(oid, name.as_deref()),
            // It looks again, even when the constraint is valid.
            DomainCommand::Validate => has_check(oid, name.as_deref()),
            DomainCommand::Other => false,
        };
        let mut work = Vec::new();
        if looks && !used_by(oid, &mut work) {
            // Postgres refuses: the domain is inside of an array or a row.
            work.clear();
        }
        let first = work.first().map(|w: &Work| Oid::from(w.relation));
        let on = first.map(|table| relation::describe(table, false)).transpose()?;
        let sql = statement_text::on_one_line(alter);
        let domain = object::object(pg_sys::TypeRelationId, oid, "DOMAIN", None);
        let kind = ChangeKind::AlterDomain { domain, command, constraint: name, not_valid };
        Ok(Some(Change { lock: on.as_ref().map(|_| LockMode::Share), on, kind, sql, work }))
    }
}

/// Whether the domain has a constraint of that name: Postgres refuses a second one. What a script has done to them by
/// then is not known.
fn is_taken(domain: Oid, name: Option<&str>) -> bool {
    !prior::in_script() && constraints(domain).iter().any(|row| Some(row.name(c"conname").as_str()) == name)
}

/// Whether the domain has a CHECK of that name: VALIDATE is for these only.
fn has_check(domain: Oid, name: Option<&str>) -> bool {
    let is_it = |row: &Row| Some(row.name(c"conname").as_str()) == name && row.character(c"contype") == 'c';
    prior::in_script() || constraints(domain).iter().any(is_it)
}

fn constraints(domain: Oid) -> Vec<Row> {
    CONSTRAINTS_OF_DOMAIN.rows(&[Key::Oid(c"contypid", domain.to_u32())])
}

/// Whether Postgres accepts the condition of a CHECK; an error is the statement's own. VALUE is a name there, no keyword.
///
/// # Safety
/// `written` is the parser's.
unsafe fn is_condition(written: Option<&pg_sys::Constraint>, domain: &Row) -> Result<bool> {
    let Some(raw) = written.map(|c| c.raw_expr).filter(|raw| !raw.is_null()) else { return Ok(false) };
    // What it names may be made by the script.
    if prior::in_script() {
        return Ok(true);
    }
    let base = Oid::from(domain.oid(c"typbasetype"));
    // SAFETY: the caller's promise; a syscache look-up by oid.
    unsafe {
        let value = Attribute {
            number: 1,
            name: "value".to_owned(),
            type_oid: base,
            modifier: domain.integer(c"typtypmod"),
            collation: pg_sys::get_typcollation(base),
            ..Attribute::default()
        };
        let kind = pg_sys::ParseExprKind::EXPR_KIND_DOMAIN_CHECK;
        Namespace::new("domain", &[value]).condition(raw, kind)?;
    }
    Ok(true)
}

/// The tables that get_rels_with_domain finds. False when it refuses. Domains over domains may go deep: no call within a call.
fn used_by(domain: Oid, work: &mut Vec<Work>) -> bool {
    let mut domains = vec![domain];
    let mut seen = HashSet::new();
    while let Some(type_oid) = domains.pop() {
        if seen.insert(type_oid) && !used_directly(type_oid, work, &mut domains) {
            return false;
        }
    }
    true
}

/// The same of one domain alone; the domains over it are added to those that are to be looked at.
fn used_directly(type_oid: Oid, work: &mut Vec<Work>, domains: &mut Vec<Oid>) -> bool {
    let keys = [Key::Oid(c"refclassid", TYPE), Key::Oid(c"refobjid", type_oid.to_u32())];
    for row in DEPENDENTS_OF.rows(&keys) {
        let oid = Oid::from(row.oid(c"objid"));
        match row.oid(c"classid") {
            // SAFETY: a syscache look-up by oid.
            TYPE if unsafe { pg_sys::get_typtype(oid) } as u8 == b'd' => domains.push(oid),
            // An array or range of it that is stored somewhere.
            TYPE if row_type::is_type_stored(oid) => return false,
            CLASS if row.integer(c"objsubid") > 0 => {
                if row_type::is_stored_elsewhere(oid) {
                    return false;
                }
                let number = row.integer(c"objsubid") as i16;
                if catalogue::attribute(oid, number).is_some_and(|a| !a.dropped && a.type_oid == type_oid) {
                    add(oid, work);
                }
            }
            _ => {}
        }
    }
    for table in prior::ask(|prior| prior.tables_with(type_oid.to_u32())).unwrap_or_default() {
        add(Oid::from(table), work);
    }
    true
}

fn add(table: Oid, work: &mut Vec<Work>) {
    if relation::has_storage(table) && !work.iter().any(|w| w.relation == table.to_u32()) {
        work.extend(held::work(table, WorkKind::Scan, LockMode::Share));
    }
}
