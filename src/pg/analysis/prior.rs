//! The script whose statements are analysed one after the other, if any: names mean what they will mean when the statement
//! runs. For a statement that is about to run, the catalogue alone says.

use std::cell::RefCell;

use pgrx::pg_sys;

use crate::ddl::{Effect, Meaning, Prior};
use crate::error::Result;
use crate::pg::{boundary, convert, raw, versions};

thread_local! {
    static PRIOR: RefCell<Option<Prior>> = const { RefCell::new(None) };
}

/// While it lives, statements are analysed as those of one script. Dropping it forgets the script.
pub struct Scope {
    outer: Option<Prior>,
}

impl Scope {
    /// Before the first statement.
    pub fn open() -> Self {
        Self { outer: PRIOR.replace(Some(Prior::default())) }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        PRIOR.set(self.outer.take());
    }
}

/// Asks what earlier statements of the script do; `None` outside of scripts. `ask` must not raise.
pub fn ask<T>(ask: impl FnOnce(&Prior) -> T) -> Option<T> {
    PRIOR.with_borrow(|prior| prior.as_ref().map(ask))
}

/// Whether a script is analysed, not a statement that is about to run.
pub fn in_script() -> bool {
    ask(|_| ()).is_some()
}

/// Notes what a statement does.
pub fn add(effect: Effect) {
    PRIOR.with_borrow_mut(|prior| {
        if let Some(prior) = prior {
            prior.add(effect);
        }
    });
}

/// A relation's place: schema and name as later statements find it, and its oid unless the script makes it.
#[derive(Clone, Debug)]
pub struct Place {
    pub schema: String,
    pub name: String,
    pub oid: Option<pg_sys::Oid>,
}

/// The relation that a name means, in a script or outside of one; `None` when there is none.
///
/// # Safety
/// `name` points to a RangeVar.
pub unsafe fn resolve(name: *const pg_sys::RangeVar) -> Result<Option<Place>> {
    // SAFETY: names are NULL or NUL-terminated.
    let (schema, relation, temporary) = unsafe {
        let temporary = (*name).relpersistence as u8 == pg_sys::RELPERSISTENCE_TEMP;
        (convert::string((*name).schemaname), convert::string((*name).relname).unwrap_or_default(), temporary)
    };
    if ask(|prior| prior.touches(&relation)) == Some(true) {
        let path = match schema {
            Some(schema) => vec![schema],
            None if temporary => vec![TEMPORARY.to_owned()],
            None => search_path(),
        };
        return Ok(path.into_iter().find_map(|schema| at(schema, &relation)));
    }
    // SAFETY: the caller's promise.
    let Some(oid) = (unsafe { in_catalogue(name) })? else { return Ok(None) };
    let (schema, name) = crate::pg::relation::names(oid);
    Ok(Some(Place { schema, name, oid: Some(oid) }))
}

/// The oid a name resolves to by the catalogue alone.
///
/// # Safety
/// `name` points to a RangeVar.
unsafe fn in_catalogue(name: *const pg_sys::RangeVar) -> Result<Option<pg_sys::Oid>> {
    // SAFETY: without a lock the look-up does not wait; invalidations are taken in first, so that it is not stale.
    unsafe {
        pg_sys::AcceptInvalidationMessages();
        let flags = pg_sys::RVROption::RVR_MISSING_OK;
        let oid = boundary::catch(|| {
            raw::RangeVarGetRelidExtended(name, 0, flags, std::ptr::null_mut(), std::ptr::null_mut())
        })?;
        Ok((oid != pg_sys::Oid::INVALID).then_some(oid))
    }
}

/// What stands for the schema of temporary relations.
const TEMPORARY: &str = "pg_temp";

/// The relation of that name in a schema, after the statements so far.
pub fn at(schema: String, name: &str) -> Option<Place> {
    match ask(|prior| prior.meaning(&schema, name).cloned()).flatten() {
        Some(Meaning::New) => Some(Place { schema, name: name.to_owned(), oid: None }),
        Some(Meaning::Was(oid)) => Some(Place { schema, name: name.to_owned(), oid: Some(oid.into()) }),
        Some(Meaning::Gone) => None,
        None => {
            let relation = convert::c_string(name);
            let namespace = namespace(&schema)?;
            // SAFETY: a syscache look-up with a NUL-terminated name.
            let oid = unsafe { pg_sys::get_relname_relid(relation.as_ptr(), namespace) };
            let name = name.to_owned();
            (oid != pg_sys::Oid::INVALID).then_some(Place { schema, name, oid: Some(oid) })
        }
    }
}

/// The schema in which a statement makes a relation of that name; `None` when there is none to make it in.
///
/// # Safety
/// `name` points to a RangeVar.
pub unsafe fn creation_schema(name: *const pg_sys::RangeVar) -> Option<String> {
    // SAFETY: the schema is NULL or NUL-terminated.
    let (schema, persistence) = unsafe { (convert::string((*name).schemaname), (*name).relpersistence as u8) };
    if persistence == pg_sys::RELPERSISTENCE_TEMP {
        return Some(TEMPORARY.to_owned());
    }
    schema.or_else(|| {
        let made = |schema: &String| ask(|prior| prior.makes_schema(schema)) == Some(true);
        listed_path().into_iter().find(|schema| made(schema) || schema == TEMPORARY || namespace(schema).is_some())
    })
}

/// The schemas where unqualified names are looked for, in order, by name; some may not exist.
pub fn search_path() -> Vec<String> {
    let mut path = listed_path();
    for implicit in ["pg_catalog", TEMPORARY] {
        if !path.iter().any(|schema| schema == implicit) {
            path.insert(0, implicit.to_owned());
        }
    }
    path
}

/// The setting search_path as a list.
fn listed_path() -> Vec<String> {
    // SAFETY: the setting's value is NUL-terminated; SplitIdentifierString works on a copy and makes a list of pointers
    // into it.
    let listed: Vec<String> = unsafe {
        let copy = pg_sys::pstrdup(pg_sys::namespace_search_path);
        let mut list = std::ptr::null_mut();
        pg_sys::SplitIdentifierString(copy, b',' as std::ffi::c_char, &raw mut list);
        crate::pg::node::elements(list).into_iter().filter_map(|name| convert::string(name.cast())).collect()
    };
    let user = |schema| if schema == "$user" { crate::pg::user::current_role() } else { schema };
    listed.into_iter().map(user).collect()
}

/// The oid of a schema that exists, is still called so, and that the caller may use.
fn namespace(schema: &str) -> Option<pg_sys::Oid> {
    let real = match ask(|prior| prior.schema(schema).map(str::to_owned)) {
        None => schema.to_owned(),
        Some(real) => real?,
    };
    let real = convert::c_string(&real);
    // SAFETY: a look-up with a NUL-terminated name; pg_temp is known to it.
    let oid = unsafe { pg_sys::LookupNamespaceNoError(real.as_ptr()) };
    (oid != pg_sys::Oid::INVALID && versions::may_use_schema(oid)).then_some(oid)
}
