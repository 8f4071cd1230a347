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
    pub content: Content,
    /// The setting that a session-level SET or RESET changes.
    pub setting: Option<String>,
    /// What it sets, when that cannot be kept from one transaction to the next.
    pub unkept: Option<Unkept>,
}

/// A SET that a script of several transactions cannot go on with after an interruption, or take back at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unkept {
    /// SET LOCAL: it ends with its own statement.
    Local,
    /// RESET ALL.
    ResetAll,
    /// SET SESSION CHARACTERISTICS AS TRANSACTION.
    Characteristics,
    /// SET default_transaction_read_only: how far the script has come could not be written down.
    ReadOnly,
}

/// What a statement changes, as far as its kind tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Definitions: DDL.
    Schema,
    /// Rows of tables.
    Data,
    /// Neither, or nobody can know (SELECT, DO, CALL).
    Other,
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
    /// `ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY`: done when it is no partition any more. May leave it half
    /// detached, and is then to be finished by FINALIZE.
    ConcurrentDetach { table: Name, partition: Name },
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

/// Bytes of white space and comments at the beginning of `text`, by Postgres's lexical rules
/// (block comments nest).
pub fn leading_trivia(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}', '\u{b}']).len();
        if blank > 0 {
            at += blank;
        } else if rest.starts_with("--") {
            at += rest.find(['\n', '\r']).unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            at += block_comment(rest);
        } else {
            return at;
        }
    }
}

/// Length of the block comment `text` begins with.
fn block_comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0);
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trivia_ends_where_postgres_says() {
        assert_eq!(leading_trivia("  -- x\r\n\tA"), 9);
        assert_eq!(leading_trivia("/* a /* b */ c */A"), 17);
        assert_eq!(leading_trivia("/* open"), 7);
        assert_eq!(leading_trivia("-- only"), 7);
        assert_eq!(leading_trivia("- 1"), 0);
    }
}
