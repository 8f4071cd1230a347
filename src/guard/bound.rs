//! `migrator.ddl_lock_timeout`: DDL that waits for its lock makes everybody wait who comes after it. So a client that has
//! set no bound gets one, for the time of the statement.

use crate::migration::lock::Current;
use crate::pg::lock_timeout;
use crate::settings;

/// Commands that lock nothing that exists so that others must wait for it, or run the scripts of extensions.
const FREE: &[&str] =
    &["CREATE TABLE AS", "SELECT INTO", "CREATE MATERIALIZED VIEW", "CREATE EXTENSION", "ALTER EXTENSION"];

/// A bound that is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// Until the end of the statement; an error puts it back as it does with SET LOCAL.
    Local,
    /// Across the commits of a CONCURRENTLY command.
    AcrossCommits,
}

/// Bounds the waits of a statement that begins, unless the session has a bound of its own. Migrations do.
pub fn begin(tag: &str, commits_on_its_way: bool) -> Option<Bound> {
    if lock_timeout::current() != 0 || FREE.contains(&tag) || Current::place().is_some() {
        return None;
    }
    let milliseconds =
        if commits_on_its_way { settings::ddl_lock_timeout_concurrently() } else { settings::ddl_lock_timeout() };
    if milliseconds == 0 {
        return None;
    }
    if commits_on_its_way {
        lock_timeout::set_across_commits(milliseconds);
        return Some(Bound::AcrossCommits);
    }
    lock_timeout::set_local(milliseconds);
    Some(Bound::Local)
}

/// Back to none, at the end of the statement.
pub fn end(bound: Bound) {
    match bound {
        Bound::Local => lock_timeout::set_local(0),
        Bound::AcrossCommits => lock_timeout::end_across_commits(),
    }
}

/// The transaction has failed. What was set locally goes with it.
pub fn failed() {
    lock_timeout::end_across_commits();
}
