//! Do a table's own constraints prove that its rows belong to a partition? Asked of Postgres's prover, as ATTACH PARTITION
//! and CREATE TABLE ... PARTITION OF ask it.

use std::ffi::CStr;

use pgrx::pg_sys::{self, List, Node, NodeTag, Oid, ParseExprKind};

use super::alter_table::not_null;
use super::expression::Namespace;
use super::{barrier, catalogue, expression, is_statements_own, overlay, prior};
use crate::ddl::Unproven;
use crate::error::Result;
use crate::pg::relation::{self, Peek};
use crate::pg::{boundary, convert, lexer, node, raw};

/// The tables below `table` (itself included) that must be scanned to check a constraint, which is that table's own.
///
/// # Safety
/// `constraint` is an implicitly ANDed list over the columns of `table`.
pub unsafe fn scanned(table: Oid, constraint: *mut List) -> Result<Vec<Oid>> {
    let mut found = Vec::new();
    // Partitions of partitions may go deep: no call within a call.
    let mut below = vec![(table, constraint)];
    while let Some((table, constraint)) = below.pop() {
        // SAFETY: the caller's promise, and of the partitions the constraint as it is theirs.
        unsafe {
            if implied(table, constraint)? {
                continue;
            }
            match relation::kind_of(table) {
                pg_sys::RELKIND_RELATION => found.push(table),
                pg_sys::RELKIND_PARTITIONED_TABLE => {
                    for partition in relation::children(table)?.into_iter().rev() {
                        below.push((partition, mapped(constraint, partition, table)?));
                    }
                }
                _ => {}
            }
        }
    }
    Ok(found)
}

/// The same as CREATE TABLE ... PARTITION OF looks for them below the DEFAULT partition. Unlike ATTACH it asks each
/// relation of the tree for itself, and does not translate the columns' numbers.
///
/// # Safety
/// As for [`scanned`].
pub unsafe fn scanned_by_create(default: Oid, constraint: *mut List) -> Result<Vec<Oid>> {
    let mut found = Vec::new();
    // SAFETY: the caller's promise.
    if unsafe { implied(default, constraint)? } {
        return Ok(found);
    }
    for oid in relation::inheritors(default)? {
        // SAFETY: numbers of columns as Postgres takes them.
        if relation::has_storage(oid) && (oid == default || !unsafe { implied(oid, constraint)? }) {
            found.push(oid);
        }
    }
    Ok(found)
}

/// The leaves below a relation that have no CHECK, so that nothing can be proven of them.
pub fn without_constraints(oid: Oid) -> Result<Vec<Oid>> {
    let mut leaves = relation::inheritors(oid)?;
    leaves.retain(|leaf| relation::has_storage(*leaf) && !has_checks(*leaf));
    Ok(leaves)
}

/// Whether a relation has CHECK constraints, valid or not.
pub fn has_checks(oid: Oid) -> bool {
    catalogue::class(oid).is_some_and(|row| row.small(c"relchecks") > 0)
}

/// Whether valid CHECK and NOT NULL constraints of a relation imply a condition.
///
/// # Safety
/// As for [`scanned`].
unsafe fn implied(table: Oid, constraint: *mut List) -> Result<bool> {
    // SAFETY: one raw call on an open relation; the trees are over its columns.
    unsafe {
        if let Some(table) = Peek::open(table).filter(|_| !prior::in_script()) {
            let entry = table.entry();
            match boundary::catch(|| raw::PartConstraintImpliedByRelConstraint(entry, constraint)) {
                // A CHECK has a user's function that Postgres would run to fold it. What it means stays unknown; the
                // others may do without it.
                Err(error) if barrier::is_stop(&error) => {}
                answer => return decided(answer),
            }
        }
        // Another session has it locked, or earlier statements of a script change it: the same from the catalogue.
        decided(expression::implied(&known(table)?, constraint))
    }
}

/// What is known of every row: valid CHECK and NOT NULL constraints, also those that a script makes.
fn known(table: Oid) -> Result<Vec<*mut Node>> {
    let columns = catalogue::attributes(table);
    let checks = not_null::checks(table);
    let kept = checks.iter().filter(|row| !overlay::has_dropped_constraint(table, &row.name(c"conname")));
    let mut known: Vec<*mut Node> = kept.map(|row| row.tree(c"conbin")).collect();
    let unvalidated = not_null::unvalidated(table);
    for column in columns.iter().filter(|a| !a.dropped && a.not_null && !unvalidated.contains(&a.number)) {
        // SAFETY: a list of one.
        known.extend(unsafe { node::elements(not_null::test(column)) });
    }
    let made = prior::ask(|prior| prior.conditions(table.to_u32())).unwrap_or_default();
    if !made.is_empty() {
        let namespace = Namespace::new("t", &columns);
        for condition in made {
            // SAFETY: as written for this table's columns.
            known.extend(unsafe { read(&namespace, &condition)? });
        }
    }
    Ok(known)
}

fn decided(answer: Result<bool>) -> Result<bool> {
    match answer {
        Err(error) if is_statements_own(&error) => Ok(false),
        answer => answer,
    }
}

/// A condition over the columns of `from`, over those of `to`, matched by name as `map_partition_varattnos` does.
///
/// # Safety
/// `condition` is a list of expressions over the columns of `from`.
pub unsafe fn mapped(condition: *mut List, to: Oid, from: Oid) -> Result<*mut List> {
    let columns = catalogue::attributes(to);
    let mut numbers: Vec<i16> = catalogue::attributes(from)
        .iter()
        .map(|theirs| columns.iter().find(|own| !own.dropped && own.name == theirs.name).map_or(0, |own| own.number))
        .collect();
    let map = pg_sys::AttrMap { attnums: numbers.as_mut_ptr(), maplen: numbers.len() as i32 };
    let (map, mut whole_row) = (&raw const map, false);
    let found = &raw mut whole_row;
    // SAFETY: the map outlives the call and has a place for every column of `from`; it makes a new tree.
    unsafe {
        let row_type = pg_sys::get_rel_type_id(to);
        boundary::catch(|| raw::map_variable_attnos(condition.cast(), 1, 0, map, row_type, found).cast())
    }
}

/// What a hint needs to prove a condition with a CHECK on `table`.
///
/// # Safety
/// As for [`scanned`].
pub unsafe fn unproven(table: Oid, of_default: bool, constraint: *mut List, scanned: &[Oid]) -> Result<Unproven> {
    let mut unproven = unread(table, of_default, scanned)?;
    let namespace = Namespace::new("t", &catalogue::attributes(table));
    // SAFETY: the condition is over the columns of the table.
    unsafe {
        let condition = namespace.write(pg_sys::make_ands_explicit(constraint).cast());
        if proves(&namespace, &condition, constraint)? {
            unproven.condition = Some(condition);
        }
    }
    Ok(unproven)
}

/// The same where the condition is not known.
pub fn unread(table: Oid, of_default: bool, scanned: &[Oid]) -> Result<Unproven> {
    let table = relation::describe(table, true)?;
    let label: &CStr = if of_default { c"default_check" } else { c"partition_check" };
    // SAFETY: a syscache look-up by oid.
    let schema = unsafe { pg_sys::get_rel_namespace(Oid::from(table.oid)) };
    let name = relation::free_name(&table.name, "", label, schema, true);
    Ok(Unproven {
        of_default,
        condition: None,
        name: relation::quoted(&name),
        scanned: scanned.iter().map(|oid| oid.to_u32()).collect(),
        table,
    })
}

/// Whether Postgres's prover will accept a CHECK as proof. It does not where types or collations get lost in SQL, as for a
/// hash of a text.
///
/// # Safety
/// The constraint is over the namespace's columns.
unsafe fn proves(namespace: &Namespace, check: &str, constraint: *mut List) -> Result<bool> {
    // SAFETY: the caller's promise.
    unsafe {
        match read(namespace, check)? {
            Some(expression) => decided(expression::implied(&[expression], constraint)),
            None => Ok(false),
        }
    }
}

/// A condition as the expression that a CHECK would store.
///
/// # Safety
/// Makes nodes in the current memory context.
unsafe fn read(namespace: &Namespace, condition: &str) -> Result<Option<*mut Node>> {
    let source = convert::c_string(&format!("SELECT WHERE {condition}"));
    // SAFETY: the source is NUL-terminated; the cast follows the tag.
    unsafe {
        let parsed = lexer::parse(source.as_ptr())?;
        let [only] = parsed.as_slice() else { return Ok(None) };
        let Some(select) = node::cast::<pg_sys::SelectStmt>((**only).stmt, NodeTag::T_SelectStmt) else {
            return Ok(None);
        };
        namespace.transform((*select).whereClause, ParseExprKind::EXPR_KIND_CHECK_CONSTRAINT)
    }
}
