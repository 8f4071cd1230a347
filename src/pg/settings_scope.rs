//! What a migration SETs ends with the migration; what the analysis needs set ends with the analysis.

use std::ffi::CStr;

use pgrx::pg_sys;

/// While it lives, every SET is provisional; dropping it puts the settings back.
/// It must not live across the end of a transaction, which ends all levels.
pub struct SettingsScope {
    level: i32,
}

impl SettingsScope {
    /// Opens a level.
    pub fn open() -> Self {
        // SAFETY: counts one up.
        Self { level: unsafe { pg_sys::NewGUCNestLevel() } }
    }
}

impl Drop for SettingsScope {
    fn drop(&mut self) {
        // SAFETY: the level opened above; false means: undo.
        unsafe { pg_sys::AtEOXact_GUC(false, self.level) }
    }
}

/// While it lives, values are written as [`write_unambiguously`] has it.
pub fn writing_unambiguously() -> SettingsScope {
    let scope = SettingsScope::open();
    write_unambiguously();
    scope
}

/// Whether one of Postgres's settings that are asked about often has this value already, so that setting it would only cost
/// time.
pub fn is_set(name: &CStr, value: &CStr) -> bool {
    // SAFETY: reads of the settings' variables; the path is NUL-terminated.
    unsafe {
        match (name.to_bytes(), value.to_bytes()) {
            (b"search_path", path) => {
                !pg_sys::namespace_search_path.is_null()
                    && CStr::from_ptr(pg_sys::namespace_search_path).to_bytes() == path
            }
            (b"standard_conforming_strings", b"on") => pg_sys::standard_conforming_strings,
            (b"transform_null_equals", b"off") => !pg_sys::Transform_null_equals,
            (b"array_nulls", b"on") => pg_sys::Array_nulls,
            (b"DateStyle", b"ISO") => pg_sys::DateStyle == pg_sys::USE_ISO_DATES as i32,
            (b"IntervalStyle", b"postgres") => pg_sys::IntervalStyle == pg_sys::INTSTYLE_POSTGRES as i32,
            _ => false,
        }
    }
}

/// While it lives, the client gets no message below an error: what Postgres says of a statement it says itself, once. The
/// server's log gets them all.
pub fn silently() -> SettingsScope {
    let scope = SettingsScope::open();
    be_silent();
    scope
}

/// The same until the transaction or subtransaction ends.
pub fn be_silent() {
    set_local(c"client_min_messages", c"error");
}

/// Until the transaction or subtransaction ends, dates and intervals are written so that every session reads them alike,
/// as in a dump. How they are read does not change.
pub fn write_unambiguously() {
    for (name, value) in [(c"DateStyle", c"ISO"), (c"IntervalStyle", c"postgres")] {
        if !is_set(name, value) {
            set_local(name, value);
        }
    }
}

/// What SET LOCAL does.
fn set_local(name: &CStr, value: &CStr) {
    // SAFETY: NUL-terminated strings.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_LOCAL,
            true,
            0,
            false,
        );
    }
}
