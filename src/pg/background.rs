//! Something that must be committed although the caller's transaction will not be: a background worker does it in a
//! transaction of its own, as the extension's owner, while the caller waits ([`run`]) or goes on (`outbox`).

use std::ffi::{c_char, c_int};
use std::time::{Duration, Instant};

use pgrx::pg_sys;

use super::{boundary, raw, user, versions, wait};
use crate::error::{Report, Result, SqlState, fail};

/// How long the caller waits. The worker itself waits no longer than a second for any lock.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the mark, the length and the pin.
const HEADER: usize = 3 * size_of::<u64>();

/// Hands a text to a worker's entry and waits until the worker is gone. Works in a transaction that has failed: it reads
/// no catalogue. Fails when there is no free slot (`max_worker_processes`) or the worker does not end in time.
pub fn run(entry: &str, payload: &str) -> Result<()> {
    release_low_level_locks();
    let segment = Segment::with(payload.as_bytes(), false)?;
    let handle = register(&Job::writer(entry, user::owner()), &segment)?;
    wait_for(handle)?;
    if segment.is_committed() {
        return Ok(());
    }
    fail(
        Report::new(SqlState::INTERNAL_ERROR, "the background worker ended without committing")
            .hint("Look into the server's log."),
    )
}

/// What a worker is to do.
pub(super) struct Job<'a> {
    /// Its name, and the type of its backend in pg_stat_activity.
    pub kind: &'a str,
    /// The C symbol of its main function.
    pub entry: &'a str,
    /// What that function reads from `bgw_extra`.
    pub extra: String,
    /// Whether this process wants to know when it begins and ends.
    pub notify: bool,
}

impl<'a> Job<'a> {
    /// Writes something as the owner.
    pub(super) fn writer(entry: &'a str, owner: pg_sys::Oid) -> Self {
        // SAFETY: a read; set when the backend connected.
        let database = unsafe { pg_sys::MyDatabaseId };
        let extra = format!("{} {}", database.to_u32(), owner.to_u32());
        Self { kind: "migrator history writer", entry, extra, notify: true }
    }
}

/// Registers a worker that is given the segment. The handle is in the current memory context.
pub(super) fn register(job: &Job<'_>, segment: &Segment) -> Result<*mut pg_sys::BackgroundWorkerHandle> {
    let mut worker = pg_sys::BackgroundWorker {
        bgw_flags: (pg_sys::BGWORKER_SHMEM_ACCESS | pg_sys::BGWORKER_BACKEND_DATABASE_CONNECTION) as c_int,
        bgw_start_time: pg_sys::BgWorkerStartTime::BgWorkerStart_RecoveryFinished,
        bgw_restart_time: pg_sys::BGW_NEVER_RESTART,
        bgw_main_arg: pg_sys::Datum::from(segment.handle()),
        // SAFETY: a read of the backend's own pid.
        bgw_notify_pid: if job.notify { unsafe { pg_sys::MyProcPid } } else { 0 },
        ..Default::default()
    };
    fill(&mut worker.bgw_name, job.kind);
    fill(&mut worker.bgw_type, job.kind);
    fill(&mut worker.bgw_library_name, "$libdir/migrator");
    fill(&mut worker.bgw_function_name, job.entry);
    fill(&mut worker.bgw_extra, &job.extra);
    let mut handle: *mut pg_sys::BackgroundWorkerHandle = std::ptr::null_mut();
    // SAFETY: the structure is complete; the handle is palloc'd.
    if !unsafe { pg_sys::RegisterDynamicBackgroundWorker(&raw mut worker, &raw mut handle) } {
        return fail(
            Report::new(SqlState(*b"53000"), "no background worker slot is free")
                .hint("Raise max_worker_processes; it takes effect after a restart."),
        );
    }
    Ok(handle)
}

/// Whether a worker has ended, or never will begin.
pub(super) fn is_over(handle: *mut pg_sys::BackgroundWorkerHandle) -> bool {
    let mut pid = 0;
    // SAFETY: a handle that registration returned and nobody has freed.
    let status = unsafe { pg_sys::GetBackgroundWorkerPid(handle, &raw mut pid) };
    status == pg_sys::BgwHandleStatus::BGWH_STOPPED || status == pg_sys::BgwHandleStatus::BGWH_POSTMASTER_DIED
}

/// What aborting does first. An error may have been raised under a lightweight lock that registering a worker needs; the
/// transaction is lost, so nothing relies on them any more.
fn release_low_level_locks() {
    // SAFETY: the order of AbortSubTransaction; each is harmless when there is nothing to release.
    unsafe {
        pg_sys::LWLockReleaseAll();
        pg_sys::UnlockBuffers();
        pg_sys::ConditionVariableCancelSleep();
        pg_sys::LockErrorCleanup();
    }
}

/// Until the worker has stopped, or patience ends.
fn wait_for(handle: *mut pg_sys::BackgroundWorkerHandle) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if is_over(handle) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            // SAFETY: as above.
            unsafe { pg_sys::TerminateBackgroundWorker(handle) };
            return fail(Report::new(SqlState(*b"57014"), "the background worker did not end in time"));
        }
        wait::sleep(Duration::from_millis(5))?;
    }
}

fn fill(field: &mut [c_char], text: &str) {
    let room = field.len() - 1;
    for (to, from) in field[..room].iter_mut().zip(text.bytes()) {
        *to = from as c_char;
    }
}

/// Shared memory with a mark that the worker's work is committed, a length, whether it is pinned, and that many bytes. The
/// mapping ends when this is dropped, the memory with the last process that maps it; when pinned, not before the worker
/// has taken it over.
pub(super) struct Segment {
    segment: *mut pg_sys::dsm_segment,
}

impl Segment {
    pub(super) fn with(bytes: &[u8], pinned: bool) -> Result<Self> {
        let size = HEADER + bytes.len();
        // SAFETY: the segment has `size` bytes; a page-aligned address is aligned for the length.
        unsafe {
            let segment = pg_sys::dsm_create(size, pg_sys::DSM_CREATE_NULL_IF_MAXSEGMENTS as c_int);
            if segment.is_null() {
                return fail(Report::new(SqlState(*b"53000"), "no dynamic shared memory segment is free"));
            }
            let address = pg_sys::dsm_segment_address(segment).cast::<u8>();
            address.cast::<u64>().write(0);
            address.cast::<u64>().add(1).write(bytes.len() as u64);
            address.cast::<u64>().add(2).write(u64::from(pinned));
            address.add(HEADER).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            if pinned {
                // Neither the memory nor our sight of it ends with the transaction.
                pg_sys::dsm_pin_segment(segment);
                pg_sys::dsm_pin_mapping(segment);
            }
            Ok(Self { segment })
        }
    }

    fn handle(&self) -> usize {
        // SAFETY: mapped as long as self lives.
        unsafe { pg_sys::dsm_segment_handle(self.segment) as usize }
    }

    /// Maps the segment of a handle; `None` when it is gone, because nobody waits any more.
    pub(super) fn attach(handle: u32) -> Option<Self> {
        // SAFETY: attaching fails with NULL. Pinned, the mapping outlives the transaction it was made in.
        unsafe {
            let segment = pg_sys::dsm_attach(handle);
            if segment.is_null() {
                return None;
            }
            pg_sys::dsm_pin_mapping(segment);
            let segment = Self { segment };
            segment.unpin();
            Some(segment)
        }
    }

    /// From here on it lives as long as it is mapped.
    pub(super) fn unpin(&self) {
        // SAFETY: mapped as long as self lives; the word says whether it is pinned, and only one side unpins it.
        unsafe {
            if pg_sys::dsm_segment_address(self.segment).cast::<u64>().add(2).read() == 1 {
                pg_sys::dsm_segment_address(self.segment).cast::<u64>().add(2).write(0);
                pg_sys::dsm_unpin_segment(pg_sys::dsm_segment_handle(self.segment));
            }
        }
    }

    fn mark_committed(&self) {
        // SAFETY: mapped as long as self lives; the other side reads it after this process has ended.
        unsafe { pg_sys::dsm_segment_address(self.segment).cast::<u64>().write_volatile(1) }
    }

    pub(super) fn is_committed(&self) -> bool {
        // SAFETY: as above.
        unsafe { pg_sys::dsm_segment_address(self.segment).cast::<u64>().read_volatile() == 1 }
    }

    pub(super) fn text(&self) -> String {
        // SAFETY: written by with(); the length is checked against the mapping.
        unsafe {
            let address = pg_sys::dsm_segment_address(self.segment).cast::<u8>();
            let room = pg_sys::dsm_segment_map_length(self.segment).saturating_sub(HEADER);
            let length = usize::try_from(address.cast::<u64>().add(1).read()).unwrap_or(0).min(room);
            let bytes = std::slice::from_raw_parts(address.add(HEADER), length);
            String::from_utf8_lossy(bytes).into_owned()
        }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: mapped by with() or attach(), unmapped once.
        unsafe { pg_sys::dsm_detach(self.segment) }
    }
}

/// The worker's side: connects as the owner, runs `body` with the text in a transaction, commits.
///
/// # Safety
/// Called from a frame made by [`background_worker!`], as the main function of a worker that [`run`] registered.
pub unsafe fn main(handle: pg_sys::Datum, body: fn(&str) -> Result<()>) {
    // SAFETY: the start-up sequence of every worker; the entry is ours and NUL-terminated.
    unsafe {
        let extra = super::convert::string((*pg_sys::MyBgworkerEntry).bgw_extra.as_ptr()).unwrap_or_default();
        let mut oids = extra.split(' ').filter_map(|oid| oid.parse::<u32>().ok()).map(pg_sys::Oid::from);
        let (Some(database), Some(owner)) = (oids.next(), oids.next()) else { return };
        versions::end_at_sigterm();
        pg_sys::BackgroundWorkerUnblockSignals();
        // As the bootstrap superuser, because the owner may not be allowed to log in; then at once as the owner.
        pg_sys::BackgroundWorkerInitializeConnectionByOid(database, pg_sys::Oid::INVALID, 0);
        if boundary::catch(|| raw::StartTransactionCommand()).is_err() {
            return;
        }
        let Some(segment) = Segment::attach(handle.value() as u32) else { return };
        let (mut user, mut security_context) = (pg_sys::Oid::INVALID, 0);
        pg_sys::GetUserIdAndSecContext(&raw mut user, &raw mut security_context);
        pg_sys::SetUserIdAndSecContext(owner, pg_sys::SECURITY_LOCAL_USERID_CHANGE as c_int);
        super::user::set_owner(owner);
        let written = body(&segment.text());
        // A transaction may not end as another user than it began.
        pg_sys::SetUserIdAndSecContext(user, security_context);
        match written.and_then(|()| boundary::catch(|| raw::CommitTransactionCommand())) {
            Ok(()) => segment.mark_committed(),
            Err(error) => pgrx::warning!("migrator could not write to its history: {}", error.message),
        }
    }
}

/// Defines the C symbol of a worker's main function.
macro_rules! background_worker {
    ($symbol:ident, $body:path) => {
        /// The main function of a background worker.
        ///
        /// # Safety
        /// Postgres calls it in a worker that `pg::background::run` registered.
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        #[pgrx::pg_guard]
        pub unsafe extern "C-unwind" fn $symbol(handle: pgrx::pg_sys::Datum) {
            // SAFETY: entered from Postgres.
            unsafe { $crate::pg::background::main(handle, $body) }
        }
    };
}
pub(crate) use background_worker;
