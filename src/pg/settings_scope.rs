//! What a migration SETs ends with the migration.

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
