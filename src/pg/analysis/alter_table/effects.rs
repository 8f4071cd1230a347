//! What an ALTER TABLE of a script leaves behind for the statements after it.

use pgrx::pg_sys::{self, AlterTableType as At, ConstrType, Node, NodeTag, Oid};

use super::{Alteration, add_column, definition, present};
use crate::ddl::{Change, ChangeKind, ConstraintKind, Effect, Filling, PriorColumn, PriorConstraint, PriorType};
use crate::error::Result;
use crate::pg::analysis::catalogue::{self, Attribute};
use crate::pg::analysis::expression;
use crate::pg::convert;

/// The effects of its commands, of which `changes` are known.
///
/// # Safety
/// `alter` is the parser's tree.
pub unsafe fn of(alter: &pg_sys::AlterTableStmt, changes: &[Change]) -> Result<Vec<Effect>> {
    let mut effects = Vec::new();
    // SAFETY: the caller's promise.
    unsafe {
        let Some(alteration) = Alteration::of(alter)? else { return Ok(effects) };
        for (command, change) in alteration.commands.iter().zip(changes) {
            for table in &alteration.tables {
                of_command(&alteration, command, change, *table, &mut effects)?;
            }
        }
    }
    Ok(effects)
}

/// # Safety
/// As for [`of`].
unsafe fn of_command(
    alteration: &Alteration<'_>,
    command: &pg_sys::AlterTableCmd,
    change: &Change,
    table: Oid,
    effects: &mut Vec<Effect>,
) -> Result<()> {
    let oid = table.to_u32();
    // SAFETY: the caller's promise; names are NULL or NUL-terminated, casts follow the tag.
    unsafe {
        let name = convert::string(command.name).unwrap_or_default();
        match command.subtype {
            At::AT_AddColumn => {
                let Some(written) = definition::<pg_sys::ColumnDef>(command, NodeTag::T_ColumnDef) else {
                    return Ok(());
                };
                let attribute = add_column::attribute(written)?;
                let ChangeKind::AddColumn { new, .. } = &change.kind else { return Ok(()) };
                let value = match &new.filling {
                    Filling::Once(constant) => constant.clone(),
                    _ => "NULL".to_owned(),
                };
                effects.push(Effect::ColumnAdded(
                    oid,
                    PriorColumn {
                        name: attribute.name.clone(),
                        of: type_of(&attribute),
                        type_name: new.column.type_name.clone(),
                        not_null: new.required,
                        generated: attribute.generated,
                        value,
                    },
                ));
            }
            At::AT_DropColumn => effects.push(Effect::ColumnRemoved(oid, name)),
            At::AT_AlterColumnType => {
                let written = definition::<pg_sys::ColumnDef>(command, NodeTag::T_ColumnDef);
                if let Some(written) = written {
                    effects.push(Effect::Retyped(oid, name, type_of(&add_column::attribute(written)?)));
                }
            }
            At::AT_SetNotNull => effects.push(Effect::NotNull(oid, name, true)),
            At::AT_DropNotNull => effects.push(Effect::NotNull(oid, name, false)),
            At::AT_AddConstraint => {
                if let Some(written) = definition::<pg_sys::Constraint>(command, NodeTag::T_Constraint) {
                    added(alteration, written, change, oid, effects)?;
                }
            }
            At::AT_ValidateConstraint => effects.push(Effect::ConstraintValidated(oid, name)),
            At::AT_DropConstraint => effects.push(Effect::ConstraintRemoved(oid, name)),
            _ => {}
        }
    }
    Ok(())
}

fn type_of(attribute: &Attribute) -> PriorType {
    PriorType {
        oid: attribute.type_oid.to_u32(),
        modifier: attribute.modifier,
        collation: attribute.collation.to_u32(),
    }
}

/// A constraint, and the columns that it keeps from being NULL.
///
/// # Safety
/// As for [`of`].
unsafe fn added(
    alteration: &Alteration<'_>,
    written: &pg_sys::Constraint,
    change: &Change,
    oid: u32,
    effects: &mut Vec<Effect>,
) -> Result<()> {
    let ChangeKind::AddConstraint(new) = &change.kind else { return Ok(()) };
    let proves = match new.kind {
        // SAFETY: the caller's promise.
        ConstraintKind::Check => unsafe { proven(alteration, written) }?,
        ConstraintKind::NotNull => new.columns.iter().map(|c| c.name.clone()).collect(),
        _ => Vec::new(),
    };
    if new.kind == ConstraintKind::PrimaryKey {
        effects.extend(new.columns.iter().map(|c| Effect::NotNull(oid, c.name.clone(), true)));
    }
    // SAFETY: names are NULL or NUL-terminated.
    let given = unsafe { convert::string(written.conname) };
    effects.push(Effect::ConstraintAdded(
        oid,
        PriorConstraint {
            name: given.unwrap_or_else(|| unquoted(&new.quoted)),
            kind: new.kind,
            valid: !new.not_valid && !new.not_enforced,
            proves,
            condition: new.definition.as_deref().and_then(|text| text.strip_prefix("CHECK ")).map(str::to_owned),
        },
    ));
    Ok(())
}

/// The columns that a CHECK proves not to be NULL, by Postgres's prover.
///
/// # Safety
/// `written` is the parser's.
unsafe fn proven(alteration: &Alteration<'_>, written: &pg_sys::Constraint) -> Result<Vec<String>> {
    debug_assert!(written.contype == ConstrType::CONSTR_CHECK);
    // SAFETY: the caller's promise; what is transformed is of range table entry 1.
    unsafe {
        let Some(raw) = present(written.raw_expr) else { return Ok(Vec::new()) };
        let kind = pg_sys::ParseExprKind::EXPR_KIND_CHECK_CONSTRAINT;
        let Some(check) = alteration.namespace().transform(raw, kind)? else { return Ok(Vec::new()) };
        let mut proven = Vec::new();
        for attribute in catalogue::attributes(alteration.oid).iter().filter(|a| !a.dropped) {
            let mut named: *mut pg_sys::Bitmapset = std::ptr::null_mut();
            pg_sys::pull_varattnos(check, 1, &raw mut named);
            let member = i32::from(attribute.number) - pg_sys::FirstLowInvalidHeapAttributeNumber;
            if !pg_sys::bms_is_member(member, named) {
                continue;
            }
            let known: *mut Node = pg_sys::copyObjectImpl(check.cast()).cast();
            if expression::implied(&[known], super::not_null::test(attribute))? {
                proven.push(attribute.name.clone());
            }
        }
        Ok(proven)
    }
}

/// The name behind a quoted one.
fn unquoted(quoted: &str) -> String {
    quoted
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
        .map_or_else(|| quoted.to_owned(), |name| name.replace("\"\"", "\""))
}
