//! A constraint of the parser's as data, and as SQL.

use pgrx::pg_sys::{self, ConstrType, Oid};

use super::{Alteration, as_column, index_constraint, present};
use crate::ddl::{Column, ConstraintKind, NewConstraint};
use crate::error::Result;
use crate::pg::analysis::catalogue::{self, Attribute, INDEXES_OF, Key};
use crate::pg::analysis::overlay::{self, spelled};
use crate::pg::{convert, node, relation, versions};

/// A constraint of the parser's as data. `inline` is the column behind which it stands.
///
/// # Safety
/// `written` is the parser's.
pub unsafe fn describe(
    alteration: &Alteration<'_>,
    written: &pg_sys::Constraint,
    inline: Option<&Attribute>,
) -> Result<NewConstraint> {
    // SAFETY: the caller's promise; names are NULL or NUL-terminated, lists NIL or lists of nodes.
    unsafe {
        let (kind, label) = match written.contype {
            ConstrType::CONSTR_PRIMARY => (ConstraintKind::PrimaryKey, c"pkey"),
            ConstrType::CONSTR_UNIQUE => (ConstraintKind::Unique, c"key"),
            ConstrType::CONSTR_EXCLUSION => (ConstraintKind::Exclusion, c"excl"),
            ConstrType::CONSTR_FOREIGN => (ConstraintKind::ForeignKey, c"fkey"),
            ConstrType::CONSTR_NOTNULL => (ConstraintKind::NotNull, c"not_null"),
            _ => (ConstraintKind::Check, c"check"),
        };
        let using_index = index_constraint::existing(alteration, written);
        let names = match (inline, kind) {
            (_, ConstraintKind::Check) => checked_columns(alteration, written)?,
            (Some(column), _) => vec![column.name.clone()],
            (None, ConstraintKind::ForeignKey) => node::strings(written.fk_attrs),
            (None, _) => node::strings(written.keys),
        };
        let earlier = spelled(written.indexname).and_then(|name| overlay::index(alteration.oid, &name));
        let mut columns: Vec<Column> = match using_index {
            Some(0) => earlier.unwrap_or_default().columns.iter().map(|name| alteration.column(name)).collect(),
            Some(index) => index_constraint::columns(alteration.oid, index),
            None => names.iter().map(|name| alteration.column(name)).collect(),
        };
        for column in columns.iter_mut().filter(|column| column.not_null) {
            let attribute = catalogue::attribute_named(alteration.oid, &column.name);
            column.not_null = !attribute.is_some_and(|a| alteration.loses_not_null(alteration.oid, &a));
        }
        let given_name = convert::string(written.conname);
        let chosen = match (&given_name, kind) {
            (Some(name), _) => name.clone(),
            (None, ConstraintKind::PrimaryKey) => alteration.free_name("", label),
            (None, ConstraintKind::Unique) => {
                alteration.free_name(&index_constraint::name_part(&names, written), label)
            }
            (None, _) => alteration.free_name(&names.join("_"), label),
        };
        let mut new = NewConstraint {
            kind,
            quoted: relation::quoted(&chosen),
            given_name,
            columns,
            definition: None,
            not_valid: written.skip_validation,
            not_enforced: !versions::is_enforced(written),
            no_inherit: written.is_no_inherit,
            deferrable: deferrable(written),
            using_index,
            references: None,
            referenced_columns: Vec::new(),
            index: None,
            withheld: None,
        };
        new.definition = match kind {
            ConstraintKind::Check => {
                let kind = pg_sys::ParseExprKind::EXPR_KIND_CHECK_CONSTRAINT;
                let text = match present(written.raw_expr) {
                    Some(raw) => alteration.namespace().rewrite(raw, kind)?,
                    None => None,
                };
                text.map(|text| format!("CHECK ({text})"))
            }
            ConstraintKind::NotNull => new.columns.first().map(|column| format!("NOT NULL {}", column.quoted)),
            ConstraintKind::ForeignKey => references(&mut new, written)?,
            _ => index_constraint::definition(alteration, &mut new, written),
        };
        Ok(new)
    }
}

/// The columns that a CHECK names, for the name that Postgres would give it.
///
/// # Safety
/// `written` is the parser's.
unsafe fn checked_columns(alteration: &Alteration<'_>, written: &pg_sys::Constraint) -> Result<Vec<String>> {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(raw) = present(written.raw_expr) else { return Ok(Vec::new()) };
        let namespace = alteration.namespace();
        let expression = namespace.transform(raw, pg_sys::ParseExprKind::EXPR_KIND_CHECK_CONSTRAINT)?;
        Ok(expression.and_then(|e| namespace.only_column(e)).into_iter().collect())
    }
}

/// `FOREIGN KEY (...) REFERENCES ...`; also fills in what is referenced.
///
/// # Safety
/// `written` is the parser's.
unsafe fn references(new: &mut NewConstraint, written: &pg_sys::Constraint) -> Result<Option<String>> {
    // SAFETY: the caller's promise.
    unsafe {
        if written.pktable.is_null() || versions::has_period(written) {
            return Ok(None);
        }
        let Some(target) = relation::lookup(written.pktable)? else { return Ok(None) };
        let table = relation::describe(target, true)?;
        let names = node::strings(written.pk_attrs);
        new.referenced_columns = if names.is_empty() {
            primary_key(target)
        } else {
            names.iter().filter_map(|n| catalogue::attribute_named(target, n)).map(|a| as_column(&a)).collect()
        };
        let mut text = format!("FOREIGN KEY ({}) REFERENCES {}", listed(&new.columns), table.quoted);
        if !new.referenced_columns.is_empty() {
            text.push_str(&format!("({})", listed(&new.referenced_columns)));
        }
        if written.fk_matchtype as u8 == b'f' {
            text.push_str(" MATCH FULL");
        }
        if let Some(action) = action(written.fk_upd_action) {
            text.push_str(&format!(" ON UPDATE {action}"));
        }
        if let Some(action) = action(written.fk_del_action) {
            text.push_str(&format!(" ON DELETE {action}"));
            let columns: Vec<String> =
                node::strings(written.fk_del_set_cols).iter().map(|c| relation::quoted(c)).collect();
            if !columns.is_empty() {
                text.push_str(&format!(" ({})", columns.join(", ")));
            }
        }
        new.references = Some(table);
        Ok(Some(text))
    }
}

/// The action behind its letter, as the grammar codes it; `None` for NO ACTION.
fn action(letter: std::ffi::c_char) -> Option<&'static str> {
    match letter as u8 {
        b'r' => Some("RESTRICT"),
        b'c' => Some("CASCADE"),
        b'n' => Some("SET NULL"),
        b'd' => Some("SET DEFAULT"),
        _ => None,
    }
}

fn primary_key(table: Oid) -> Vec<Column> {
    INDEXES_OF
        .rows(&[Key::Oid(c"indrelid", table.to_u32())])
        .iter()
        .filter(|row| row.boolean(c"indisprimary") == Some(true))
        .flat_map(|row| row.small_array(c"indkey"))
        .filter_map(|number| catalogue::attribute(table, number))
        .map(|a| as_column(&a))
        .collect()
}

fn deferrable(written: &pg_sys::Constraint) -> String {
    match (written.deferrable, written.initdeferred) {
        (_, true) => " DEFERRABLE INITIALLY DEFERRED".into(),
        (true, false) => " DEFERRABLE".into(),
        _ => String::new(),
    }
}

/// A list of SQL names.
pub fn listed(columns: &[Column]) -> String {
    columns.iter().map(|c| c.quoted.clone()).collect::<Vec<_>>().join(", ")
}

/// An expression of the statement's in its own namespace; `None` when it cannot be written.
///
/// # Safety
/// `raw` is the parser's.
pub unsafe fn written(
    alteration: &Alteration<'_>,
    raw: *mut pg_sys::Node,
    kind: pg_sys::ParseExprKind::Type,
) -> Option<String> {
    // SAFETY: the caller's promise.
    unsafe { alteration.namespace().rewrite(raw, kind).ok().flatten() }
}

/// A dotted operator name.
///
/// # Safety
/// `names` is NIL or a list of String nodes.
pub unsafe fn operator(names: *mut pg_sys::List) -> String {
    // SAFETY: the caller's promise.
    let parts = unsafe { node::strings(names) };
    match parts.as_slice() {
        [only] => only.clone(),
        [schemas @ .., operator] => {
            let schemas: Vec<String> = schemas.iter().map(|schema| relation::quoted(schema)).collect();
            format!("OPERATOR({}.{operator})", schemas.join("."))
        }
        [] => String::new(),
    }
}
