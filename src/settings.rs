//! All settings. Statics are private; each reader returns a type of the domain.

use std::ffi::{CStr, CString};
use std::time::Duration;

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};

/// What the guard does with an unsafe statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PostgresGucEnum)]
pub enum GuardMode {
    /// Refuse it.
    #[name = c"enforce"]
    Enforce,
    /// Let it run and warn.
    #[name = c"warn"]
    Warn,
    /// Let it run without a word; the log of DDL tells.
    #[name = c"off"]
    Off,
}

static GUARD: GucSetting<GuardMode> = GucSetting::<GuardMode>::new(GuardMode::Enforce);
static LARGE_TABLE_ROWS: GucSetting<i32> = GucSetting::<i32>::new(100_000);
static LARGE_TABLE_SIZE: GucSetting<i32> = GucSetting::<i32>::new(64 * 1024);
static LONG_TRANSACTION: GucSetting<i32> = GucSetting::<i32>::new(30_000);
static LOCK_TIMEOUT: GucSetting<i32> = GucSetting::<i32>::new(1_000);
static LOCK_RETRIES: GucSetting<i32> = GucSetting::<i32>::new(60);
static ALLOW_REVERT: GucSetting<bool> = GucSetting::<bool>::new(false);

static DDL_LOG_RETENTION: GucSetting<i32> = GucSetting::<i32>::new(365 * 24 * 60);
static DDL_LOCK_TIMEOUT: GucSetting<i32> = GucSetting::<i32>::new(5_000);
static DDL_LOCK_TIMEOUT_CONCURRENTLY: GucSetting<i32> = GucSetting::<i32>::new(30 * 60 * 1000);
static ALLOW: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);

/// The rules that are allowed to be broken now. The default is none.
pub fn allow() -> Vec<String> {
    let list = ALLOW.get().map(|list| list.to_string_lossy().into_owned()).unwrap_or_default();
    names(&list).map(str::to_owned).collect()
}

/// The names of a list with commas between them.
pub fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// A setting whose values are checked when they are set; `pg` defines it.
pub struct Checked {
    pub name: &'static CStr,
    pub short: &'static CStr,
    pub long: &'static CStr,
    pub setting: &'static GucSetting<Option<CString>>,
}

/// `migrator.allow`.
pub const ALLOW_SETTING: Checked = Checked {
    name: c"migrator.allow",
    short: c"Rules of the guard that do not count, for one statement or transaction.",
    long: c"A list with commas. Superusers may change it; GRANT SET ON PARAMETER delegates that.",
    setting: &ALLOW,
};

/// The guard's mode. The default is `enforce`.
pub fn guard() -> GuardMode {
    GUARD.get()
}

/// Rows from which a table counts as large. The default is 100000.
pub fn large_table_rows() -> u64 {
    u64::try_from(LARGE_TABLE_ROWS.get()).unwrap_or(0)
}

/// Bytes on disk from which a table counts as large. The default is 64MB.
pub fn large_table_bytes() -> u64 {
    u64::try_from(LARGE_TABLE_SIZE.get()).unwrap_or(0) * 1024
}

/// Age in seconds from which a transaction counts as long. The default is 30s; `None` when none does.
pub fn long_transaction_seconds() -> Option<f64> {
    let milliseconds = LONG_TRANSACTION.get();
    (milliseconds >= 0).then(|| f64::from(milliseconds) / 1000.0)
}

/// How long one attempt may queue for a lock. The default is 1s; zero means no bound of ours.
pub fn lock_timeout() -> Duration {
    Duration::from_millis(u64::try_from(LOCK_TIMEOUT.get()).unwrap_or(0))
}

/// How often an attempt that ran into the lock timeout is repeated. The default is 60.
pub fn lock_retries() -> u32 {
    u32::try_from(LOCK_RETRIES.get()).unwrap_or(0)
}

/// Whether migrations may be reverted. The default is no.
pub fn allow_revert() -> bool {
    ALLOW_REVERT.get()
}

/// For how many minutes rows of the log of DDL are kept. The default is a year; 0 keeps them for ever.
pub fn ddl_log_retention_minutes() -> i32 {
    DDL_LOG_RETENTION.get()
}

/// How long DDL of a client without a lock_timeout of its own may queue, in milliseconds. The default is 5s; 0 sets no bound.
pub fn ddl_lock_timeout() -> i32 {
    DDL_LOCK_TIMEOUT.get()
}

/// The same for CONCURRENTLY commands, whose waiting blocks nobody. The default is 30min.
pub fn ddl_lock_timeout_concurrently() -> i32 {
    DDL_LOCK_TIMEOUT_CONCURRENTLY.get()
}

/// Defines the settings.
pub fn define() {
    GucRegistry::define_enum_guc(
        c"migrator.guard",
        c"What the guard does with unsafe DDL: enforce, warn or off.",
        c"Superusers may change it; GRANT SET ON PARAMETER delegates that.",
        &GUARD,
        GucContext::Suset,
        GucFlags::default(),
    );
    let integer = |name, short, long, setting, low, unit| {
        let context = GucContext::Userset;
        GucRegistry::define_int_guc(name, short, long, setting, low, i32::MAX, context, unit);
    };
    GucRegistry::define_int_guc(
        c"migrator.large_table_rows",
        c"Number of rows from which a table counts as large.",
        c"Estimated from the size on disk now; statistics may be missing. Partitions are summed.",
        &LARGE_TABLE_ROWS,
        0,
        i32::MAX,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"migrator.large_table_size",
        c"Size on disk from which a table counts as large.",
        c"With TOAST, without indexes. Partitions are summed.",
        &LARGE_TABLE_SIZE,
        0,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_int_guc(
        c"migrator.long_transaction",
        c"Age from which another session's transaction is no longer waited for by DDL.",
        c"While DDL waits for its lock, everybody who comes after it waits behind it. -1 turns the check off.",
        &LONG_TRANSACTION,
        -1,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_MS,
    );
    integer(
        c"migrator.lock_timeout",
        c"How long a migration or a backfill batch may queue for a lock.",
        c"Then it rolls back, waits without holding anything, and tries again. 0 sets no bound.",
        &LOCK_TIMEOUT,
        0,
        GucFlags::UNIT_MS,
    );
    integer(
        c"migrator.lock_retries",
        c"How often a migration or a batch that got no lock is tried again.",
        c"The pauses grow from 0.1 to 10 seconds, with jitter: 60 retries last about ten minutes.",
        &LOCK_RETRIES,
        0,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"migrator.allow_revert",
        c"Whether migrations may be reverted.",
        c"In production, a new migration is the way to undo an old one. Superusers may change it; GRANT SET ON PARAMETER delegates that.",
        &ALLOW_REVERT,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"migrator.ddl_log_retention",
        c"How long rows of migrator.ddl_log are kept.",
        c"Older ones are deleted now and then by DDL, and by migrator.prune_ddl_log(). 0 keeps all.",
        &DDL_LOG_RETENTION,
        0,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_MIN,
    );
    integer(
        c"migrator.ddl_lock_timeout",
        c"How long DDL may queue for a lock when its session has no lock_timeout.",
        c"So that it does not hold up those who queue behind it. Migrations have migrator.lock_timeout. 0 sets no bound.",
        &DDL_LOCK_TIMEOUT,
        0,
        GucFlags::UNIT_MS,
    );
    integer(
        c"migrator.ddl_lock_timeout_concurrently",
        c"The same for CREATE INDEX CONCURRENTLY and its like.",
        c"They wait for transactions that began before them, and hold up nobody meanwhile. 0 sets no bound.",
        &DDL_LOCK_TIMEOUT_CONCURRENTLY,
        0,
        GucFlags::UNIT_MS,
    );
}
