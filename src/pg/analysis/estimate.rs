//! How many rows a query would yield, by the planner's estimate.
//!
//! Planning may evaluate functions that are declared immutable or stable. Whatever a user could have written stands as an
//! unknown value instead, as in a generic plan. Locks that planning takes are given back, and hardly waited for.

use std::ffi::{c_char, c_void};

use pgrx::pg_sys::{self, NodeTag, Oid};

use super::barrier::Barrier;
use crate::error::Result;
use crate::pg::{boundary, convert, node, raw, subtransaction, versions};

/// Rows of a SELECT; `None` when the caller may not read what it reads, when another session keeps us from looking, or
/// when only another server could tell.
///
/// # Safety
/// `select` is a tree of the parser's, which may be changed; `source` is NUL-terminated.
pub unsafe fn rows(select: *mut pg_sys::RawStmt, source: *const c_char) -> Result<Option<u64>> {
    let _barrier = Barrier::up();
    let work = || {
        subtransaction::rolled_back(|| {
            // SAFETY: the caller's promise; raw calls within the boundary, in closures that own nothing. The snapshot goes
            // with the subtransaction.
            unsafe {
                boundary::catch(|| wait_no_longer())?;
                boundary::catch(|| raw::PushActiveSnapshot(raw::GetTransactionSnapshot()))?;
                let nothing: *mut c_void = std::ptr::null_mut();
                let queries = boundary::catch(|| {
                    raw::pg_analyze_and_rewrite_fixedparams(select, source, std::ptr::null(), 0, nothing.cast())
                })?;
                let [query] = node::elements(queries)[..] else { return Ok(None) };
                let mut found = Found { plannable: true };
                let context = (&raw mut found).cast();
                let query: *mut pg_sys::Query = boundary::catch(|| without_user_code(query, context))?.cast();
                if !found.plannable {
                    return Ok(None);
                }
                let planned = boundary::catch(|| raw::pg_plan_query(query, source, 0, nothing.cast()))?;
                if !versions::may_execute(&*planned) || (*planned).planTree.is_null() {
                    return Ok(None);
                }
                Ok(Some((*(*planned).planTree).plan_rows.max(0.0) as u64))
            }
        })
    };
    Ok(super::tolerant(work)?.flatten())
}

/// The shortest lock_timeout there is, until the subtransaction ends.
///
/// # Safety
/// Raw: call it within a boundary, in a subtransaction that is rolled back.
pub unsafe fn wait_no_longer() {
    let (user, session) = (pg_sys::GucContext::PGC_USERSET, pg_sys::GucSource::PGC_S_SESSION);
    // SAFETY: the caller's promise; static strings.
    unsafe {
        let local = pg_sys::GucAction::GUC_ACTION_LOCAL;
        raw::set_config_option(c"lock_timeout".as_ptr(), c"1".as_ptr(), user, session, local, true, 0, false);
    }
}

/// What the walk through a query finds.
struct Found {
    plannable: bool,
}

/// The tree with unknown values in place of what calls a user's functions. Also looks for tables of other servers.
///
/// # Safety
/// Raw: `tree` is NULL or an analysed tree; `context` points to a [`Found`].
unsafe extern "C-unwind" fn without_user_code(tree: *mut pg_sys::Node, context: *mut c_void) -> *mut pg_sys::Node {
    // SAFETY: the caller's promise; every cast follows the tag.
    unsafe {
        if tree.is_null() {
            return tree;
        }
        if (*tree).type_ == NodeTag::T_Query {
            let query = tree.cast::<pg_sys::Query>();
            if reads_elsewhere(&*query) {
                (*context.cast::<Found>()).plannable = false;
            }
            return raw::query_tree_mutator(query, without_user_code, context, 0).cast();
        }
        if !raw::check_functions_in_node(tree, is_a_users, context) {
            return raw::expression_tree_mutator(tree, without_user_code, context);
        }
        let returns_set = match (*tree).type_ {
            NodeTag::T_FuncExpr => (*tree.cast::<pg_sys::FuncExpr>()).funcretset,
            NodeTag::T_OpExpr => (*tree.cast::<pg_sys::OpExpr>()).opretset,
            NodeTag::T_Aggref | NodeTag::T_WindowFunc => true,
            _ => false,
        };
        if returns_set {
            (*context.cast::<Found>()).plannable = false;
            return tree;
        }
        let unknown = raw::palloc0(size_of::<pg_sys::Param>()).cast::<pg_sys::Param>();
        (*unknown).xpr.type_ = NodeTag::T_Param;
        (*unknown).paramkind = pg_sys::ParamKind::PARAM_EXTERN;
        (*unknown).paramid = 1;
        (*unknown).paramtype = raw::exprType(tree);
        (*unknown).paramtypmod = raw::exprTypmod(tree);
        (*unknown).paramcollid = raw::exprCollation(tree);
        (*unknown).location = -1;
        unknown.cast()
    }
}

/// Whether a query reads a foreign table itself. Partitions that are foreign are met when they are planned.
///
/// # Safety
/// Raw; `query` is an analysed tree.
unsafe fn reads_elsewhere(query: &pg_sys::Query) -> bool {
    // SAFETY: the range table is a list of RangeTblEntry; a raw list is read without an allocation.
    unsafe {
        let list = query.rtable;
        let count = if list.is_null() { 0 } else { usize::try_from((*list).length).unwrap_or(0) };
        (0..count).any(|i| {
            let entry = &*(*(*list).elements.add(i)).ptr_value.cast::<pg_sys::RangeTblEntry>();
            entry.rtekind == pg_sys::RTEKind::RTE_RELATION && foreign_among(entry)
        })
    }
}

/// A foreign table, or a table that has one below it.
///
/// # Safety
/// As for [`reads_elsewhere`].
unsafe fn foreign_among(entry: &pg_sys::RangeTblEntry) -> bool {
    // SAFETY: without a lock the look-up does not wait; the result is a list of oids.
    unsafe {
        let foreign = |oid| raw::get_rel_relkind(oid) as u8 == pg_sys::RELKIND_FOREIGN_TABLE;
        if !entry.inh {
            return foreign(entry.relid);
        }
        let list = raw::find_all_inheritors(entry.relid, 0, std::ptr::null_mut());
        let count = if list.is_null() { 0 } else { usize::try_from((*list).length).unwrap_or(0) };
        (0..count).any(|i| foreign((*(*list).elements.add(i)).oid_value))
    }
}

/// pg_language.oid of `internal` and `c`, in which only superusers can make functions.
const INTERNAL: Oid = Oid::from_u32(12);
const C: Oid = Oid::from_u32(13);

/// Whether somebody without the rights of a superuser could have written a function: it is neither built in nor in C.
///
/// # Safety
/// Raw.
unsafe extern "C-unwind" fn is_a_users(function: Oid, _: *mut c_void) -> bool {
    if function.to_u32() < pg_sys::FirstNormalObjectId {
        return false;
    }
    // SAFETY: a syscache look-up; the tuple is a pg_proc row, released before returning.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::PROCOID as i32;
        let tuple = raw::SearchSysCache1(cache, pg_sys::Datum::from(function));
        if tuple.is_null() {
            return true;
        }
        let data = (*tuple).t_data;
        let row = data.cast::<u8>().add(usize::from((*data).t_hoff)).cast::<pg_sys::FormData_pg_proc>();
        let language = (*row).prolang;
        raw::ReleaseSysCache(tuple);
        language != INTERNAL && language != C
    }
}

/// The types of the values that a SELECT yields, and which of them differ from call to call; `None` when it cannot be
/// analysed now.
///
/// # Safety
/// As for [`rows`].
pub unsafe fn values(select: *mut pg_sys::RawStmt, source: *const c_char) -> Result<Option<Vec<Value>>> {
    let _barrier = Barrier::up();
    let work = || {
        subtransaction::rolled_back(|| {
            // SAFETY: as in rows(); the list holds TargetEntry nodes.
            unsafe {
                boundary::catch(|| wait_no_longer())?;
                let nothing: *mut c_void = std::ptr::null_mut();
                let query = boundary::catch(|| {
                    raw::parse_analyze_fixedparams(select, source, std::ptr::null(), 0, nothing.cast())
                })?;
                let mut values = Vec::new();
                for entry in node::elements((*query).targetList) {
                    let expression: *mut pg_sys::Node = (*entry.cast::<pg_sys::TargetEntry>()).expr.cast();
                    let (type_oid, modifier, volatile) = boundary::catch(|| {
                        let volatile = raw::contain_volatile_functions(expression);
                        (raw::exprType(expression), raw::exprTypmod(expression), volatile)
                    })?;
                    values.push(Value { type_oid, modifier, volatile });
                }
                Ok(Some(values))
            }
        })
    };
    Ok(super::tolerant(work)?.flatten())
}

/// See [`values`].
#[derive(Clone, Copy, Debug)]
pub struct Value {
    pub type_oid: Oid,
    pub modifier: i32,
    pub volatile: bool,
}

/// Whether values of a type can be compared with `=`.
pub fn is_comparable(type_oid: Oid) -> bool {
    // SAFETY: a look-up in the type cache; the entry lives as long as the backend.
    unsafe {
        let entry = pg_sys::lookup_type_cache(type_oid, pg_sys::TYPECACHE_EQ_OPR as i32);
        !entry.is_null() && (*entry).eq_opr != Oid::INVALID
    }
}

/// A type as Postgres writes it, modifier included.
pub fn type_name(type_oid: Oid, modifier: i32) -> String {
    let flags = pg_sys::FORMAT_TYPE_TYPEMOD_GIVEN as u16;
    // SAFETY: the result is palloc'd.
    unsafe { convert::string(pg_sys::format_type_extended(type_oid, modifier, flags)) }.unwrap_or_default()
}
