//! Names that nothing has yet, as Postgres chooses them, for what recipes make.

use std::ffi::CStr;

use pgrx::pg_sys;

use super::convert;
use super::relation::{first_name, free_name, names, qualified, quoted};

/// The schema of a relation.
fn schema_of(table: u32) -> pg_sys::Oid {
    // SAFETY: a syscache look-up by oid.
    unsafe { pg_sys::get_rel_namespace(pg_sys::Oid::from(table)) }
}

/// For a relation that belongs to a column, such as a sequence: qualified and quoted.
pub fn of_relation(table: u32, column: &str, label: &CStr) -> String {
    let (schema, name) = names(pg_sys::Oid::from(table));
    qualified(&schema, &free_name(&name, column, label, schema_of(table), false))
}

/// For a constraint on a column: quoted.
pub fn of_constraint(table: u32, column: &str, label: &CStr) -> String {
    let (_, name) = names(pg_sys::Oid::from(table));
    quoted(&free_name(&name, column, label, schema_of(table), true))
}

/// For the index that takes the place of another one: quoted.
pub fn of_index_instead(table: u32, index: &str) -> String {
    quoted(&free_name(index, "", c"new", schema_of(table), false))
}

/// For the column that takes the place of another one, as in pg_attribute; none of `taken`.
pub fn of_column_instead(table: u32, column: &str, taken: &[String]) -> String {
    let is_free = |name: &String| {
        let name_there = convert::c_string(name);
        // SAFETY: a syscache look-up by oid and name.
        let number = unsafe { pg_sys::get_attnum(pg_sys::Oid::from(table), name_there.as_ptr()) };
        number == 0 && !taken.contains(name)
    };
    let mut labels = std::iter::once("new".to_owned()).chain((1..).map(|number| format!("new{number}")));
    labels.by_ref().map(|label| first_name(column, "", &convert::c_string(&label))).find(is_free).unwrap_or_default()
}
