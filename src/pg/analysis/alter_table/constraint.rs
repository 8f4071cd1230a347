//! ADD, VALIDATE, ALTER and DROP CONSTRAINT.

use pgrx::pg_sys::{self, ConstrType, NodeTag, Oid};

use super::refused::lacks_partition_key;
use super::{Alteration, as_column, definition, describe, foreign_key, index_constraint, not_null};
use crate::ddl::{Change, ChangeKind, Column, ConstraintKind, NewConstraint, Work, WorkKind};
use crate::error::Result;
use crate::pg::analysis::catalogue::{self, CONSTRAINTS_OF, Key, Row};
use crate::pg::analysis::overlay;
use crate::pg::{convert, relation, versions};

/// ADD CONSTRAINT, also without a name.
///
/// # Safety
/// `command` is the parser's.
pub unsafe fn add(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Result<Change> {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(written) = definition::<pg_sys::Constraint>(command, NodeTag::T_Constraint) else {
            return Ok(alteration.light(ChangeKind::OtherAlter, None));
        };
        let mut new = describe::describe(alteration, written, None)?;
        new.withheld = withheld(alteration, &new, written);
        let work = match new.kind {
            _ if new.not_valid || new.not_enforced || is_refused(alteration, &new) => Vec::new(),
            ConstraintKind::Check => check(alteration, &new)?,
            ConstraintKind::NotNull => not_nulls(alteration, &new.columns)?,
            ConstraintKind::ForeignKey if alteration.is_new => foreign_key::of_new_table(alteration.oid, &new),
            ConstraintKind::ForeignKey => foreign_key_scans(alteration, &new, written),
            ConstraintKind::PrimaryKey if new.using_index.is_some() => not_nulls(alteration, &new.columns)?,
            _ if new.using_index.is_some() => Vec::new(),
            _ => index_constraint::work(alteration, &new, written)?,
        };
        let tail = tail(&new);
        Ok(alteration.with_work(ChangeKind::AddConstraint(new), tail, work))
    }
}

/// What Postgres refuses before it looks at any row: ONLY for what the children have to have as well, a name that is taken,
/// a second primary key, a key without that of the partitions or over a not-null constraint that is NOT VALID.
fn is_refused(alteration: &Alteration<'_>, new: &NewConstraint) -> bool {
    let inherited = matches!(new.kind, ConstraintKind::Check | ConstraintKind::NotNull) && !new.no_inherit;
    if inherited && alteration.leaves_children_out() {
        return true;
    }
    let unique = matches!(new.kind, ConstraintKind::Unique | ConstraintKind::PrimaryKey);
    if unique && lacks_partition_key(alteration.oid, |name| new.columns.iter().any(|column| column.name == name)) {
        return true;
    }
    CONSTRAINTS_OF.rows(&[Key::Oid(c"conrelid", alteration.oid.to_u32())]).iter().any(|row| {
        let name = row.name(c"conname");
        let second_key = new.kind == ConstraintKind::PrimaryKey && row.character(c"contype") == 'p';
        let unproven_key = new.kind == ConstraintKind::PrimaryKey
            && row.character(c"contype") == 'n'
            && row.boolean(c"convalidated") == Some(false)
            && new.columns.iter().any(|column| row.small_array(c"conkey") == [column.number]);
        let taken = new.given_name.as_ref() == Some(&name);
        (second_key || unproven_key || taken) && !alteration.loses_constraint(alteration.oid, row)
    })
}

/// See [`NewConstraint::withheld`]. With ONLY, or a name that is taken, Postgres refuses it for that.
fn withheld(alteration: &Alteration<'_>, new: &NewConstraint, written: &pg_sys::Constraint) -> Option<Vec<Work>> {
    let refused_for_it = new.kind == ConstraintKind::ForeignKey
        && new.not_valid
        && alteration.on.partitioned
        && alteration.recurses
        && !versions::FOREIGN_KEY_ON_PARTITIONED_CAN_WAIT;
    (refused_for_it && !is_refused(alteration, new)).then(|| foreign_key_scans(alteration, new, written))
}

/// The rows that a new foreign key is checked for; a partition that has it already keeps its own.
fn foreign_key_scans(alteration: &Alteration<'_>, new: &NewConstraint, written: &pg_sys::Constraint) -> Vec<Work> {
    let tables = alteration.stored_for_keys().into_iter();
    let tables = tables.filter(|t| *t == alteration.oid || !foreign_key::is_there(*t, new, written));
    tables.filter_map(|t| alteration.work(t, WorkKind::Scan)).collect()
}

/// A new CHECK is tried on every row; a child that has it already, by name, keeps its own, unless that goes before.
pub fn check(alteration: &Alteration<'_>, new: &NewConstraint) -> Result<Vec<Work>> {
    let name = new.given_name.clone().unwrap_or_default();
    let tables = if new.no_inherit { vec![alteration.oid] } else { alteration.stored() };
    let keeps = |table: Oid| named(table, &name).is_some_and(|row| !alteration.loses_constraint(table, &row));
    Ok(tables
        .into_iter()
        .filter(|table| *table == alteration.oid || !keeps(*table))
        .filter_map(|table| alteration.work(table, WorkKind::Scan))
        .collect())
}

/// Scans for columns that become NOT NULL on the way.
fn not_nulls(alteration: &Alteration<'_>, columns: &[Column]) -> Result<Vec<Work>> {
    let mut work = Vec::new();
    for table in alteration.stored() {
        for column in columns {
            if not_null::scans(alteration, table, &column.name, table == alteration.oid)? {
                work.extend(alteration.work(table, WorkKind::Scan));
                break;
            }
        }
    }
    Ok(work)
}

/// `ADD CONSTRAINT ...` as SQL.
fn tail(new: &NewConstraint) -> Option<String> {
    let name = new.given_name.as_ref().map(|n| format!("CONSTRAINT {} ", relation::quoted(n))).unwrap_or_default();
    let inherit = if new.no_inherit { " NO INHERIT" } else { "" };
    let enforced = if new.not_enforced { " NOT ENFORCED" } else { "" };
    let valid = if new.not_valid && !new.not_enforced { " NOT VALID" } else { "" };
    Some(format!("ADD {name}{}{inherit}{}{enforced}{valid}", new.definition.as_ref()?, new.deferrable))
}

/// The constraint of a name on a table.
pub fn named(table: Oid, name: &str) -> Option<Row> {
    CONSTRAINTS_OF.rows(&[Key::Oid(c"conrelid", table.to_u32())]).into_iter().find(|row| row.name(c"conname") == name)
}

fn kind_of(row: &Row) -> ConstraintKind {
    match row.character(c"contype") {
        'f' => ConstraintKind::ForeignKey,
        'p' => ConstraintKind::PrimaryKey,
        'u' => ConstraintKind::Unique,
        'x' => ConstraintKind::Exclusion,
        'n' => ConstraintKind::NotNull,
        _ => ConstraintKind::Check,
    }
}

/// VALIDATE CONSTRAINT: a scan under whatever lock the transaction holds by then.
///
/// # Safety
/// `command` is the parser's.
pub unsafe fn validate(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Result<Change> {
    // SAFETY: a name is NUL-terminated.
    let name = unsafe { convert::string(command.name) }.unwrap_or_default();
    let tail = format!("VALIDATE CONSTRAINT {}", relation::quoted(&name));
    let there = named(alteration.oid, &name).filter(|row| !alteration.loses_constraint(alteration.oid, row));
    let Some(row) = there else {
        // One that the statement itself adds.
        // SAFETY: the commands are the parser's.
        let own = unsafe { added(alteration, &name) };
        // Or an earlier statement of the script.
        let earlier = overlay::constraint(alteration.oid, &name).filter(|(_, valid)| !valid).map(|(kind, _)| kind);
        let Some(kind) = own.or(earlier) else {
            return Ok(alteration.light(ChangeKind::OtherAlter, None));
        };
        let tables =
            if kind == ConstraintKind::ForeignKey { alteration.stored_for_keys() } else { alteration.stored() };
        let work = tables.into_iter().filter_map(|table| alteration.work(table, WorkKind::Scan)).collect();
        return Ok(alteration.with_work(ChangeKind::ValidateConstraint { name, kind }, Some(tail), work));
    };
    let kind = kind_of(&row);
    let mut work = Vec::new();
    if !not_null::is_validated(alteration.oid, &row) && row.boolean(c"conenforced") != Some(false) {
        if kind == ConstraintKind::ForeignKey {
            work = foreign_key::validation(alteration, &row)?;
        } else {
            for table in alteration.stored() {
                let own = if table == alteration.oid { Some(&row) } else { None };
                let child = if own.is_none() { named(table, &name) } else { None };
                if own.or(child.as_ref()).is_some_and(|r| r.boolean(c"convalidated") == Some(false)) {
                    work.extend(alteration.work(table, WorkKind::Scan));
                }
            }
        }
    }
    Ok(alteration.with_work(ChangeKind::ValidateConstraint { name, kind }, Some(tail), work))
}

/// The kind of a CHECK or foreign key of that name that the statement adds unchecked.
///
/// # Safety
/// The commands are the parser's.
unsafe fn added(alteration: &Alteration<'_>, name: &str) -> Option<ConstraintKind> {
    alteration.commands_of(pg_sys::AlterTableType::AT_AddConstraint).find_map(|command| {
        // SAFETY: the caller's promise; the tag is checked.
        let (new, own) = unsafe {
            let new = definition::<pg_sys::Constraint>(command, NodeTag::T_Constraint)?;
            (new, convert::string(new.conname))
        };
        let kind = match new.contype {
            ConstrType::CONSTR_FOREIGN => ConstraintKind::ForeignKey,
            ConstrType::CONSTR_CHECK => ConstraintKind::Check,
            ConstrType::CONSTR_NOTNULL => ConstraintKind::NotNull,
            _ => return None,
        };
        (own.as_deref() == Some(name) && new.skip_validation).then_some(kind)
    })
}

/// ALTER CONSTRAINT; ENFORCED (18) checks every row.
///
/// # Safety
/// `command` is the parser's.
pub unsafe fn alter(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Result<Change> {
    // SAFETY: the caller's promise.
    let Some(altered) = (unsafe { versions::altered_constraint(command) }) else {
        return Ok(alteration.light(ChangeKind::OtherAlter, None));
    };
    let versions::AlteredConstraint { name, enforced, inherits } = altered;
    let mut work = Vec::new();
    let mut inherited = None;
    if enforced == Some(true)
        && let Some(row) = named(alteration.oid, &name)
        && row.boolean(c"conenforced") == Some(false)
    {
        work = foreign_key::validation(alteration, &row)?;
    }
    if inherits {
        (work, inherited) = inherited_not_null(alteration, &name)?;
    }
    let tail = enforced.map(|enforced| {
        let word = if enforced { "ENFORCED" } else { "NOT ENFORCED" };
        format!("ALTER CONSTRAINT {} {word}", relation::quoted(&name))
    });
    let tail = tail.or_else(|| inherits.then(|| format!("ALTER CONSTRAINT {} INHERIT", relation::quoted(&name))));
    Ok(alteration.with_work(ChangeKind::AlterConstraint { name, enforced, inherited }, tail, work))
}

/// A not-null constraint that the children get: those that have none are read.
fn inherited_not_null(alteration: &Alteration<'_>, name: &str) -> Result<(Vec<Work>, Option<Column>)> {
    let Some(row) = named(alteration.oid, name) else { return Ok((Vec::new(), None)) };
    let column = row.small_array(c"conkey").first().and_then(|number| catalogue::attribute(alteration.oid, *number));
    let (Some(column), 'n', Some(true)) = (column, row.character(c"contype"), row.boolean(c"connoinherit")) else {
        return Ok((Vec::new(), None));
    };
    let mut work = Vec::new();
    for table in relation::inheritors(alteration.oid)?.into_iter().filter(|table| *table != alteration.oid) {
        if not_null::scans(alteration, table, &column.name, false)? {
            work.extend(alteration.work(table, WorkKind::Scan));
        }
    }
    Ok((work, Some(as_column(&column))))
}

/// DROP CONSTRAINT.
///
/// # Safety
/// `command` is the parser's.
pub unsafe fn drop(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Result<Change> {
    // SAFETY: a name is NUL-terminated.
    let name = unsafe { convert::string(command.name) }.unwrap_or_default();
    let Some(row) = named(alteration.oid, &name) else {
        return Ok(alteration.light(ChangeKind::OtherAlter, None));
    };
    let cascade = command.behavior == pg_sys::DropBehavior::DROP_CASCADE;
    let tail = format!("DROP CONSTRAINT {}{}", relation::quoted(&name), if cascade { " CASCADE" } else { "" });
    let kind = ChangeKind::DropConstraint { name, kind: kind_of(&row), oid: row.oid(c"oid"), cascade };
    Ok(alteration.light(kind, Some(tail)))
}
