//! SELECT, INSERT, UPDATE, DELETE and MERGE: what they read, and what they change. Read from the parser's tree, because
//! Postgres's own analysis would take the locks, and would not know what the script makes before.

use std::collections::HashSet;
use std::ffi::c_void;

use pgrx::pg_sys::{self, Node, NodeTag, Oid, RangeVar};

use super::super::catalogue::{CLASS, DEPENDENCIES_OF, Key, REWRITE, RULES_OF};
use super::taken::Taken;
use crate::ddl::LockMode;
use crate::error::Result;
use crate::pg::{boundary, convert, node, raw, relation};

/// What the walk through a tree finds.
#[derive(Default)]
struct Found {
    /// What is read, and what is changed: by name, as written.
    read: Vec<*mut RangeVar>,
    changed: Vec<*mut RangeVar>,
    /// SELECT ... FOR UPDATE and the like.
    locking: Vec<*mut pg_sys::SelectStmt>,
    /// Names of WITH queries.
    with: Vec<*mut pg_sys::CommonTableExpr>,
    /// A function is called.
    calls: bool,
}

/// Notes the relations of a statement; true when it calls a function.
///
/// # Safety
/// `statement` is the parser's tree.
pub unsafe fn locks(statement: *mut Node, taken: &mut Taken) -> Result<bool> {
    // SAFETY: the caller's promise; names are NULL or NUL-terminated.
    unsafe {
        let found = walk(statement)?;
        let with: Vec<String> = found.with.iter().filter_map(|q| convert::string((**q).ctename)).collect();
        let is_with = |name: &RangeVar| {
            name.schemaname.is_null() && convert::string(name.relname).is_some_and(|n| with.contains(&n))
        };
        for name in found.changed.iter().copied() {
            let place = taken.subject(name, LockMode::RowExclusive)?;
            below(place.and_then(|p| p.oid), LockMode::RowExclusive, taken);
        }
        let only_reads = found.changed.is_empty();
        for name in found.read.iter().copied().filter(|name| !is_with(&**name)) {
            let mode = if found.locking.iter().any(|select| is_locked(*select, name)) {
                LockMode::RowShare
            } else {
                LockMode::AccessShare
            };
            let place = if only_reads { taken.subject(name, mode)? } else { taken.other(name, mode)? };
            below(place.and_then(|p| p.oid), mode, taken);
        }
        Ok(found.calls)
    }
}

/// # Safety
/// As for [`locks`].
unsafe fn walk(tree: *mut Node) -> Result<Found> {
    let mut found = Found::default();
    let context = (&raw mut found).cast();
    // SAFETY: a raw call within the boundary; `found` outlives it.
    unsafe { boundary::catch(|| collect(tree, context))? };
    Ok(found)
}

/// # Safety
/// Raw: `tree` is NULL or the parser's; `context` points to a [`Found`].
unsafe extern "C-unwind" fn collect(tree: *mut Node, context: *mut c_void) -> bool {
    // SAFETY: the caller's promise; every cast follows the tag. Nothing with a destructor lives here.
    unsafe {
        if tree.is_null() {
            return false;
        }
        let found = &mut *context.cast::<Found>();
        match (*tree).type_ {
            NodeTag::T_RangeVar => {
                let name: *mut RangeVar = tree.cast();
                if !found.changed.contains(&name) {
                    found.read.push(name);
                }
                return false;
            }
            // Names of the FROM list, seen there.
            NodeTag::T_LockingClause => return false,
            NodeTag::T_InsertStmt => found.changed.push((*tree.cast::<pg_sys::InsertStmt>()).relation),
            NodeTag::T_UpdateStmt => found.changed.push((*tree.cast::<pg_sys::UpdateStmt>()).relation),
            NodeTag::T_DeleteStmt => found.changed.push((*tree.cast::<pg_sys::DeleteStmt>()).relation),
            NodeTag::T_MergeStmt => found.changed.push((*tree.cast::<pg_sys::MergeStmt>()).relation),
            NodeTag::T_FuncCall => found.calls = true,
            NodeTag::T_CommonTableExpr => found.with.push(tree.cast()),
            NodeTag::T_SelectStmt => {
                let select: *mut pg_sys::SelectStmt = tree.cast();
                if !(*select).lockingClause.is_null() {
                    found.locking.push(select);
                }
            }
            _ => {}
        }
        raw::raw_expression_tree_walker(tree, collect, context)
    }
}

/// Whether a SELECT's FOR UPDATE (or SHARE) names a relation of its FROM, or names none and means all.
///
/// # Safety
/// The parser's trees.
unsafe fn is_locked(select: *mut pg_sys::SelectStmt, name: *mut RangeVar) -> bool {
    // SAFETY: the tags are checked before the casts; names are NULL or NUL-terminated.
    unsafe {
        let from = walk((*select).fromClause.cast());
        if !from.is_ok_and(|from| from.read.contains(&name)) {
            return false;
        }
        let alias = (*name).alias;
        let called = convert::string(if alias.is_null() { (*name).relname } else { (*alias).aliasname });
        node::elements((*select).lockingClause)
            .into_iter()
            .filter_map(|n| node::cast::<pg_sys::LockingClause>(n, NodeTag::T_LockingClause))
            .any(|clause| {
                let mut named = node::elements((*clause).lockedRels).into_iter();
                (*clause).lockedRels.is_null()
                    || named.any(|n| {
                        node::cast::<RangeVar>(n, NodeTag::T_RangeVar)
                            .is_some_and(|n| convert::string((*n).relname) == called)
                    })
            })
    }
}

/// What a view reads is locked with it: by the one who plans the query, in the same mode where the view is changed.
pub fn below(view: Option<Oid>, mode: LockMode, taken: &mut Taken) {
    // Views over views share what they read: each is looked at once, and none however deep is a call within a call.
    let mut views: Vec<Oid> = view.into_iter().collect();
    let mut seen = HashSet::new();
    while let Some(view) = views.pop() {
        if relation::kind_of(view) != pg_sys::RELKIND_VIEW || !seen.insert(view) {
            continue;
        }
        for table in read_by(view) {
            taken.oid(table, mode, false);
            views.push(table);
        }
    }
}

/// The relations that the rules of a view or materialized view name.
pub fn read_by(view: Oid) -> Vec<Oid> {
    let rules = RULES_OF.rows(&[Key::Oid(c"ev_class", view.to_u32())]);
    let mut read: Vec<u32> = rules
        .iter()
        .flat_map(|rule| DEPENDENCIES_OF.rows(&[Key::Oid(c"classid", REWRITE), Key::Oid(c"objid", rule.oid(c"oid"))]))
        .filter(|row| row.oid(c"refclassid") == CLASS)
        .map(|row| row.oid(c"refobjid"))
        .filter(|oid| *oid != view.to_u32() && *oid >= pg_sys::FirstNormalObjectId)
        .collect();
    read.sort_unstable();
    read.dedup();
    read.into_iter().map(Oid::from).collect()
}
