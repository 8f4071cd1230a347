//! ADD COLUMN: where the values of the rows that exist come from.

use pgrx::pg_sys::{self, ConstrType, Node, NodeTag, Oid};

use super::refused::lacks_partition_key;
use super::{Alteration, as_column, constraint, definition, describe, identity, not_null, present};
use crate::ddl::{
    Change, ChangeKind, Column, ConstraintKind, Filling, Identity, NewColumn, NewConstraint, Work, WorkKind,
};
use crate::error::Result;
use crate::pg::analysis::catalogue::{self, Attribute};
use crate::pg::analysis::{column, expression, overlay, row_type};
use crate::pg::{convert, node, relation, versions};

/// What stands behind a column's type.
struct Clauses<'a> {
    default: Option<*mut Node>,
    generated: Option<(*mut Node, bool)>,
    identity: Option<Identity>,
    not_null: bool,
    /// CHECK, UNIQUE, PRIMARY KEY and REFERENCES.
    constraints: Vec<Inline<'a>>,
}

/// A constraint behind a column, and what stands behind that: the parser makes nodes of their own of it.
struct Inline<'a> {
    constraint: &'a pg_sys::Constraint,
    deferrable: &'static str,
    not_enforced: bool,
}

/// ADD COLUMN.
///
/// # Safety
/// `command` is the parser's.
pub unsafe fn change(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Result<Change> {
    // SAFETY: the caller's promise; casts follow the tag.
    unsafe {
        let Some(written) = definition::<pg_sys::ColumnDef>(command, NodeTag::T_ColumnDef) else {
            return Ok(alteration.light(ChangeKind::OtherAlter, None));
        };
        let attribute = attribute(written)?;
        let exists = catalogue::attribute_named(alteration.oid, &attribute.name).is_some();
        let earlier = alteration.commands_of(command.subtype).take_while(|other| !std::ptr::eq(*other, command));
        let added = earlier
            .filter_map(|other| definition::<pg_sys::ColumnDef>(other, NodeTag::T_ColumnDef))
            .any(|other| convert::string(other.colname).as_ref() == Some(&attribute.name));
        if added || (exists && !alteration.drops_column(&attribute.name)) {
            return Ok(alteration.light(ChangeKind::OtherAlter, None));
        }
        let clauses = Clauses::of(written);
        // Made when an expression asks for it.
        let namespace = || alteration.namespace();
        let serial = column::is_serial(written.typeName);
        // A function that the script makes is not in the catalogue yet.
        let unborn = clauses.default.and_then(|raw| overlay::new_function(raw));
        let default = match clauses.default.or(clauses.generated.map(|g| g.0)) {
            Some(raw) if unborn.is_none() => namespace().default(raw, &attribute)?,
            _ => None,
        };
        let unreadable =
            unborn.is_none() && default.is_none() && (clauses.default.is_some() || clauses.generated.is_some());
        let default_text = unborn.clone().map(|f| f.0).or_else(|| default.map(|d| namespace().write(d)));
        let mut constraints = Vec::new();
        for written in &clauses.constraints {
            let mut new = describe::describe(alteration, written.constraint, Some(&attribute))?;
            new.not_enforced |= written.not_enforced;
            new.deferrable = written.deferrable.to_owned();
            constraints.push(new);
        }
        let own = overlay::new_type(written.typeName);
        let checked = own.is_some_and(|new| new.checked);
        let type_name = overlay::new_type_name(written.typeName);
        let filling = match &unborn {
            _ if checked => Filling::CheckedDomain,
            Some((call, true)) => Filling::EachRow(call.clone()),
            Some((call, false)) => Filling::Once(call.clone()),
            None => match filling(&attribute, &clauses, serial, default, default_text.as_deref())? {
                Filling::Nothing | Filling::Once(_) | Filling::DomainDefault(_) if unreadable => Filling::Unreadable,
                filling => filling,
            },
        };
        let required = clauses.not_null
            || serial
            || clauses.identity.is_some()
            || constraints.iter().any(|c| c.kind == ConstraintKind::PrimaryKey);
        let required_later = !required && alteration.made_not_null().contains(&attribute.name);
        let mut new = NewColumn {
            neutral_value: match &type_name {
                Some(name) if own.is_some_and(|new| new.is_enum) && !name.ends_with(']') => {
                    Some(format!("enum_first(NULL::{name})"))
                }
                _ => column::neutral_value(attribute.type_oid, &expression::type_name(attribute.type_oid, -1)),
            },
            column: column_of(&attribute, type_name),
            collation: collation(written),
            not_null_name: only_if(required || required_later, || not_null_name(alteration, &attribute.name)),
            sequence: only_if(serial, || sequence(alteration, &attribute.name)),
            base_type: pg_sys::getBaseType(attribute.type_oid).to_u32(),
            default: default_text,
            filling,
            required,
            required_later,
            constraints,
            kept_by: Vec::new(),
            read_for_nulls: Vec::new(),
        };
        let has_default = !matches!(new.filling, Filling::Nothing);
        let stored_elsewhere = has_default && row_type::is_stored_elsewhere(alteration.oid);
        let unique =
            new.constraints.iter().any(|c| matches!(c.kind, ConstraintKind::Unique | ConstraintKind::PrimaryKey));
        let work = if stored_elsewhere
            || alteration.leaves_children_out()
            || (unique && lacks_partition_key(alteration.oid, |name| *name == new.column.name))
        {
            // Postgres refuses it before it looks at any row.
            Vec::new()
        } else {
            merge(alteration, &mut new)?;
            work(alteration, &new, default.is_some() || unborn.is_some() || serial || unreadable)?
        };
        let tail = if unreadable { None } else { tail(&new, command.missing_ok, &clauses, serial) };
        Ok(alteration.with_work(ChangeKind::AddColumn { new, if_not_exists: command.missing_ok }, tail, work))
    }
}

/// The column, under the name of its type that the script gives it.
fn column_of(attribute: &Attribute, type_name: Option<String>) -> Column {
    let column = as_column(attribute);
    Column { number: 0, type_name: type_name.unwrap_or(column.type_name), ..column }
}

/// What takes a look into the catalogue, for those who need it.
fn only_if(needed: bool, name: impl FnOnce() -> String) -> String {
    if needed { name() } else { String::new() }
}

/// A free name for a not-null constraint.
fn not_null_name(alteration: &Alteration<'_>, column: &str) -> String {
    relation::quoted(&alteration.free_name(column, c"not_null"))
}

/// The name Postgres would choose for the sequence of a serial or identity column.
fn sequence(alteration: &Alteration<'_>, column: &str) -> String {
    // SAFETY: a syscache look-up by oid.
    let schema = unsafe { pg_sys::get_rel_namespace(alteration.oid) };
    let name = relation::free_name(&alteration.on.name, column, c"seq", schema, false);
    relation::qualified(&alteration.on.schema, &name)
}

/// The column as it will be: name, type, collation.
///
/// # Safety
/// `written` is the parser's.
pub unsafe fn attribute(written: &pg_sys::ColumnDef) -> Result<Attribute> {
    // SAFETY: the caller's promise; names are NUL-terminated.
    unsafe {
        let serial = column::serial_type(written.typeName);
        let (type_oid, modifier) = match serial {
            Some(type_oid) => (type_oid, -1),
            None => expression::resolve_type(written.typeName)?,
        };
        let pointer = (&raw const *written).cast_mut();
        let generated = Clauses::of(written).generated;
        Ok(Attribute {
            number: 0,
            name: convert::string(written.colname).unwrap_or_default(),
            type_oid,
            modifier,
            collation: pg_sys::GetColumnDefCollation(std::ptr::null_mut(), pointer, type_oid),
            not_null: false,
            generated: generated.map_or('\0', |(_, stored)| if stored { 's' } else { 'v' }),
            identity: false,
            dropped: false,
            only_from: 0,
        })
    }
}

/// Whether a column's definition says NOT NULL, or implies it.
///
/// # Safety
/// `written` is the parser's.
pub unsafe fn says_not_null(written: &pg_sys::ColumnDef) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let clauses = Clauses::of(written);
        clauses.not_null || clauses.identity.is_some() || column::is_serial(written.typeName)
    }
}

impl<'a> Clauses<'a> {
    /// # Safety
    /// `written` is the parser's.
    unsafe fn of(written: &'a pg_sys::ColumnDef) -> Self {
        // SAFETY: the caller's promise; tags are checked.
        let all: Vec<&pg_sys::Constraint> = unsafe {
            node::elements(written.constraints)
                .into_iter()
                .filter_map(|n| node::cast::<pg_sys::Constraint>(n, NodeTag::T_Constraint))
                .map(|c| &*c)
                .collect()
        };
        let first = |kind| all.iter().find(|c| c.contype == kind);
        let kept = [
            ConstrType::CONSTR_CHECK,
            ConstrType::CONSTR_UNIQUE,
            ConstrType::CONSTR_PRIMARY,
            ConstrType::CONSTR_FOREIGN,
        ];
        let mut constraints: Vec<Inline<'a>> = Vec::new();
        for constraint in &all {
            if kept.contains(&constraint.contype) {
                constraints.push(Inline { constraint, deferrable: "", not_enforced: false });
            } else if let Some(last) = constraints.last_mut() {
                match constraint.contype {
                    ConstrType::CONSTR_ATTR_DEFERRABLE if last.deferrable.is_empty() => last.deferrable = " DEFERRABLE",
                    ConstrType::CONSTR_ATTR_DEFERRED => last.deferrable = " DEFERRABLE INITIALLY DEFERRED",
                    other => last.not_enforced |= versions::says_not_enforced(other),
                }
            }
        }
        Self {
            default: first(ConstrType::CONSTR_DEFAULT).and_then(|c| present(c.raw_expr)),
            generated: first(ConstrType::CONSTR_GENERATED)
                .and_then(|c| present(c.raw_expr).map(|e| (e, versions::is_stored(c)))),
            // SAFETY: the caller's promise.
            identity: first(ConstrType::CONSTR_IDENTITY).map(|c| unsafe { identity::of(c) }),
            not_null: written.is_not_null || first(ConstrType::CONSTR_NOTNULL).is_some(),
            constraints,
        }
    }
}

/// Decides as ATExecAddColumn does.
///
/// # Safety
/// `default` is the cooked default.
unsafe fn filling(
    attribute: &Attribute,
    clauses: &Clauses<'_>,
    serial: bool,
    default: Option<*mut Node>,
    text: Option<&str>,
) -> Result<Filling> {
    let text = || text.unwrap_or_default().to_owned();
    if serial {
        return Ok(Filling::Serial);
    }
    if let Some(identity) = &clauses.identity {
        return Ok(Filling::Identity(identity.clone()));
    }
    if let Some((_, stored)) = clauses.generated {
        return Ok(if stored { Filling::Stored(text()) } else { Filling::Virtual(text()) });
    }
    // SAFETY: look-ups by oid; the trees were made by Postgres.
    unsafe {
        let checked = pg_sys::DomainHasConstraints(attribute.type_oid);
        // A default that is a NULL constant is not kept.
        let own = default.filter(|d| !is_null_constant(*d));
        let domains = present(pg_sys::get_typdefault(attribute.type_oid)).filter(|d| !is_null_constant(*d));
        if checked {
            return Ok(Filling::CheckedDomain);
        }
        match (own, domains) {
            (Some(own), _) if expression::is_volatile(own)? => Ok(Filling::EachRow(text())),
            (Some(_), _) => Ok(Filling::Once(text())),
            (None, Some(domains)) => {
                let written = convert::string(pg_sys::deparse_expression(domains, std::ptr::null_mut(), false, false));
                let written = written.unwrap_or_default();
                let volatile = expression::is_volatile(domains)?;
                Ok(if volatile { Filling::DomainDefault(written) } else { Filling::Once(written) })
            }
            (None, None) => Ok(Filling::Nothing),
        }
    }
}

/// # Safety
/// `expression` is a node.
unsafe fn is_null_constant(expression: *mut Node) -> bool {
    // SAFETY: the cast follows the tag.
    unsafe { node::cast::<pg_sys::Const>(expression, NodeTag::T_Const).is_some_and(|c| (*c).constisnull) }
}

/// Children that have such a column already: they keep their own, and from 18 get the NOT NULL of the new one.
fn merge(alteration: &Alteration<'_>, new: &mut NewColumn) -> Result<()> {
    let name = &new.column.name;
    let keeps = |table: &Oid| {
        *table != alteration.oid && column::exists(table.to_u32(), name) && !alteration.loses_column(*table, name)
    };
    for table in alteration.stored().into_iter().filter(keeps) {
        new.kept_by.push(table.to_u32());
        if new.required && versions::NOT_NULL_IS_A_CONSTRAINT && not_null::scans(alteration, table, name, false)? {
            new.read_for_nulls.push(table.to_u32());
        }
    }
    Ok(())
}

/// `has_expression`: the definition has a default or a generation expression, which makes Postgres check a foreign key
/// even where the value is NULL.
fn work(alteration: &Alteration<'_>, new: &NewColumn, has_expression: bool) -> Result<Vec<Work>> {
    let lacks = |table: &Oid| !new.kept_by.contains(&table.to_u32());
    let mut merged: Vec<Work> =
        (new.read_for_nulls.iter()).filter_map(|table| alteration.work(Oid::from(*table), WorkKind::Scan)).collect();
    for new in new.constraints.iter().filter(|c| c.kind == ConstraintKind::Check && !c.not_enforced) {
        merged.extend(constraint::check(alteration, new)?);
    }
    let mut work: Vec<Work> = Vec::new();
    let mut on = |tables: Vec<Oid>, kind| {
        work.extend(tables.into_iter().filter(lacks).filter_map(|table| alteration.work(table, kind)));
    };
    let rewritten = !matches!(new.filling, Filling::Nothing | Filling::Once(_) | Filling::Virtual(_));
    if rewritten {
        on(alteration.stored(), WorkKind::Rewrite);
    }
    let stored_once = matches!(new.filling, Filling::Once(_));
    // Another command that makes it NOT NULL looks for that in the rows, although the default is known.
    if !rewritten && (new.required_later || (new.required && !stored_once)) {
        on(alteration.stored(), WorkKind::Scan);
    }
    for constraint in &new.constraints {
        match constraint.kind {
            ConstraintKind::ForeignKey if has_expression && !constraint.not_enforced => {
                on(alteration.stored_for_keys(), WorkKind::Scan);
            }
            ConstraintKind::Unique | ConstraintKind::PrimaryKey => on(alteration.stored_for_keys(), WorkKind::Build),
            _ => {}
        }
    }
    work.extend(merged);
    Ok(work)
}

/// # Safety
/// `written` is the parser's.
unsafe fn collation(written: &pg_sys::ColumnDef) -> String {
    if written.collClause.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    format!(" COLLATE {}", unsafe { expression::dotted((*written.collClause).collname) })
}

/// `ADD COLUMN ...` as SQL; `None` when a part could not be written.
fn tail(new: &NewColumn, if_not_exists: bool, clauses: &Clauses<'_>, serial: bool) -> Option<String> {
    let missing = if if_not_exists { "IF NOT EXISTS " } else { "" };
    let type_name = match (serial, new.column.type_name.as_str()) {
        (false, name) => name.to_owned(),
        (true, "smallint") => "smallserial".into(),
        (true, "bigint") => "bigserial".into(),
        (true, _) => "serial".into(),
    };
    let mut text = format!("ADD COLUMN {missing}{} {type_name}{}", new.column.quoted, new.collation);
    match &new.filling {
        Filling::Identity(identity) => text.push_str(&format!(" {}", identity.clause())),
        Filling::Stored(expression) => text.push_str(&format!(" GENERATED ALWAYS AS ({expression}) STORED")),
        Filling::Virtual(expression) => text.push_str(&format!(" GENERATED ALWAYS AS ({expression})")),
        _ => {
            if let Some(default) = &new.default {
                text.push_str(&format!(" DEFAULT {default}"));
            }
        }
    }
    if clauses.not_null {
        text.push_str(" NOT NULL");
    }
    for constraint in &new.constraints {
        text.push(' ');
        text.push_str(&inline(constraint)?);
    }
    Some(text)
}

/// A constraint as it stands behind a column.
fn inline(constraint: &NewConstraint) -> Option<String> {
    let name =
        constraint.given_name.as_ref().map(|n| format!("CONSTRAINT {} ", relation::quoted(n))).unwrap_or_default();
    let definition = constraint.definition.as_ref()?;
    let body = match constraint.kind {
        ConstraintKind::PrimaryKey => "PRIMARY KEY",
        ConstraintKind::Unique => "UNIQUE",
        ConstraintKind::ForeignKey => &definition[definition.find("REFERENCES")?..],
        _ => definition,
    };
    let enforced = if constraint.not_enforced { " NOT ENFORCED" } else { "" };
    Some(format!("{name}{body}{}{enforced}", constraint.deferrable))
}
