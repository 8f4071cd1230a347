//! Does a table's own constraints prove that its rows belong to a partition? Asked of Postgres's prover, as ATTACH PARTITION
//! and CREATE TABLE ... PARTITION OF ask it.

use std::ffi::CStr;

use pgrx::pg_sys::{self, List, NodeTag, Oid};

use super::is_statements_own;
use crate::ddl::Unproven;
use crate::error::Result;
use crate::pg::relation::{self, Peek};
use crate::pg::{boundary, convert, lexer, node, raw};

/// The tables below `table` (itself included) that must be scanned to check a constraint, which is that table's own.
///
/// # Safety
/// `constraint` is an implicitly ANDed list over the columns of `table`.
pub unsafe fn scanned(table: &Peek, constraint: *mut List) -> Result<Vec<Oid>> {
    let mut found = Vec::new();
    // SAFETY: the caller's promise.
    unsafe { descend(table, constraint, &mut found)? };
    Ok(found)
}

/// # Safety
/// As for [`scanned`].
unsafe fn descend(table: &Peek, constraint: *mut List, found: &mut Vec<Oid>) -> Result<()> {
    // SAFETY: open relations; the descriptor lives as long as the relation is open.
    unsafe {
        if implied(table, constraint)? {
            return Ok(());
        }
        match relation::kind_of(table.oid()) {
            pg_sys::RELKIND_RELATION => found.push(table.oid()),
            pg_sys::RELKIND_PARTITIONED_TABLE => {
                for oid in partitions(table) {
                    let Some(partition) = Peek::open(oid) else {
                        found.extend(without_constraints(oid)?);
                        continue;
                    };
                    descend(&partition, mapped(constraint, &partition, table)?, found)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The same as CREATE TABLE ... PARTITION OF looks for them below the DEFAULT partition. Unlike ATTACH it asks each
/// relation of the tree for itself, and does not translate the columns' numbers.
///
/// # Safety
/// As for [`scanned`].
pub unsafe fn scanned_by_create(default: &Peek, constraint: *mut List) -> Result<Vec<Oid>> {
    let mut found = Vec::new();
    // SAFETY: the caller's promise.
    if unsafe { implied(default, constraint)? } {
        return Ok(found);
    }
    for oid in relation::inheritors(default.oid())? {
        if !relation::has_storage(oid) {
            continue;
        }
        let proven = match Peek::open(oid) {
            _ if oid == default.oid() => false,
            // SAFETY: as Postgres does.
            Some(leaf) => unsafe { implied(&leaf, constraint)? },
            None => relation::has_checks(oid),
        };
        if !proven {
            found.push(oid);
        }
    }
    Ok(found)
}

/// The partitions of a partitioned table, those that are being detached left out.
///
/// # Safety
/// The table is partitioned.
pub unsafe fn partitions(table: &Peek) -> Vec<Oid> {
    // SAFETY: the descriptor lives as long as the relation is open; nparts counts its oids.
    unsafe {
        let descriptor = &*pg_sys::RelationGetPartitionDesc(table.entry(), true);
        (0..usize::try_from(descriptor.nparts).unwrap_or(0)).map(|i| *descriptor.oids.add(i)).collect()
    }
}

/// The leaves below a relation that cannot be read now but that have no CHECK, so that nothing can be proven of them.
pub fn without_constraints(oid: Oid) -> Result<Vec<Oid>> {
    let mut leaves = relation::inheritors(oid)?;
    leaves.retain(|leaf| relation::has_storage(*leaf) && !relation::has_checks(*leaf));
    Ok(leaves)
}

/// Whether valid CHECK and NOT NULL constraints of a relation imply a condition. What cannot be decided without running
/// a user's function is not proven.
///
/// # Safety
/// As for [`scanned`].
pub unsafe fn implied(table: &Peek, constraint: *mut List) -> Result<bool> {
    let entry = table.entry();
    // SAFETY: one raw call.
    decided(unsafe { boundary::catch(|| raw::PartConstraintImpliedByRelConstraint(entry, constraint)) })
}

fn decided(answer: Result<bool>) -> Result<bool> {
    match answer {
        Err(error) if is_statements_own(&error) => Ok(false),
        answer => answer,
    }
}

/// A condition over the columns of `from`, over those of `to`.
///
/// # Safety
/// `condition` is a list of expressions over the columns of `from`.
pub unsafe fn mapped(condition: *mut List, to: &Peek, from: &Peek) -> Result<*mut List> {
    let (to, from) = (to.entry(), from.entry());
    // SAFETY: one raw call on open relations.
    unsafe { boundary::catch(|| raw::map_partition_varattnos(condition, 1, to, from)) }
}

/// What a hint needs to prove a condition with a CHECK on `table`.
///
/// # Safety
/// As for [`scanned`].
pub unsafe fn unproven(table: &Peek, of_default: bool, constraint: *mut List, scanned: &[Oid]) -> Result<Unproven> {
    // SAFETY: an open relation; the condition is over its columns.
    unsafe {
        let condition = written(table, constraint);
        let proves = match &condition {
            Some(condition) => proves(table, condition, constraint)?,
            None => false,
        };
        let mut unproven = unread(table.oid(), of_default, scanned)?;
        unproven.condition = condition.filter(|_| proves);
        Ok(unproven)
    }
}

/// The same for a table that cannot be read without waiting.
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

/// As SQL.
///
/// # Safety
/// As for [`scanned`].
unsafe fn written(table: &Peek, constraint: *mut List) -> Option<String> {
    // SAFETY: expressions over the columns of an open relation.
    unsafe {
        let name = convert::c_string(&relation::names(table.oid()).1);
        let context = pg_sys::deparse_context_for(name.as_ptr(), table.oid());
        let whole = pg_sys::make_ands_explicit(constraint).cast();
        convert::string(pg_sys::deparse_expression(whole, context, false, false))
    }
}

/// Whether Postgres's prover will accept a CHECK as proof. It does not where types or collations get lost in SQL, as for a
/// hash of a text.
///
/// # Safety
/// As for [`scanned`].
unsafe fn proves(table: &Peek, check: &str, constraint: *mut List) -> Result<bool> {
    // SAFETY: the tree lives in the current context; every cast follows the tag; raw calls within the boundary.
    unsafe {
        let Some(expression) = checked_expression(table, check)? else { return Ok(false) };
        decided(boundary::catch(|| {
            let simple = raw::eval_const_expressions(std::ptr::null_mut(), expression);
            let canonical = raw::canonicalize_qual(simple.cast(), true);
            raw::predicate_implied_by(constraint, raw::make_ands_implicit(canonical), true)
        }))
    }
}

/// A condition as the expression that a CHECK on `table` would store.
///
/// # Safety
/// The table is open.
unsafe fn checked_expression(table: &Peek, check: &str) -> Result<Option<*mut pg_sys::Node>> {
    let source = convert::c_string(&format!("SELECT WHERE {check}"));
    let entry = table.entry();
    // SAFETY: the source is NUL-terminated; every cast follows the tag; raw calls within the boundary.
    unsafe {
        let parsed = lexer::parse(source.as_ptr())?;
        let [only] = parsed.as_slice() else { return Ok(None) };
        let Some(select) = node::cast::<pg_sys::SelectStmt>((**only).stmt, NodeTag::T_SelectStmt) else {
            return Ok(None);
        };
        let condition = (*select).whereClause;
        boundary::catch(|| {
            let mode = pg_sys::AccessShareLock as i32;
            let state = raw::make_parsestate(std::ptr::null_mut());
            let item = raw::addRangeTableEntryForRelation(state, entry, mode, std::ptr::null_mut(), false, true);
            raw::addNSItemToQuery(state, item, true, true, true);
            let kind = pg_sys::ParseExprKind::EXPR_KIND_CHECK_CONSTRAINT;
            let expression = raw::transformExpr(state, condition, kind);
            let expression = raw::coerce_to_boolean(state, expression, c"CHECK".as_ptr());
            raw::assign_expr_collations(state, expression);
            Some(expression)
        })
    }
}
