//! How the library came into this process. Hooks are only for sessions that have it from their beginning: in one that loads
//! it on its way, with its first DDL, what they see would depend on what ran before.

use std::sync::OnceLock;

use pgrx::pg_sys;

/// What loaded it before the first statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Preload {
    /// `shared_preload_libraries`: every process of the server has it.
    Shared,
    /// `session_preload_libraries` or `local_preload_libraries`: this session has it.
    Session,
}

static PRELOAD: OnceLock<Option<Preload>> = OnceLock::new();

/// Finds it out while the library is loaded; in the postmaster for all processes to come.
pub fn note() -> Option<Preload> {
    // SAFETY: reads of the process's own state. The first two lists are loaded while a backend initializes; LOAD and calls
    // of functions come later. A background worker also loads its own library then, which is no preload.
    let found = unsafe {
        let initializing = pg_sys::Mode == pg_sys::ProcessingMode::InitProcessing;
        if pg_sys::process_shared_preload_libraries_in_progress {
            Some(Preload::Shared)
        } else if initializing && pg_sys::MyBackendType == pg_sys::BackendType::B_BACKEND {
            Some(Preload::Session)
        } else {
            None
        }
    };
    *PRELOAD.get_or_init(|| found)
}

/// What has loaded it; `None` when it came with a statement.
pub fn preloaded() -> Option<Preload> {
    PRELOAD.get().copied().flatten()
}
