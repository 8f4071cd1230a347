//! SET NOT NULL: scanned, unless it is there already or Postgres's prover finds it in the table's constraints.

use pgrx::pg_sys::{self, Node, NodeTag, Oid};

use super::Alteration;
use crate::ddl::{Change, ChangeKind, WorkKind};
use crate::error::Result;
use crate::pg::analysis::catalogue::{self, Attribute, CONSTRAINTS_OF, Key, Row};
use crate::pg::analysis::{expression, overlay};
use crate::pg::memory::Scratch;
use crate::pg::{convert, node, relation};

/// ALTER COLUMN ... SET NOT NULL.
///
/// # Safety
/// `command` is the parser's.
pub unsafe fn set(alteration: &Alteration<'_>, command: &pg_sys::AlterTableCmd) -> Result<Change> {
    // SAFETY: a name is NUL-terminated.
    let name = unsafe { convert::string(command.name) }.unwrap_or_default();
    let column = alteration.column(&name);
    let mut work = Vec::new();
    let own = kept(alteration, alteration.oid, &name);
    for table in alteration.stored() {
        let scanned = match &own {
            // Postgres goes no further than to this constraint, except to validate it and those that come from it.
            Some(row) => {
                let validated = |table, row: &Option<Row>| row.as_ref().is_none_or(|row| is_validated(table, row));
                row.boolean(c"conislocal") == Some(true)
                    && !validated(alteration.oid, &own)
                    && !validated(table, &kept(alteration, table, &name))
            }
            None => scans(alteration, table, &name, table == alteration.oid)?,
        };
        if scanned {
            work.extend(alteration.work(table, WorkKind::Scan));
        }
    }
    let unvalidated = own
        .filter(|row| row.boolean(c"convalidated") == Some(false))
        .map(|row| relation::quoted(&row.name(c"conname")));
    let unproven = if work.is_empty() { None } else { unproven(alteration, &name)? };
    let tail = format!("ALTER COLUMN {} SET NOT NULL", column.quoted);
    let free_name = relation::quoted(&alteration.free_name(&name, c"not_null"));
    let kind = ChangeKind::SetNotNull { column, unvalidated, unproven, free_name };
    Ok(alteration.with_work(kind, Some(tail), work))
}

/// A CHECK that would prove a column NOT NULL if it were validated: somebody may have been interrupted before he did. And
/// whether it is one of those that hints add and drop.
fn unproven(alteration: &Alteration<'_>, column: &str) -> Result<Option<(String, bool)>> {
    let Some(attribute) = catalogue::attribute_named(alteration.oid, column) else { return Ok(None) };
    // The trees of all constraints, for one column of perhaps hundreds.
    let _scratch = Scratch::new();
    let has_children = relation::has_inheritors(alteration.oid.to_u32());
    for row in CONSTRAINTS_OF.rows(&[Key::Oid(c"conrelid", alteration.oid.to_u32())]) {
        let name = row.name(c"conname");
        let unchecked = row.character(c"contype") == 'c'
            && !is_validated(alteration.oid, &row)
            && row.boolean(c"conenforced") != Some(false);
        // It has to be validated for the tables that the statement is about, and for no others.
        let elsewhere = has_children && row.boolean(c"connoinherit") == Some(alteration.recurses);
        if !unchecked || elsewhere || alteration.loses_constraint(alteration.oid, &row) {
            continue;
        }
        let tree = row.tree(c"conbin");
        // SAFETY: the constraint's tree is of range table entry 1; `equal` only reads.
        let (proves, nothing_else) = unsafe {
            let test = node::elements(test(&attribute)).first().copied().unwrap_or(std::ptr::null_mut());
            (expression::implied(&[tree], self::test(&attribute))?, pg_sys::equal(tree.cast(), test.cast()))
        };
        if proves {
            let first = relation::first_name(&alteration.on.name, column, c"not_null");
            let numbered = name.strip_prefix(&first).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
            return Ok(Some((relation::quoted(&name), nothing_else && numbered)));
        }
    }
    Ok(None)
}

/// Whether a table is scanned when a column of it becomes NOT NULL. `named` is the table that the statement names.
pub fn scans(alteration: &Alteration<'_>, table: Oid, column: &str, named: bool) -> Result<bool> {
    let attribute = catalogue::attribute_named(table, column).filter(|_| !alteration.loses_column(table, column));
    let Some(attribute) = attribute else {
        // A column that the statement itself adds: nothing proves it yet.
        return Ok(alteration.adds_column(column));
    };
    if let Some(row) = kept(alteration, table, column) {
        // A constraint that is there and NOT VALID is validated; a child's is only marked as inherited.
        return Ok(!is_validated(table, &row) && named);
    }
    if (attribute.not_null && !alteration.loses_not_null(table, &attribute)) || overlay::proves_not_null(table, column)
    {
        return Ok(false);
    }
    Ok(!proven(alteration, table, &attribute)?)
}

/// The not-null constraint of a column, unless the statement drops it first.
fn kept(alteration: &Alteration<'_>, table: Oid, column: &str) -> Option<Row> {
    let attribute = catalogue::attribute_named(table, column)?;
    native(table, attribute.number).filter(|row| !alteration.loses_constraint(table, row))
}

/// The not-null constraint of a column, from 18.
pub fn native(table: Oid, number: i16) -> Option<Row> {
    CONSTRAINTS_OF
        .rows(&[Key::Oid(c"conrelid", table.to_u32())])
        .into_iter()
        .find(|row| row.character(c"contype") == 'n' && row.small_array(c"conkey") == [number])
}

/// What NotNullImpliedByRelConstraints answers, without the constraints that the statement drops first.
pub fn proven(alteration: &Alteration<'_>, table: Oid, attribute: &Attribute) -> Result<bool> {
    let _scratch = Scratch::new();
    let known: Vec<*mut Node> = checks(table)
        .into_iter()
        .filter(|row| !alteration.loses_constraint(table, row))
        .map(|row| row.tree(c"conbin"))
        .collect();
    if known.is_empty() {
        return Ok(false);
    }
    // SAFETY: the constraints' trees are of range table entry 1.
    unsafe { expression::implied(&known, test(attribute)) }
}

/// `column IS NOT NULL` as a condition on range table entry 1.
pub fn test(attribute: &Attribute) -> *mut pg_sys::List {
    // SAFETY: nodes made by Postgres's makers.
    unsafe {
        let test = pg_sys::palloc0(size_of::<pg_sys::NullTest>()).cast::<pg_sys::NullTest>();
        (*test).xpr.type_ = NodeTag::T_NullTest;
        let (type_oid, modifier) = (attribute.type_oid, attribute.modifier);
        (*test).arg = pg_sys::makeVar(1, attribute.number, type_oid, modifier, attribute.collation, 0).cast();
        (*test).nulltesttype = pg_sys::NullTestType::IS_NOT_NULL;
        (*test).location = -1;
        pg_sys::lappend(std::ptr::null_mut(), test.cast())
    }
}

/// Columns whose not-null constraint is NOT VALID, from 18.
pub fn unvalidated(table: Oid) -> Vec<i16> {
    CONSTRAINTS_OF
        .rows(&[Key::Oid(c"conrelid", table.to_u32())])
        .into_iter()
        .filter(|row| row.character(c"contype") == 'n' && !is_validated(table, row))
        .flat_map(|row| row.small_array(c"conkey"))
        .collect()
}

/// Whether a constraint of the catalogue's holds for every row, also since an earlier statement of the script.
pub fn is_validated(table: Oid, row: &Row) -> bool {
    row.boolean(c"convalidated") == Some(true) || overlay::is_validated(table, &row.name(c"conname"))
}

/// The CHECK constraints that hold for every row: validated, and enforced.
pub fn checks(table: Oid) -> Vec<Row> {
    CONSTRAINTS_OF
        .rows(&[Key::Oid(c"conrelid", table.to_u32())])
        .into_iter()
        .filter(|row| row.character(c"contype") == 'c' && is_validated(table, row))
        .filter(|row| row.boolean(c"conenforced") != Some(false))
        .collect()
}
