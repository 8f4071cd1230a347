//! What a migration SETs ends with the migration; what the analysis needs set ends with the analysis.

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

/// Until the transaction or subtransaction ends, dates and intervals are written so that every session reads them alike,
/// as in a dump. How they are read does not change.
pub fn write_unambiguously() {
    for (name, value) in [(c"DateStyle", c"ISO"), (c"IntervalStyle", c"postgres")] {
        // SAFETY: NUL-terminated strings; what SET LOCAL does.
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
}
