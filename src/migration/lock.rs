//! One at a time: who may run migrations in this database now.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use super::task::Task;
use crate::catalog::locks::{self, Holder};
use crate::error::{Report, Result, SqlState, code, fail};
use crate::pg;
use crate::pg::session_lock::{Key, SessionLock, try_acquire_for_transaction};
use crate::settings;

/// The runner's advisory lock: `migr` and 1.
pub const RUNNER: Key = Key { class: 0x6d69_6772, object: 1 };

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    static CURRENT: RefCell<Option<Place>> = const { RefCell::new(None) };
}

/// While it lives, this backend runs a statement of a migration; what the statement does can be told apart from the same
/// done by hand.
pub struct Current;

/// Which statement of which migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub version: String,
    pub checksum: String,
    pub statement: usize,
    /// Rules of the guard that it may break.
    pub allow: Vec<String>,
}

impl Current {
    /// Enters.
    pub fn enter(task: &Task, statement: usize) -> Self {
        let (version, checksum) = (task.version().to_owned(), task.checksum().to_owned());
        let allow = task.migration.allow.clone().unwrap_or_default();
        CURRENT.replace(Some(Place { version, checksum, statement, allow }));
        Self
    }

    /// The statement this backend is in, if any.
    pub fn place() -> Option<Place> {
        CURRENT.with_borrow(Clone::clone)
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.take();
    }
}

/// While it lives, this backend runs migrations; a migration that runs migrations is refused.
pub struct Running;

impl Running {
    /// Enters, unless we are inside already.
    pub fn enter() -> Result<Self> {
        if RUNNING.replace(true) {
            return fail(
                Report::new(code::RECURSION, "a migration cannot run migrations")
                    .detail("migrator.apply or migrator.deploy was called by a migration that is running.")
                    .hint("Leave the call out; what is pending is applied in order anyway."),
            );
        }
        Ok(Self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(false);
    }
}

/// Waits for the runner's lock for this session by polling, with no snapshot held, and says who has it. Commits.
pub fn wait_for_session_lock() -> Result<SessionLock> {
    let mut pause = Duration::from_millis(20);
    let mut next_notice = Instant::now();
    loop {
        if let Some(lock) = SessionLock::try_acquire(RUNNER) {
            return Ok(lock);
        }
        if Instant::now() >= next_notice {
            if let Some(holder) = locks::holder(RUNNER)? {
                pg::report::notice_of(&waiting(&holder))?;
            }
            next_notice = Instant::now() + Duration::from_secs(10);
        }
        // A concurrent index build waits for the whole transaction of whoever had a snapshot when it looked, so each
        // look ends its transaction.
        pg::transaction::commit()?;
        pg::wait::sleep(pause)?;
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}

/// Takes the runner's lock until the caller's transaction ends. Waits no longer than `migrator.lock_timeout`:
/// a function keeps its snapshot while it waits, and a concurrent index build may be waiting for that.
pub fn transaction_lock() -> Result<()> {
    let begun = Instant::now();
    // Also when the setting asks for no bound: nobody could detect that deadlock.
    let bound = Some(settings::lock_timeout()).filter(|b| !b.is_zero()).unwrap_or(Duration::from_secs(1));
    while !try_acquire_for_transaction(RUNNER) {
        if begun.elapsed() >= bound {
            let holder = locks::holder(RUNNER)?;
            let found = holder.as_ref().map_or_else(|| "Its session just ended.".to_owned(), describe);
            let hint = holder.as_ref().and_then(Holder::ended_by).map_or_else(
                || "Try again when it is done, or use CALL migrator.deploy(); which waits for it.".to_owned(),
                |ended_by| format!("Try again when it is ended:\n{ended_by}"),
            );
            return fail(Report::new(code::BUSY, "another session is running migrations").detail(found).hint(hint));
        }
        pg::wait::sleep(Duration::from_millis(20))?;
    }
    Ok(())
}

fn describe(holder: &Holder) -> String {
    format!("{} has held the lock for {}.", holder.name(), holder.since)
}

/// A session ends some time by itself; what was prepared does not.
fn waiting(holder: &Holder) -> Report {
    let text = format!("waiting for another run of migrations: {}", describe(holder));
    let report = Report::new(SqlState::SUCCESS, text);
    match holder.ended_by() {
        Some(ended_by) => report.hint(format!("It waits until that is ended:\n{ended_by}")),
        None => report,
    }
}
