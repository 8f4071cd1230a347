//! Reading parse trees: lists, names, type tests.

use pgrx::pg_sys;

use super::convert;

/// The elements of a list of nodes, of any kind.
///
/// # Safety
/// `list` is NIL or a pointer list that lives as long as the result is used.
pub unsafe fn elements(list: *const pg_sys::List) -> Vec<*mut pg_sys::Node> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller's promise; length counts the elements.
    unsafe {
        (0..usize::try_from((*list).length).unwrap_or(0)).map(|i| (*(*list).elements.add(i)).ptr_value.cast()).collect()
    }
}

/// The node as `T` when its tag says so.
///
/// # Safety
/// `node` is NULL or a node; `tag` is the tag of `T`.
pub unsafe fn cast<T>(node: *mut pg_sys::Node, tag: pg_sys::NodeTag) -> Option<*mut T> {
    // SAFETY: the caller's promise.
    unsafe { (!node.is_null() && (*node).type_ == tag).then(|| node.cast()) }
}

/// A dotted name: the strings of a list of String nodes.
///
/// # Safety
/// `list` is NIL or a list of nodes.
pub unsafe fn strings(list: *const pg_sys::List) -> Vec<String> {
    // SAFETY: the tag is checked before the cast; sval is NUL-terminated.
    unsafe {
        elements(list)
            .into_iter()
            .filter_map(|node| cast::<pg_sys::String>(node, pg_sys::NodeTag::T_String))
            .filter_map(|string| convert::string((*string).sval))
            .collect()
    }
}
