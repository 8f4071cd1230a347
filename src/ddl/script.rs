//! What a statement of a script is, and how it can be run.

/// One statement as the parser delimits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedStatement {
    /// Byte offset in the script where the parser says it begins (blanks and comments included).
    pub start: usize,
    /// Byte offset just past its last character; the semicolon is not part of it.
    pub end: usize,
    /// Postgres's command tag, such as `CREATE TABLE`.
    pub tag: String,
    pub nature: Nature,
    /// The setting that a session-level SET or RESET changes.
    pub setting: Option<String>,
}

/// How a statement can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nature {
    /// Runs in a transaction with others.
    Transactional,
    /// Refuses a transaction block, or may commit: runs alone, at top level.
    TopLevel(Interruption),
    /// Cannot be part of a migration.
    Unsupported(Unsupported),
}

/// What is known about a top-level statement that was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// `CREATE INDEX CONCURRENTLY`: the catalogue tells. `index` is as written, absent when Postgres names it.
    ConcurrentIndex { table: Name, index: Option<String> },
    /// `REINDEX ... CONCURRENTLY`: may leave invalid `_ccnew` indexes behind; can be repeated.
    ConcurrentReindex,
    /// `DROP INDEX CONCURRENTLY`: done when the index is gone. May leave it invalid; can be repeated.
    ConcurrentDrop { index: Name },
    /// `CALL migrator.backfill(...)`: resumes; its own ledger tells when it is done.
    Backfill,
    /// Can simply be repeated (VACUUM, REINDEX).
    Repeatable,
    /// An error says that it did not take effect (CREATE DATABASE); after a crash only a person can know.
    AllOrNothing,
    /// Only a person can know whether, or how far, it took effect, even after an error (a procedure may have committed).
    Unknowable,
}

/// Why a statement cannot be part of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsupported {
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT and the like.
    TransactionControl,
    /// COPY from or to the client.
    CopyThroughClient,
    /// DROP EXTENSION migrator.
    DropMigrator,
    /// DISCARD: would drop the session's locks and plans from under the runner.
    Discard,
}

/// A relation's name as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub schema: Option<String>,
    pub name: String,
}

/// What a clause given to the backfill turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetClause {
    /// Columns it assigns.
    pub columns: Vec<String>,
}
