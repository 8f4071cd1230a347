//! Doing something as the extension's owner, and finding out who called.

use std::cell::Cell;

use pgrx::pg_sys;

use super::convert;
use crate::error::Result;

thread_local! {
    /// The owner of the function of ours that Postgres is in, which is the extension's.
    static OWNER: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::Oid::INVALID) };
    /// Whether what runs is ours, see [`as_owner`].
    static OWN_WORK: Cell<bool> = const { Cell::new(false) };
}

/// Remembers the owner of a function while that runs; the one that called it comes back afterwards. Looked up once at
/// entry, because later the transaction may have failed, or a migration may have dropped the function.
pub(super) struct InFunction {
    previous: pg_sys::Oid,
}

impl InFunction {
    pub(super) fn enter(function: pg_sys::Oid) -> Self {
        Self { previous: OWNER.replace(owner_of(function)) }
    }
}

impl Drop for InFunction {
    fn drop(&mut self) {
        OWNER.set(self.previous);
    }
}

/// The extension's owner.
pub(super) fn owner() -> pg_sys::Oid {
    OWNER.get()
}

/// For a background worker, in which no function of ours was called: the owner as the process knew it that started the
/// worker.
pub(super) fn set_owner(owner: pg_sys::Oid) {
    OWNER.set(owner);
}

/// The owner of a function. Only a superuser can make a C function, so this cannot be forged.
fn owner_of(function: pg_sys::Oid) -> pg_sys::Oid {
    // SAFETY: a syscache look-up by oid; the tuple is released before returning, proowner is not nullable.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::PROCOID as i32;
        let tuple = pg_sys::SearchSysCache1(cache, pg_sys::Datum::from(function));
        assert!(!tuple.is_null(), "the function that runs is not in pg_proc");
        let mut null = false;
        let attribute = pg_sys::Anum_pg_proc_proowner as i16;
        let owner = pg_sys::SysCacheGetAttr(cache, tuple, attribute, &raw mut null);
        pg_sys::ReleaseSysCache(tuple);
        pg_sys::Oid::from_datum(owner, null).unwrap_or(pg_sys::Oid::INVALID)
    }
}

use pgrx::FromDatum;

/// The user id to go back to. After an error this runs before the transaction's own abort, which would do the same.
struct Rights {
    user: pg_sys::Oid,
    security_context: i32,
    own_work: bool,
}

impl Rights {
    /// Those of the extension's owner.
    fn of_owner() -> Self {
        let (mut user, mut security_context) = (pg_sys::Oid::INVALID, 0);
        // SAFETY: what SECURITY DEFINER does. LOCAL_USERID_CHANGE forbids SET ROLE meanwhile.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&raw mut user, &raw mut security_context);
            pg_sys::SetUserIdAndSecContext(owner(), security_context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32);
        }
        Self { user, security_context, own_work: OWN_WORK.replace(true) }
    }
}

impl Drop for Rights {
    fn drop(&mut self) {
        OWN_WORK.set(self.own_work);
        // SAFETY: exactly what was saved.
        unsafe { pg_sys::SetUserIdAndSecContext(self.user, self.security_context) }
    }
}

/// The level of settings to go back to.
struct Pinned(i32);

impl Drop for Pinned {
    fn drop(&mut self) {
        // SAFETY: the level that was opened.
        unsafe { pg_sys::AtEOXact_GUC(true, self.0) }
    }
}

/// Settings of the session that would change what our statements mean: which objects their names are, what a backslash in
/// a literal is, what `= NULL` is, and whether NULL in an array is one.
const PINNED: [(&std::ffi::CStr, &std::ffi::CStr); 4] = [
    (c"search_path", c"pg_catalog, pg_temp"),
    (c"standard_conforming_strings", c"on"),
    (c"transform_null_equals", c"off"),
    (c"array_nulls", c"on"),
];

/// Runs `work` as the extension's owner with `search_path = pg_catalog, pg_temp`: for the ledger only, never for
/// anything a user wrote.
pub fn as_owner<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let _rights = Rights::of_owner();
    // Dropped first, as at the end of a function with a SET clause.
    let _pinned = pin();
    work()
}

/// The same where no SQL runs, so that no setting of the session can change its meaning.
pub fn with_owners_rights<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let _rights = Rights::of_owner();
    work()
}

fn pin() -> Pinned {
    // SAFETY: what SET in a function's declaration does.
    unsafe {
        let level = pg_sys::NewGUCNestLevel();
        for (name, value) in PINNED.iter().filter(|(name, value)| !super::settings_scope::is_set(name, value)) {
            pg_sys::set_config_option(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
        Pinned(level)
    }
}

/// Whether the statement that runs is one of ours, which nobody has to guard.
pub(super) fn is_own_work() -> bool {
    OWN_WORK.get()
}

/// Whether the rights in force are in force only for a while: those of a SECURITY DEFINER function that belongs to another role
/// than the one that connected, or of the owner of a table for whom Postgres runs functions (ANALYZE, an index that is built).
pub fn are_rights_lent() -> bool {
    let (mut user, mut security_context) = (pg_sys::Oid::INVALID, 0);
    // SAFETY: reads of the backend's own state.
    let connected = unsafe {
        pg_sys::GetUserIdAndSecContext(&raw mut user, &raw mut security_context);
        pg_sys::GetAuthenticatedUserId()
    };
    let is = |flag: u32| security_context & flag as i32 != 0;
    is(pg_sys::SECURITY_RESTRICTED_OPERATION) || (is(pg_sys::SECURITY_LOCAL_USERID_CHANGE) && user != connected)
}

/// The name of the role whose rights are in force.
pub fn current_role() -> String {
    // SAFETY: a palloc'd name, or NULL for a role that was dropped meanwhile.
    unsafe { convert::string(pg_sys::GetUserNameFromId(pg_sys::GetUserId(), true)) }.unwrap_or_default()
}

/// The name of the role that has connected, or that SET SESSION AUTHORIZATION has put in its place.
pub fn session_role() -> String {
    // SAFETY: as above.
    unsafe { convert::string(pg_sys::GetUserNameFromId(pg_sys::GetSessionUserId(), true)) }.unwrap_or_default()
}

/// What the client calls itself.
pub fn application_name() -> String {
    // SAFETY: a setting's variable, NUL-terminated or NULL.
    unsafe { convert::string(pg_sys::application_name) }.unwrap_or_default()
}
