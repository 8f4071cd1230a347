//! A script: text that Postgres's parser has delimited into statements that can be run one by one.

use std::fmt;

use crate::ddl::{Content, Nature, ParsedStatement, Unkept, Unsupported, leading_trivia};
use crate::error::{Error, Report, Result, SqlState, code, fail};
use crate::pg;

/// A statement with its place in the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// From 1.
    pub number: usize,
    /// Line of the script where it begins, from 1.
    pub line: usize,
    /// Without leading comments and without the semicolon.
    pub text: String,
    /// Postgres's command tag.
    pub tag: String,
    pub nature: Nature,
    pub content: Content,
    /// The setting that a session-level SET or RESET changes.
    pub setting: Option<String>,
    /// See [`Unkept`].
    pub unkept: Option<Unkept>,
}

impl Statement {
    /// Whether it may change a setting or the role.
    pub fn sets(&self) -> bool {
        matches!(self.tag.as_str(), "SET" | "RESET") || self.text.to_ascii_lowercase().contains("set_config")
    }

    /// Whether it may change statement_timeout.
    pub fn sets_statement_timeout(&self) -> bool {
        self.sets() && self.text.to_ascii_lowercase().contains("statement_timeout")
    }
}

/// The statements of a script that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    pub statements: Vec<Statement>,
}

/// Where a script comes from, for messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin<'a> {
    /// What a migration of that version does.
    Up(&'a str),
    /// What undoes it.
    Down(&'a str),
    /// Given to `migrator.lint`.
    Lint,
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up(version) => write!(f, "up script of migration \"{version}\""),
            Self::Down(version) => write!(f, "down script of migration \"{version}\""),
            Self::Lint => f.write_str("script"),
        }
    }
}

impl Script {
    /// Parses a script and refuses what cannot be part of a migration.
    pub fn parse(origin: Origin<'_>, text: &str) -> Result<Self> {
        let empty = |found: &str| {
            Report::new(code::INVALID_SCRIPT, format!("the {origin} is empty"))
                .detail(found)
                .hint("Give at least one SQL statement.")
        };
        if text.trim().is_empty() {
            return fail(empty("It has no text."));
        }
        let parsed = pg::parse::parse(text).map_err(|error| syntax_error(origin, text, error))?;
        if parsed.is_empty() {
            return fail(empty("It holds only comments."));
        }
        let statements = locate(text, parsed);
        for statement in &statements {
            if let Nature::Unsupported(why) = statement.nature {
                return fail(unsupported(origin, statement, why));
            }
        }
        Ok(Self { statements })
    }

    /// False when a statement refuses a transaction block or may commit.
    pub fn is_transactional(&self) -> bool {
        self.statements.iter().all(|s| s.nature == Nature::Transactional)
    }

    /// The first SET that cannot be kept, in a script of which each statement is committed.
    pub fn unkept(&self) -> Option<(&Statement, Unkept)> {
        let mut sets = self.statements.iter().filter_map(|s| s.unkept.map(|what| (s, what)));
        if self.is_transactional() { None } else { sets.next() }
    }

    /// Whether it may change statement_timeout.
    pub fn sets_statement_timeout(&self) -> bool {
        self.statements.iter().any(Statement::sets_statement_timeout)
    }

    /// The first statement that cannot run in a transaction with others.
    pub fn top_level(&self) -> Option<&Statement> {
        self.statements.iter().find(|s| s.nature != Nature::Transactional)
    }

    /// A statement of ours that finishes one of the script's, where that stands.
    pub fn in_place_of(&self, number: usize, text: String) -> Statement {
        let line = self.statements.get(number - 1).map_or(1, |s| s.line);
        let (nature, content) = (Nature::Transactional, Content::Schema);
        Statement { number, line, text, tag: "ALTER TABLE".to_owned(), nature, content, setting: None, unkept: None }
    }

    /// The first statement that changes definitions and the first that changes rows, when it holds both.
    pub fn mixes(&self) -> Option<(&Statement, &Statement)> {
        let first = |content| self.statements.iter().find(|s| s.content == content);
        Some((first(Content::Schema)?, first(Content::Data)?))
    }
}

impl Statement {
    /// Its text on one line, see [`summary`].
    pub fn summary(&self) -> String {
        summary(&self.text)
    }
}

/// One line for messages: the text with white space collapsed, cut at 60 characters.
pub fn summary(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 60 {
        return line;
    }
    let cut: String = line.chars().take(57).collect();
    format!("{}...", cut.trim_end())
}

/// Cuts the text along the parser's marks, and finds the line each statement begins on.
fn locate(text: &str, parsed: Vec<ParsedStatement>) -> Vec<Statement> {
    let mut line = 1;
    let mut counted = 0;
    let mut statements = Vec::with_capacity(parsed.len());
    for (i, p) in parsed.into_iter().enumerate() {
        let start = p.start + leading_trivia(&text[p.start..p.end]);
        line += text[counted..start].matches('\n').count();
        counted = start;
        statements.push(Statement {
            number: i + 1,
            line,
            text: text[start..p.end].trim_end().to_owned(),
            tag: p.tag,
            nature: p.nature,
            content: p.content,
            setting: p.setting,
            unkept: p.unkept,
        });
    }
    statements
}

/// A syntax error with its line, column and, where it is a known habit of another tool, what to do instead.
fn syntax_error(origin: Origin<'_>, text: &str, mut error: Error) -> Error {
    if error.sqlstate != Some(SqlState::SYNTAX_ERROR) && error.position == 0 {
        return error;
    }
    // Postgres counts characters from 1.
    let offset = text.char_indices().nth(usize::try_from(error.position - 1).unwrap_or(0)).map_or(text.len(), |c| c.0);
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    let hint = if text[offset..].starts_with('\\') {
        "psql's backslash commands are not SQL; leave them out of the script."
    } else if before.to_lowercase().contains("from stdin") {
        "The rows of COPY ... FROM STDIN are not SQL; use INSERT, or COPY ... FROM a file on the server."
    } else if origin == Origin::Lint {
        "Correct it there; what cannot be parsed cannot be judged."
    } else {
        "Correct the script and register it again; nothing was stored."
    };
    error.message = format!("{origin}: {}", error.message);
    error.detail = Some(format!("Line {line}, column {column} of the script."));
    error.hint = Some(hint.to_owned());
    Box::new(error.in_statement(text))
}

fn unsupported(origin: Origin<'_>, statement: &Statement, why: Unsupported) -> Report {
    let (what, hint) = match why {
        Unsupported::TransactionControl => (
            "transaction control",
            "Leave BEGIN, COMMIT, ROLLBACK and savepoints out: apply and deploy give each migration its transaction.",
        ),
        Unsupported::CopyThroughClient => (
            "COPY from or to the client",
            "A migration runs in the server and has no client to copy through; use INSERT, or COPY with a file of the server.",
        ),
        Unsupported::DropMigrator => (
            "DROP EXTENSION migrator",
            "Leave it out: a migration cannot drop what runs it. Drop the extension by hand.",
        ),
        Unsupported::Discard => (
            "DISCARD ALL",
            "Leave it out: it would take the locks and settings of the session that runs the migration.",
        ),
    };
    Report::new(code::UNSUPPORTED_STATEMENT, format!("the {origin} holds {what}"))
        .detail(format!("Statement {} at line {}: {}", statement.number, statement.line, statement.summary()))
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(start: usize, end: usize) -> ParsedStatement {
        ParsedStatement {
            start,
            end,
            tag: "SELECT".into(),
            nature: Nature::Transactional,
            content: Content::Other,
            setting: None,
            unkept: None,
        }
    }

    #[test]
    fn statements_are_cut_and_located() {
        let text = "-- first\nSELECT 1;\n\n/* a /* nested */ one\n */ SELECT 2 ;\nSELECT 'ä';";
        let second = text.find(';').unwrap() + 1;
        let third = text.rfind("2 ;").unwrap() + 3;
        let cut = locate(text, vec![parsed(0, second - 1), parsed(second, third - 1), parsed(third, text.len() - 1)]);
        let seen: Vec<_> = cut.iter().map(|s| (s.number, s.line, s.text.as_str())).collect();
        assert_eq!(seen, [(1, 2, "SELECT 1"), (2, 5, "SELECT 2"), (3, 6, "SELECT 'ä'")]);
    }

    #[test]
    fn summaries_fit_a_line() {
        let statement = |text: &str| Statement {
            number: 1,
            line: 1,
            text: text.into(),
            tag: String::new(),
            nature: Nature::Transactional,
            content: Content::Other,
            setting: None,
            unkept: None,
        };
        assert_eq!(statement("SELECT\n   1").summary(), "SELECT 1");
        let long = statement(&"ä ".repeat(100)).summary();
        assert!(long.ends_with("...") && long.chars().count() <= 60);
    }
}
