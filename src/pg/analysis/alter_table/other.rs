//! The commands of ALTER TABLE that touch the catalogue only, and SET EXPRESSION.

use pgrx::pg_sys::{self, AlterTableType as At, NodeTag};

use super::{Alteration, alter_type, definition, present};
use crate::ddl::{Change, ChangeKind, WorkKind};
use crate::error::Result;
use crate::pg::analysis::catalogue;
use crate::pg::{convert, versions};

/// Everything that has no file of its own.
///
/// # Safety
/// `command` is the parser's.
pub unsafe fn change(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Result<Change> {
    // SAFETY: the caller's promise; names are NULL or NUL-terminated.
    unsafe {
        let name = convert::string(command.name);
        let column = || alteration.column(name.as_deref().unwrap_or_default());
        let cascade = command.behavior == pg_sys::DropBehavior::DROP_CASCADE;
        let cascading = if cascade { " CASCADE" } else { "" };
        if versions::is_set_expression(command.subtype) {
            return set_expression(alteration, command);
        }
        let (kind, tail) = match command.subtype {
            At::AT_DropColumn => {
                let column = alteration.old_column(name.as_deref().unwrap_or_default());
                let tail = format!("DROP COLUMN {}{cascading}", column.quoted);
                if column.number == 0 && command.missing_ok {
                    return Ok(alteration.light(ChangeKind::OtherAlter, None));
                }
                (ChangeKind::DropColumn { column, cascade }, tail)
            }
            At::AT_DropNotNull => {
                let column = column();
                let tail = format!("ALTER COLUMN {} DROP NOT NULL", column.quoted);
                (ChangeKind::DropNotNull { column }, tail)
            }
            At::AT_DropExpression | At::AT_DropIdentity => match drop_generated(alteration, command) {
                Some(found) => found,
                None => return Ok(alteration.light(ChangeKind::OtherAlter, None)),
            },
            At::AT_ColumnDefault => return set_default(alteration, command, name.as_deref().unwrap_or_default()),
            At::AT_EnableTrig | At::AT_EnableTrigAll | At::AT_EnableTrigUser => trigger(command.subtype, name, true),
            At::AT_DisableTrig | At::AT_DisableTrigAll | At::AT_DisableTrigUser => {
                trigger(command.subtype, name, false)
            }
            At::AT_EnableRowSecurity => {
                (ChangeKind::RowSecurity { enable: true }, "ENABLE ROW LEVEL SECURITY".to_owned())
            }
            At::AT_DisableRowSecurity => {
                (ChangeKind::RowSecurity { enable: false }, "DISABLE ROW LEVEL SECURITY".to_owned())
            }
            At::AT_ReplicaIdentity => {
                let identity = definition::<pg_sys::ReplicaIdentityStmt>(command, NodeTag::T_ReplicaIdentityStmt);
                let nothing = identity.is_some_and(|i| i.identity_type as u8 == pg_sys::REPLICA_IDENTITY_NOTHING);
                let tail = nothing.then(|| "REPLICA IDENTITY NOTHING".to_owned());
                return Ok(alteration.light(ChangeKind::ReplicaIdentity { nothing }, tail));
            }
            _ => return Ok(alteration.light(ChangeKind::OtherAlter, None)),
        };
        Ok(alteration.light(kind, Some(tail)))
    }
}

/// DROP EXPRESSION and DROP IDENTITY; `None` where there is nothing to drop: with IF EXISTS nothing is done, without it
/// Postgres refuses.
fn drop_generated(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Option<(ChangeKind, String)> {
    // SAFETY: a name is NULL or NUL-terminated.
    let name = unsafe { convert::string(command.name) }?;
    let attribute = catalogue::attribute_named(alteration.oid, &name)?;
    let column = alteration.column(&name);
    // Both come after what is dropped.
    let replaced = alteration.commands.iter().any(|other| {
        let gives = match other.subtype {
            At::AT_ColumnDefault => !other.def.is_null(),
            At::AT_AddIdentity => true,
            _ => false,
        };
        // SAFETY: as above.
        gives && unsafe { convert::string(other.name) }.as_deref() == Some(&name)
    });
    let tail = |what: &str| format!("ALTER COLUMN {} DROP {what}", column.quoted);
    match command.subtype {
        At::AT_DropIdentity if attribute.identity => {
            let tail = tail("IDENTITY");
            Some((ChangeKind::DropIdentity { column, replaced }, tail))
        }
        At::AT_DropExpression if attribute.generated == 's' => {
            let tail = tail("EXPRESSION");
            Some((ChangeKind::DropExpression { column, replaced }, tail))
        }
        _ => None,
    }
}

fn trigger(subtype: At::Type, name: Option<String>, enable: bool) -> (ChangeKind, String) {
    let all = matches!(subtype, At::AT_EnableTrigAll | At::AT_DisableTrigAll);
    let word = if enable { "ENABLE" } else { "DISABLE" };
    let which = match &name {
        Some(name) => crate::pg::relation::quoted(name),
        None if all => "ALL".to_owned(),
        None => "USER".to_owned(),
    };
    (ChangeKind::Trigger { enable, all, name }, format!("{word} TRIGGER {which}"))
}

/// # Safety
/// `command` is the parser's.
unsafe fn set_default(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd, name: &str) -> Result<Change> {
    let column = alteration.column(name);
    // SAFETY: the caller's promise.
    let default = unsafe {
        match (present(command.def), catalogue::attribute_named(alteration.oid, name)) {
            (Some(raw), Some(attribute)) => {
                let namespace = alteration.namespace();
                let attribute = alter_type::retyped(alteration, name)?.unwrap_or(attribute);
                namespace.default(raw, &attribute)?.map(|default| namespace.write(default))
            }
            _ => None,
        }
    };
    let tail = match (&default, command.def.is_null()) {
        (Some(default), _) => Some(format!("ALTER COLUMN {} SET DEFAULT {default}", column.quoted)),
        (None, true) => Some(format!("ALTER COLUMN {} DROP DEFAULT", column.quoted)),
        (None, false) => None,
    };
    Ok(alteration.light(ChangeKind::SetDefault { column, default }, tail))
}

/// SET EXPRESSION (17): a stored column is computed anew for every row; a virtual one (18) only has its constraints
/// checked again.
///
/// # Safety
/// `command` is the parser's.
unsafe fn set_expression(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Result<Change> {
    // SAFETY: the caller's promise.
    let name = unsafe { convert::string(command.name) }.unwrap_or_default();
    let column = alteration.column(&name);
    let mut stored = false;
    let mut work = Vec::new();
    for table in alteration.stored() {
        let Some(attribute) = catalogue::attribute_named(table, &name) else { continue };
        match attribute.generated {
            's' => {
                stored = true;
                work.extend(alteration.work(table, WorkKind::Rewrite));
                work.extend(alter_type::Dependents::of(table, attribute.number).peers(alteration, true)?);
            }
            'v' => {
                let dependents = alter_type::Dependents::of(table, attribute.number);
                if attribute.not_null || dependents.has_checks() {
                    work.extend(alteration.work(table, WorkKind::Scan));
                }
            }
            _ => {}
        }
    }
    // SAFETY: as above; the expression is transformed on a copy.
    let tail = unsafe {
        let written = match present(command.def) {
            Some(raw) => alteration.namespace().rewrite(raw, pg_sys::ParseExprKind::EXPR_KIND_GENERATED_COLUMN)?,
            None => None,
        };
        written.map(|written| format!("ALTER COLUMN {} SET EXPRESSION AS ({written})", column.quoted))
    };
    Ok(alteration.with_work(ChangeKind::SetExpression { column, stored }, tail, work))
}
