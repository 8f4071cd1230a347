//! What the guard says of a whole script, before any of it runs.

use serde_json::{Value, json};

use super::script::{Origin, Script};
use crate::error::{Report, Result, SqlState};
use crate::guard::script::{Look, Noted};
use crate::pg::{report, wait};

/// A finding and the statement it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// From 1.
    pub statement: usize,
    /// Line of the script where it begins.
    pub line: usize,
    /// The statement on one line, cut short.
    pub summary: String,
    pub noted: Noted,
}

/// Findings about a script that is not registered. What cannot be part of a migration is an error, as in `register`.
pub fn lint(text: Option<&str>) -> Result<Vec<Found>> {
    findings(&Script::parse(Origin::Lint, text.unwrap_or_default())?, &[], 0)
}

/// Findings about a script, in the order of its statements. `allow` are rules that it may break; of what is `done`, the first
/// so many statements, nothing is to be said any more.
pub fn findings(script: &Script, allow: &[String], done: usize) -> Result<Vec<Found>> {
    let look = Look::begin(script.is_transactional(), allow);
    let mut found = Vec::new();
    for statement in script.statements.iter().skip(done) {
        wait::check_interrupts()?;
        found.extend(look.at(&statement.text)?.into_iter().map(|noted| Found {
            statement: statement.number,
            line: statement.line,
            summary: statement.summary(),
            noted,
        }));
    }
    Ok(found)
}

/// As the ledger keeps them.
pub fn to_json(findings: &[Found]) -> String {
    let each = |f: &Found| {
        let n = &f.noted;
        json!({
            "statement": f.statement, "line": f.line, "rule": n.rule, "class": n.class, "action": n.action,
            "message": n.message, "detail": n.detail, "hint": n.hint, "object": n.object, "column": n.column,
            "sql": f.summary,
        })
    };
    Value::from(findings.iter().map(each).collect::<Vec<_>>()).to_string()
}

/// Warnings shown one by one; of the rest only the number.
const SHOWN: usize = 5;

/// Tells who registers a migration what the guard found in it, in short.
pub fn warn(version: &str, findings: &[Found]) -> Result<()> {
    let told: Vec<&Found> = findings.iter().filter(|f| f.noted.action != "allowed").collect();
    for f in told.iter().take(SHOWN) {
        let outcome = if f.noted.action == "error" { "refused" } else { "warned about" };
        let message = format!(
            "migration \"{version}\", statement {} (line {}): {} [{}]",
            f.statement, f.line, f.noted.message, f.noted.rule
        );
        report::warning(
            &Report::new(SqlState::WARNING, message)
                .detail(format!("As things are it would be {outcome}: {}", f.summary)),
        )?;
    }
    if told.is_empty() {
        return Ok(());
    }
    let more = told.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!("{more} more findings; ") } else { String::new() };
    report::notice(format!(
        "{rest}the safe ways: SELECT statement, rule, hint FROM migrator.findings WHERE version = '{}';",
        version.replace('\'', "''")
    ))
}
