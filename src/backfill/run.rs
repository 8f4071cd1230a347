//! Walking a table along its primary key.
//!
//! The high key is recorded first and a pass ends there, so new rows cannot keep it from ending. Each batch commits with
//! its cursor. After a pass the condition is checked on the whole table; rows that still match (locked or inserted
//! meanwhile) are swept up by further passes. It is done only when the check finds none.

use std::time::{Duration, Instant};

use super::progress;
use super::work::{self, Request};
use crate::catalog::backfill::{self as catalog, Progress, Work};
use crate::catalog::{locks, session};
use crate::error::{Report, Result, SqlState, code, fail};
use crate::guard::Size;
use crate::migration::backoff;
use crate::migration::lock::Current;
use crate::pg::session_lock::{Key, SessionLock};
use crate::pg::{relation, report, transaction, wait};
use crate::settings;

/// Class of the advisory locks of backfills (`migb`); the object is the run's id.
const LOCK_CLASS: u32 = 0x6d69_6762;
/// Class of the advisory locks under which runs begin (`migg`); the object is the table.
const GATE_CLASS: u32 = 0x6d69_6767;
/// Passes after which rows that keep appearing are somebody else's doing.
const MOST_PASSES: u32 = 20;
const NOTICE_EVERY: Duration = Duration::from_secs(2);

/// Runs a backfill to its end. The caller has checked that this is a direct top-level CALL.
pub fn run(request: Request) -> Result<()> {
    let (work, batch_rows) = work::check(request)?;
    transaction::commit()?;
    let gate = gate(&work)?;
    let (progress, resumed) = begin(&work)?;
    let _lock = lock(&work, &progress)?;
    if let Some(place) = Current::place() {
        catalog::adopt(progress.id, &place.version, &place.checksum, place.statement)?;
    }
    transaction::commit()?;
    drop(gate);
    if resumed {
        report::notice(format!("going on with backfill {} of {}", progress.id, work.target))?;
    }
    if let Some(timeout) = catalog::statement_timeout()? {
        report::warning(
            &Report::new(SqlState::WARNING, "statement_timeout covers the whole backfill")
                .detail(format!(
                    "It is {timeout}; when it strikes, what is committed stays, and the same CALL goes on."
                ))
                .hint("SET statement_timeout = 0;"),
        )?;
    }
    transaction::commit()?;
    let mut runner = Runner { work: &work, batch_rows, progress, since: Instant::now(), said: Instant::now() };
    match runner.walk_to_the_end() {
        Ok(()) => {
            // It is done and committed; a cancel that strikes now must not make a failure of it.
            let _ = report::notice(progress::done(&work.target, &runner.progress));
            Ok(())
        }
        Err(error) => {
            transaction::restart()?;
            catalog::fail(runner.progress.id, &error.message)?;
            transaction::commit()?;
            Err(error)
        }
    }
}

/// Of two sessions that begin at once, the second waits here until the run of the first can be seen.
fn gate(work: &Work) -> Result<SessionLock> {
    loop {
        if let Some(lock) = SessionLock::try_acquire(Key { class: GATE_CLASS, object: work.relation }) {
            return Ok(lock);
        }
        wait::sleep(Duration::from_millis(10))?;
    }
}

/// The unfinished run of the same work, or a new one.
fn begin(work: &Work) -> Result<(Progress, bool)> {
    if let Some(mut progress) = catalog::unfinished(work)? {
        if !progress.same_key {
            if work.where_clause.is_none() {
                return fail(
                    Report::new(
                        code::BACKFILL_TARGET,
                        format!("backfill {} of {} cannot go on", progress.id, work.target),
                    )
                    .detail(
                        "The primary key has changed since it began, and no where_clause tells which rows are done.",
                    )
                    .hint("Give a where_clause that is false for the rows that are done."),
                );
            }
            catalog::rewalk(work, progress.id)?;
            progress = Progress { cursor: None, high: None, pass: 1, ..progress };
        }
        return Ok((progress, true));
    }
    let leaves: Vec<u32> = relation::inheritors(work.relation.into())?.into_iter().map(|o| o.to_u32()).collect();
    Ok((catalog::create(work, Size::of(&leaves)?.rows)?, false))
}

/// "Running" is true exactly while somebody holds this.
fn lock(work: &Work, progress: &Progress) -> Result<SessionLock> {
    let key = Key { class: LOCK_CLASS, object: progress.id };
    if let Some(lock) = SessionLock::try_acquire(key) {
        return Ok(lock);
    }
    let found = locks::holder(key)?.map_or_else(
        || "Its session just ended.".to_owned(),
        |h| format!("Process {} of role \"{}\"{} runs it.", h.pid, h.role, h.application),
    );
    fail(
        Report::new(code::BUSY, format!("backfill {} of {} is running already", progress.id, work.target))
            .detail(found)
            .hint("Watch it: SELECT * FROM migrator.backfills;"),
    )
}

/// A run in this session.
struct Runner<'a> {
    work: &'a Work,
    batch_rows: u64,
    progress: Progress,
    /// When the time was last added to `progress.seconds`.
    since: Instant,
    /// When a NOTICE was last sent.
    said: Instant,
}

impl Runner<'_> {
    fn walk_to_the_end(&mut self) -> Result<()> {
        loop {
            let effective = self.pass()?;
            let (left, example) = match self.work.where_clause {
                Some(_) => catalog::remaining(self.work)?,
                None => (0, None),
            };
            if left == 0 {
                catalog::finish(self.progress.id)?;
                return transaction::commit();
            }
            transaction::commit()?;
            let given_up = !effective || self.progress.pass >= MOST_PASSES;
            self.progress.cursor = None;
            self.progress.high = None;
            self.progress.pass = if given_up { 1 } else { self.progress.pass + 1 };
            catalog::store(&self.progress)?;
            transaction::commit()?;
            if given_up {
                return fail(self.incomplete(left, example, effective));
            }
        }
    }

    /// Walks from the cursor to the high key. True when it changed rows that no longer match, or went on with a pass
    /// that an earlier session began and whose effect it cannot know.
    fn pass(&mut self) -> Result<bool> {
        let mut effective = self.progress.cursor.is_some();
        if self.progress.high.is_none() {
            self.progress.high = catalog::highest(self.work)?;
            catalog::store(&self.progress)?;
            transaction::commit()?;
        }
        let Some(high) = self.progress.high.clone() else { return Ok(effective) };
        while self.progress.cursor.as_ref() != Some(&high) {
            wait::check_interrupts()?;
            effective |= self.with_retries(&high)?;
            if self.said.elapsed() >= NOTICE_EVERY {
                report::notice(progress::line(&self.work.target, &self.progress))?;
                self.said = Instant::now();
            }
        }
        Ok(effective)
    }

    /// One batch; after a lock timeout, a deadlock or a serialization failure it is rolled back and tried again.
    fn with_retries(&mut self, high: &str) -> Result<bool> {
        let mut retry = 0;
        loop {
            let error = match self.batch(high) {
                Ok(effective) => return Ok(effective),
                Err(error) => error,
            };
            retry += 1;
            if !error.is_transient() || retry > settings::lock_retries() {
                return Err(error);
            }
            transaction::restart()?;
            let pause = backoff::pause(retry);
            if pause >= Duration::from_millis(500) {
                report::notice(format!(
                    "backfill {} of {}: {}; retry {retry} of {} in {:.1} s",
                    self.progress.id,
                    self.work.target,
                    error.message,
                    settings::lock_retries(),
                    pause.as_secs_f64()
                ))?;
            }
            wait::sleep(pause)?;
        }
    }

    /// Changes one window of rows and commits it together with the cursor. The state advances only after the commit.
    fn batch(&mut self, high: &str) -> Result<bool> {
        session::set_lock_timeout(settings::lock_timeout())?;
        let cursor = self.progress.cursor.as_deref();
        let (to, visited) = catalog::window(self.work, cursor, high, self.batch_rows)?;
        let changed = catalog::change(self.work, cursor, &to)?;
        // The update holds its lock on the table until the commit, so the answer stays true.
        if !catalog::target_is_same(self.work)? {
            return fail(
                Report::new(code::BACKFILL_TARGET, format!("{} is not the same table any more", self.work.target))
                    .detail(
                        "It was dropped, renamed or replaced while the backfill ran; the last batch is rolled back.",
                    )
                    .hint("Call the backfill for the table that is there now."),
            );
        }
        let mut next = self.progress.clone();
        next.cursor = Some(to);
        next.rows_done += changed.rows;
        if next.pass == 1 {
            next.rows_visited += visited;
        }
        next.seconds += self.since.elapsed().as_secs_f64();
        catalog::store(&next)?;
        transaction::commit()?;
        self.since = Instant::now();
        self.progress = next;
        Ok(changed.rows > changed.still_matching)
    }

    fn incomplete(&self, left: u64, example: Option<String>, effective: bool) -> Report {
        let target = &self.work.target;
        let names: Vec<&str> = self.work.key.columns.iter().map(|c| c.name.as_str()).collect();
        let rows = if left == 1 { "1 row still matches".to_owned() } else { format!("{left} rows still match") };
        let key = format!("one has ({}) = {}", names.join(", "), example.unwrap_or_default());
        let report =
            Report::new(code::BACKFILL_INCOMPLETE, format!("backfill {} of {target}: {rows}", self.progress.id));
        if effective {
            return report
                .detail(format!("After {MOST_PASSES} passes rows that match keep appearing; {key}."))
                .hint("Let writers fill the column themselves (a default or a trigger) before the backfill.");
        }
        report
            .detail(format!(
                "A whole pass made where_clause false for none of them; {key}. Either set_clause does not make it false \
                 (its source is NULL, for example), or a trigger or policy keeps the rows from being changed."
            ))
            .hint("Exclude such rows in where_clause, for example: normalized_email IS NULL AND email IS NOT NULL.")
    }
}
