//! The guard: one analysis of a statement (`pg::analysis`), one list of rules, one verdict.

mod policy;
mod rule;
mod rules;
pub mod script;
mod size;
mod work;

pub use size::Size;

use crate::ddl::Ddl;
use crate::error::{Report, Result, SqlState, code};
use crate::pg;
use crate::settings::{self, GuardMode};
use rule::{Action, Finding, Recipe, Rule};

/// A finding, the rule that made it, and what that rule does here.
pub struct Verdict {
    pub rule: &'static Rule,
    pub action: Action,
    pub finding: Finding,
    /// Which command of the statement it is about.
    pub command: usize,
}

/// Whether there is anything to check now.
pub fn is_on() -> bool {
    settings::guard() != GuardMode::Off && !pg::event_trigger::is_restoring()
}

/// What the rules find in a statement, those that are off left out.
pub fn judge(ddl: &Ddl) -> Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for (command, change) in ddl.changes.iter().enumerate() {
        for rule in rules::RULES {
            let Some(finding) = (rule.find)(change, ddl)? else { continue };
            let action = policy::action(rule, &finding)?;
            if action > Action::Off {
                verdicts.push(Verdict { rule, action, finding, command });
            }
        }
    }
    Ok(verdicts)
}

/// Refuses, or warns about, a statement that is about to run.
pub fn check(ddl: &Ddl) -> Result<()> {
    let verdicts = judge(ddl)?;
    let enforcing = settings::guard() == GuardMode::Enforce;
    for verdict in &verdicts {
        if verdict.action == Action::Error && enforcing {
            return Err(Box::new(report(verdict, ddl, &verdicts, code::GUARD)));
        }
    }
    for verdict in &verdicts {
        pg::report::warning(&report(verdict, ddl, &verdicts, SqlState::WARNING))?;
    }
    Ok(())
}

/// A verdict as it is shown.
pub fn report(verdict: &Verdict, ddl: &Ddl, all: &[Verdict], sqlstate: SqlState) -> Report {
    let finding = &verdict.finding;
    Report {
        schema: finding.relation.as_ref().map(|r| r.schema.clone()),
        table: finding.relation.as_ref().map(|r| r.name.clone()),
        column: finding.column.clone(),
        ..Report::new(sqlstate, format!("{} [{}]", finding.message, verdict.rule.id))
            .detail(finding.detail.clone())
            .hint(hint(verdict, ddl, all))
    }
}

/// The recipe of a verdict; where the statement has several commands, the whole statement done safely.
fn hint(verdict: &Verdict, ddl: &Ddl, all: &[Verdict]) -> String {
    let recipe = &verdict.finding.recipe;
    let refused = |command| all.iter().find(|v| v.command == command && v.action == Action::Error);
    if ddl.changes.len() < 2 || verdict.action != Action::Error {
        return written(&recipe.sentence, &recipe.statements);
    }
    let mut statements = Vec::new();
    let mut missing = false;
    for (command, change) in ddl.changes.iter().enumerate() {
        match (refused(command), &change.sql) {
            (Some(other), _) => {
                missing |= other.finding.recipe.statements.is_empty();
                statements.extend(other.finding.recipe.statements.iter().cloned());
            }
            (None, Some(sql)) => statements.push(format!("{sql};")),
            (None, None) => missing = true,
        }
    }
    let sentence = if missing { format!("{} Then the rest:", trimmed(recipe)) } else { recipe.sentence.clone() };
    written(&sentence, &statements)
}

fn trimmed(recipe: &Recipe) -> String {
    recipe.sentence.trim_end_matches(':').to_owned() + "."
}

fn written(sentence: &str, statements: &[String]) -> String {
    std::iter::once(sentence).chain(statements.iter().map(String::as_str)).collect::<Vec<_>>().join("\n")
}
