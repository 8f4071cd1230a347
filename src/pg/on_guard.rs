//! Whether the guard is on here, for what reaches no event trigger: where and when its event trigger would be called, the
//! hooks judge, and where it would not, they are silent. So one switch is for both.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;

use super::event_trigger::is_restoring;
use super::memory::Scratch;
use super::raise::{Raisable, prepare, report_of_panic};
use super::user::{self, InFunction};
use super::versions;
use crate::error::Result;

/// The event trigger whose state decides.
const TRIGGER: &std::ffi::CStr = c"migrator_guard";
/// `session_replication_role = replica`.
const REPLICA: i32 = 1;

/// The event trigger, as the catalogue has it.
pub(super) struct Trigger {
    function: Oid,
    /// `O`, `D`, `R` or `A`, as in pg_event_trigger.
    enabled: u8,
}

impl Trigger {
    /// Looks it up; `None` where the extension is not installed.
    pub(super) fn find() -> Option<Self> {
        // SAFETY: a syscache look-up by name; the tuple is released before returning, and neither column is nullable.
        unsafe {
            let cache = pg_sys::SysCacheIdentifier::EVENTTRIGGERNAME as i32;
            let tuple = pg_sys::SearchSysCache1(cache, pg_sys::Datum::from(TRIGGER.as_ptr()));
            if tuple.is_null() {
                return None;
            }
            let mut null = false;
            let (function, enabled) = (pg_sys::Anum_pg_event_trigger_evtfoid, pg_sys::Anum_pg_event_trigger_evtenabled);
            let function = pg_sys::SysCacheGetAttr(cache, tuple, function as i16, &raw mut null);
            let enabled = pg_sys::SysCacheGetAttr(cache, tuple, enabled as i16, &raw mut null);
            pg_sys::ReleaseSysCache(tuple);
            Some(Self { function: Oid::from_datum(function, false)?, enabled: enabled.value() as u8 })
        }
    }

    /// Whether Postgres would call it now.
    fn fires(&self) -> bool {
        // SAFETY: a read of a setting.
        let replica = unsafe { pg_sys::SessionReplicationRole } == REPLICA;
        versions::event_triggers_fire()
            && match self.enabled {
                b'A' => true,
                b'R' => replica,
                b'O' => !replica,
                _ => false,
            }
    }
}

/// Whether this is a place where statements are judged at all.
pub(super) fn is_place() -> bool {
    // SAFETY: reads of the process's own state. In a single-user server no event trigger is called either.
    let in_session = unsafe {
        pg_sys::IsUnderPostmaster
            && pg_sys::IsTransactionState()
            && !pg_sys::am_walsender
            && pg_sys::ParallelWorkerNumber < 0
            && !pg_sys::RecoveryInProgress()
    };
    in_session && !is_restoring() && !user::is_own_work()
}

/// Judges, if the guard is on; what it refuses comes back ready to be raised, with no Rust value left.
pub(super) fn judge(trigger: Option<Trigger>, work: impl FnOnce() -> Result<()>) -> Option<Raisable> {
    let trigger = trigger.filter(Trigger::fires)?;
    contained(|| {
        let _scratch = Scratch::new();
        let _function = InFunction::enter(trigger.function);
        work()
    })
    .err()
}

/// Runs what may raise or panic.
pub(super) fn contained<T>(work: impl FnOnce() -> Result<T>) -> std::result::Result<T, Raisable> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(prepare),
        Err(payload) => Err(prepare(report_of_panic(payload))),
    }
}
