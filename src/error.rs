//! One error type. Every error a user can meet has a SQLSTATE, a message that names the object,
//! DETAIL with what was found and HINT with what to type. `api` hands it to Postgres; nothing else does.

use std::fmt;

/// The five characters of a SQLSTATE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SqlState(pub [u8; 5]);

impl SqlState {
    /// `lock_not_available`: a lock_timeout ended the wait.
    pub const LOCK_NOT_AVAILABLE: Self = Self(*b"55P03");
    /// `deadlock_detected`.
    pub const DEADLOCK_DETECTED: Self = Self(*b"40P01");
    /// `serialization_failure`.
    pub const SERIALIZATION_FAILURE: Self = Self(*b"40001");
    /// `syntax_error`, Postgres's own.
    pub const SYNTAX_ERROR: Self = Self(*b"42601");
    /// `internal_error`.
    pub const INTERNAL_ERROR: Self = Self(*b"XX000");
    /// `warning`.
    pub const WARNING: Self = Self(*b"01000");
    /// `successful_completion`, what Postgres gives NOTICEs.
    pub const SUCCESS: Self = Self(*b"00000");
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or("XX000"))
    }
}

/// Everything Postgres keeps about an error, in Rust's own memory.
/// An error raised by a migration's statement travels in one of these, so that nothing of it is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The SQLSTATE, or `None` while it has not been said (internal error).
    pub sqlstate: Option<SqlState>,
    /// The primary message.
    pub message: String,
    /// DETAIL: what was found.
    pub detail: Option<String>,
    /// DETAIL that only the server log may show.
    pub detail_log: Option<String>,
    /// HINT: what to type.
    pub hint: Option<String>,
    /// CONTEXT: what ran when it was raised.
    pub context: Option<String>,
    /// Schema the error is about.
    pub schema: Option<String>,
    /// Table the error is about.
    pub table: Option<String>,
    /// Column the error is about.
    pub column: Option<String>,
    /// Data type the error is about.
    pub datatype: Option<String>,
    /// Constraint the error is about.
    pub constraint: Option<String>,
    /// 1-based character position in the client's statement; 0 when there is none.
    pub position: i32,
    /// 1-based character position in `internal_query`; 0 when there is none.
    pub internal_position: i32,
    /// The text of a query that the client did not send itself.
    pub internal_query: Option<String>,
    /// Where in Postgres's sources it was raised: file, line, function.
    pub raised_at: Option<(String, i32, String)>,
}

impl Report {
    /// A report of our own, raised here and now.
    pub fn new(sqlstate: SqlState, message: impl Into<String>) -> Self {
        Self { sqlstate: Some(sqlstate), message: message.into(), ..Self::default() }
    }

    /// Adds DETAIL: what was found.
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// Adds HINT: what to type.
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hint = Some(text.into());
        self
    }

    /// Moves a position in the statement to the internal query, because the client's own statement is another one.
    pub fn in_statement(mut self, statement: &str) -> Self {
        if self.position > 0 {
            self.internal_position = self.position;
            self.internal_query = Some(statement.to_owned());
            self.position = 0;
        }
        self
    }

    /// Appends a line of CONTEXT below what is there, as an outer frame does.
    pub fn within(mut self, frame: &str) -> Self {
        self.context = Some(match self.context.take() {
            Some(inner) => format!("{inner}\n{frame}"),
            None => frame.to_owned(),
        });
        self
    }

    /// True when waiting and trying again may help: lock timeout, deadlock, serialization failure.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.sqlstate,
            Some(SqlState::LOCK_NOT_AVAILABLE | SqlState::DEADLOCK_DETECTED | SqlState::SERIALIZATION_FAILURE)
        )
    }
}

/// What everything in the crate returns when it fails.
pub type Error = Box<Report>;

/// Result with the one error type.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! own_sqlstates {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        /// SQLSTATEs of our own, class `MG`. `docs/errors.md` lists the same; a test compares the two.
        pub mod code {
            use super::SqlState;
            $(#[doc = $meaning] pub const $name: SqlState = SqlState(*$code);)*
            /// Every code with its meaning.
            #[cfg(test)]
            pub const ALL: &[(SqlState, &str)] = &[$(($name, $meaning)),*];
        }
    };
}

own_sqlstates! {
    GUARD = b"MG001", "the guard refused a statement";
    INVALID_VERSION = b"MG002", "a version is missing, empty, too long, holds control characters, or ranks equal to another";
    INVALID_SCRIPT = b"MG003", "a script is missing, empty, not valid text, or does not parse";
    UNSUPPORTED_STATEMENT = b"MG004", "a script holds something that cannot be part of a migration";
    IMMUTABLE = b"MG005", "an applied (or partly applied) migration was edited";
    WAY_BACK = b"MG006", "not exactly one of down and irreversible was given";
    UNKNOWN_VERSION = b"MG007", "no migration of that version is registered";
    NEEDS_DEPLOY = b"MG008", "a migration cannot run inside a transaction";
    NOT_TOP_LEVEL = b"MG009", "a procedure that commits was not called as the whole statement";
    BUSY = b"MG010", "another session holds the lock of the runner or of the backfill";
    RECURSION = b"MG011", "a migration tried to run migrations";
    IN_DOUBT = b"MG012", "an interrupted statement may or may not have taken effect";
    FOLDER = b"MG013", "a folder or file of migrations cannot be used";
    TAMPERED = b"MG014", "what the ledger stores does not match its checksum";
    BACKFILL_TARGET = b"MG015", "a relation cannot be backfilled";
    BACKFILL_CLAUSE = b"MG016", "a set_clause or where_clause is not one";
    BACKFILL_INCOMPLETE = b"MG017", "rows still match after a backfill did what it could";
    INVALID_INDEX = b"MG018", "an index was left invalid";
    INVALID_ARGUMENT = b"MG019", "an argument has a value that makes no sense";
    ENCODING = b"MG020", "the database is not encoded in UTF8";
    UNKNOWN_RULE = b"MG021", "no rule of the guard has that name";
    APPEND_ONLY = b"MG022", "the history and the log of DDL are only added to";
    READ_ONLY = b"MG023", "nothing can be written: the server is a standby, or the transaction is read-only";
    MIXED = b"MG024", "a migration changes schema and data";
    OUT_OF_ORDER = b"MG025", "a migration is older than one that is applied";
    REQUIRES = b"MG026", "a migration requires another one";
    REVERT_OFF = b"MG027", "reverting is not allowed here";
    NO_WAY_BACK = b"MG028", "a migration cannot be reverted";
    BACKFILL_CANCELLED = b"MG029", "a backfill was cancelled";
    BACKFILL_ROWS = b"MG030", "rows of a backfill could not be changed";
    BACKFILL_LIMIT = b"MG031", "a hard limit ended a backfill";
    UNKNOWN_BACKFILL = b"MG032", "no unfinished backfill has that id";
    NOT_THE_OWNER = b"MG033", "only migrator's own functions write to the ledger";
}

/// An error of our own as the boxed type that travels.
pub fn fail<T>(report: Report) -> Result<T> {
    Err(Box::new(report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_of_class_mg() {
        let mut seen: Vec<String> = code::ALL.iter().map(|(c, _)| c.to_string()).collect();
        assert!(seen.iter().all(|c| c.starts_with("MG")));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), code::ALL.len());
    }

    #[test]
    fn docs_list_every_code_and_no_other() {
        let docs = include_str!("../docs/errors.md");
        let listed: Vec<&str> = docs.lines().filter(|l| l.starts_with("| `MG")).collect();
        let expected: Vec<String> = code::ALL.iter().map(|(c, meaning)| format!("| `{c}` | {meaning} |")).collect();
        assert_eq!(listed, expected);
    }

    #[test]
    fn a_position_moves_to_the_internal_query_once() {
        let moved = Report { position: 8, ..Report::default() }.in_statement("SELECT x");
        assert_eq!((moved.position, moved.internal_position), (0, 8));
        assert_eq!(moved.internal_query.as_deref(), Some("SELECT x"));
        let kept = Report { internal_position: 3, internal_query: Some("y".into()), ..Report::default() };
        assert_eq!(kept.clone().in_statement("SELECT x"), kept);
    }

    #[test]
    fn frames_are_appended_below() {
        let report = Report::default().within("inner").within("outer");
        assert_eq!(report.context.as_deref(), Some("inner\nouter"));
    }
}
