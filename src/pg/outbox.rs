//! Rows that must be kept although the transaction they are about is rolled back, written by a background worker that
//! nobody waits for.
//!
//! A backend has one such worker at a time. Rows that come while it runs wait here for the next, which begins with the
//! next row, the next DDL command, or the end of the session; so a session that is refused all the time costs the server
//! one worker, not thousands.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::time::Duration;

use pgrx::pg_sys;

use super::background::{Job, Segment, is_over, register};
use super::{user, wait};
use crate::error::{Report, Result, SqlState, fail};

/// Bytes that may wait here.
const ROOM: usize = 1024 * 1024;
/// How long a row waits for the worker of the one before, in milliseconds: most of them are done by then.
const PATIENCE: u32 = 15;

#[derive(Default)]
struct Outbox {
    entry: &'static str,
    /// JSON objects.
    rows: Vec<String>,
    owner: pg_sys::Oid,
    /// The last worker and what it was given. Let go of explicitly: when the process ends, Postgres has let go of all
    /// shared memory before thread-locals are dropped.
    worker: Option<(*mut pg_sys::BackgroundWorkerHandle, ManuallyDrop<Segment>)>,
    at_exit: bool,
}

thread_local! {
    static OUTBOX: RefCell<Outbox> = RefCell::default();
}

/// Puts a row (a JSON object) into the outbox and sends what is there, as a JSON array, to a worker's entry. Fails when the
/// row can be neither sent nor kept; that it is kept for later is no failure.
pub fn post(entry: &'static str, row: String) -> Result<()> {
    let owner = user::owner();
    let full = OUTBOX.with_borrow_mut(|outbox| {
        let full = outbox.rows.iter().map(String::len).sum::<usize>() + row.len() > ROOM;
        if !full {
            outbox.rows.push(row);
        }
        (outbox.entry, outbox.owner) = (entry, owner);
        if !std::mem::replace(&mut outbox.at_exit, true) {
            // SAFETY: a function that lives as long as the library.
            unsafe { pg_sys::before_shmem_exit(Some(flush_at_exit), pg_sys::Datum::from(0)) };
        }
        full
    });
    for _ in 0..PATIENCE {
        if !is_busy() {
            break;
        }
        wait::sleep(Duration::from_millis(1))?;
    }
    flush()?;
    if full {
        return fail(Report::new(SqlState(*b"53400"), "too many rows wait for a background worker"));
    }
    Ok(())
}

/// Whether the last worker still runs.
fn is_busy() -> bool {
    OUTBOX.with_borrow_mut(|outbox| {
        let Some((worker, segment)) = &outbox.worker else { return false };
        // One that has committed only has to end.
        if !segment.is_committed() && !is_over(*worker) {
            return true;
        }
        // SAFETY: allocated for us by registration; nobody uses it any more.
        unsafe { pg_sys::pfree(worker.cast()) };
        forget_worker(outbox);
        false
    })
}

fn forget_worker(outbox: &mut Outbox) {
    if let Some((_, segment)) = outbox.worker.take() {
        drop(ManuallyDrop::into_inner(segment));
    }
}

/// Sends what waits, unless the last worker still runs. What cannot be sent stays.
pub fn flush() -> Result<()> {
    if OUTBOX.with_borrow(|outbox| outbox.rows.is_empty()) || is_busy() {
        return Ok(());
    }
    let (entry, payload, owner) = OUTBOX.with_borrow(|o| (o.entry, format!("[{}]", o.rows.join(",")), o.owner));
    let segment = Segment::with(payload.as_bytes(), true)?;
    // SAFETY: the handle must outlive the transaction; the context is put back whatever registration returns.
    let registered = unsafe {
        let context = pg_sys::CurrentMemoryContext;
        pg_sys::CurrentMemoryContext = pg_sys::TopMemoryContext;
        let registered = register(&Job::writer(entry, owner), &segment);
        pg_sys::CurrentMemoryContext = context;
        registered
    };
    match registered {
        Ok(worker) => OUTBOX.with_borrow_mut(|outbox| {
            outbox.worker = Some((worker, ManuallyDrop::new(segment)));
            outbox.rows.clear();
        }),
        Err(error) => {
            segment.unpin();
            return Err(error);
        }
    }
    Ok(())
}

/// The session ends, and may wait for its last worker. Without signals: this is no place to be interrupted.
fn wait_and_flush() -> Result<()> {
    for _ in 0..100 {
        if !is_busy() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    flush()
}

unsafe extern "C-unwind" fn flush_at_exit(_: i32, _: pg_sys::Datum) {
    // Nobody is left to be told, and nothing may unwind out of here.
    let _ = std::panic::catch_unwind(|| {
        let sent = wait_and_flush();
        let lost = OUTBOX.with_borrow_mut(|outbox| {
            forget_worker(outbox);
            outbox.rows.len()
        });
        if lost > 0 {
            let why = sent.err().map_or_else(|| "a background worker did not end in time".to_owned(), |e| e.message);
            pgrx::log!("{lost} refused statements are not in migrator.ddl_log: {why}");
        }
    });
}
