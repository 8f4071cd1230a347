//! The guard: one analysis of a statement (`pg::analysis`), one list of rules, one verdict.

mod attach;
mod backstop;
mod bound;
mod by_hand;
mod compatibility;
mod log;
mod moment;
mod needs;
#[cfg(test)]
mod pages;
pub mod policy;
mod recipes;
mod rule;
mod rules;
pub mod script;
mod size;
mod swap_recipe;
mod type_recipe;
mod unseen;
mod weight;
mod work;

pub use log::{ddl_log_is_append_only, prune_ddl_log, transaction_ended, write_refusals};
pub use moment::waited_for;
pub use size::Size;
pub use unseen::{install_hooks, preloaded_by};

use crate::ddl::{ChangeKind, Ddl};
use crate::error::{Report, Result, SqlState, code};
use crate::pg::event_trigger::{self, Event};
use crate::pg::{self, subtransaction};
use crate::settings::{self, GuardMode};
use policy::{Excuse, Judging};
use rule::{Action, Finding, Recipe, Rule};

/// A finding, the rule that made it, and what that rule does here.
pub struct Verdict {
    pub rule: &'static Rule,
    pub action: Action,
    /// Why it does no more than that, where it otherwise would.
    pub excuse: Option<Excuse>,
    pub finding: Finding,
    /// Which command of the statement it is about.
    pub command: usize,
}

/// What the rules find in a statement, those that are off or allowed left out.
pub fn judge(ddl: &Ddl) -> Result<Vec<Verdict>> {
    let mut verdicts = weigh(ddl)?;
    verdicts.retain(|verdict| verdict.action > Action::Off);
    Ok(verdicts)
}

/// The same with what something excused: a policy, or an override.
fn weigh(ddl: &Ddl) -> Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    if ddl.changes.is_empty() {
        return Ok(verdicts);
    }
    let judging = Judging::begin();
    for (command, change) in ddl.changes.iter().enumerate() {
        judging.look_at(change.on.as_ref());
        for rule in rules::RULES.iter().filter(|rule| judging.ask(rule)) {
            let Some(finding) = (rule.find)(change, ddl)? else { continue };
            judging.look_at(finding.relation.as_ref());
            let (action, excuse) = policy::weigh(rule, &finding)?;
            judging.look_at(change.on.as_ref());
            if action > Action::Off || excuse.is_some() {
                verdicts.push(Verdict { rule, action, excuse, finding, command });
            }
        }
    }
    Ok(verdicts)
}

/// A statement is about to run: refuses it, warns about it, or notes what is known of it.
pub fn starts(event: &Event) -> Result<()> {
    if event_trigger::is_restoring() {
        return Ok(());
    }
    let text = event.text();
    let mode = settings::guard();
    let (ddl, verdicts) = if mode == GuardMode::Off { observed(event)? } else { judged(event)? };
    if mode == GuardMode::Enforce
        && let Some(refused) = verdicts.iter().find(|v| v.action == Action::Error)
    {
        let refusal = shown(refused, &ddl, &verdicts, code::GUARD)?;
        return Err(log::refused(event.tag(), text, &verdicts, refusal));
    }
    if mode != GuardMode::Off {
        warn(&verdicts, &ddl)?;
    }
    log::begin(event, text, &ddl, &verdicts);
    Ok(())
}

/// A statement of a migration is about to run for which Postgres fires no event (UPDATE, TRUNCATE, VACUUM FULL and the
/// like): refuses it, or warns about it.
pub fn runs(text: &str) -> Result<()> {
    let mode = settings::guard();
    if mode == GuardMode::Off || event_trigger::is_restoring() {
        return Ok(());
    }
    let Some(mut ddl) = pg::analysis::script::unseen(text)? else { return Ok(()) };
    moment::look(&mut ddl)?;
    let verdicts = weigh(&ddl)?;
    if mode == GuardMode::Enforce
        && let Some(refused) = verdicts.iter().find(|v| v.action == Action::Error)
    {
        let refusal = shown(refused, &ddl, &verdicts, code::GUARD)?;
        return Err(log::refused(ddl.tag.clone(), Some(text.to_owned()), &verdicts, refusal));
    }
    warn(&verdicts, &ddl)
}

/// Whether an error is a refusal because of what others are doing now, so that trying again later may help.
pub fn may_pass(error: &Report) -> bool {
    let by = |rule: &&Rule| error.message.ends_with(&format!("[{}]", rule.id));
    error.sqlstate == Some(code::GUARD) && rules::PASSING.iter().any(by)
}

fn judged(event: &Event) -> Result<(Ddl, Vec<Verdict>)> {
    let mut ddl = event.analyse()?;
    if settings::guard() != GuardMode::Off {
        moment::look(&mut ddl)?;
    }
    let verdicts = weigh(&ddl)?;
    Ok((ddl, verdicts))
}

/// The same where nothing is to be refused.
fn observed(event: &Event) -> Result<(Ddl, Vec<Verdict>)> {
    unless_in_the_way(|| judged(event))
}

/// Where nothing is to be refused, a failure of ours is not to be in the way either.
fn unless_in_the_way<T: Default>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    match subtransaction::contained(work) {
        // Somebody wants the statement to end.
        Err(error) if error.sqlstate.is_some_and(|state| state.0.starts_with(b"57")) => Err(error),
        outcome => Ok(outcome.unwrap_or_default()),
    }
}

/// Postgres is about to rewrite a table.
pub fn rewrites(event: &Event) -> Result<()> {
    if event_trigger::is_restoring() { Ok(()) } else { log::rewrite(event) }
}

/// A statement has dropped something.
pub fn drops(event: &Event) -> Result<()> {
    if event_trigger::is_restoring() { Ok(()) } else { log::dropped(event) }
}

/// A statement has run.
pub fn ends(event: &Event) -> Result<()> {
    if event_trigger::is_restoring() { Ok(()) } else { log::end(event) }
}

/// Warns about what is not refused.
fn warn(verdicts: &[Verdict], ddl: &Ddl) -> Result<()> {
    for verdict in verdicts.iter().filter(|v| v.action > Action::Off) {
        pg::report::warning(&shown(verdict, ddl, verdicts, SqlState::WARNING)?)?;
    }
    Ok(())
}

/// A verdict as it is shown to the session whose statement it is about.
fn shown(verdict: &Verdict, ddl: &Ddl, all: &[Verdict], sqlstate: SqlState) -> Result<Report> {
    let mut report = report(verdict, ddl, all, sqlstate);
    report.hint = report.hint.map(needs::told).transpose()?;
    Ok(report)
}

/// The same where others may type what its hint says: of a script.
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
    let refused = |command| all.iter().find(|v| v.command == command && v.action == Action::Error);
    // A transaction that allows the rule has to allow the others that refuse the command.
    let refusing = |command| -> Vec<&str> {
        all.iter().filter(|v| v.command == command && v.action == Action::Error).map(|v| v.rule.id).collect()
    };
    let recipe = &verdict.finding.recipe.also_allowing(&refusing(verdict.command));
    if ddl.changes.len() < 2 || verdict.action != Action::Error {
        return written(&recipe.sentence, &recipe.statements);
    }
    let mut statements = Vec::new();
    let mut unsaid = false;
    let mut said: Vec<&Recipe> = Vec::new();
    for command in in_order(ddl) {
        let change = &ddl.changes[command];
        match (refused(command), &change.sql) {
            // Commands that are done together have one recipe.
            (Some(other), _) if said.contains(&&other.finding.recipe) => {}
            (Some(other), _) => {
                said.push(&other.finding.recipe);
                unsaid |= command != verdict.command && other.finding.recipe.statements.is_empty();
                // The sentence above is another one's.
                if other.finding.recipe.is_window() && !recipe.is_window() {
                    statements.push("-- In a maintenance window:".to_owned());
                }
                statements.extend(other.finding.recipe.also_allowing(&refusing(command)).statements);
            }
            (None, Some(sql)) => statements.push(format!("{sql};")),
            (None, None) => unsaid = true,
        }
    }
    let own_way = refused(verdict.command).is_some_and(|own| !own.finding.recipe.statements.is_empty());
    let sentence = if own_way || statements.is_empty() {
        recipe.sentence.clone()
    } else {
        format!("{} Then the rest:", trimmed(recipe))
    };
    if unsaid && !statements.is_empty() {
        statements.push("-- Then what else the statement does.".to_owned());
    }
    written(&sentence, &statements)
}

/// The commands in the order to type them: as written, but as Postgres does when a type changes. What is dropped is not in
/// the way, and what is added is for the new type.
fn in_order(ddl: &Ddl) -> Vec<usize> {
    let is_retyping = ddl.changes.iter().any(|c| matches!(c.kind, ChangeKind::AlterType { .. }));
    let drops = |kind: &ChangeKind| {
        use ChangeKind::{DropColumn, DropConstraint, DropExpression, DropIdentity, SetDefault};
        matches!(
            kind,
            DropColumn { .. }
                | DropConstraint { .. }
                | DropExpression { .. }
                | DropIdentity { .. }
                | SetDefault { default: None, .. }
        )
    };
    let mut order: Vec<usize> = (0..ddl.changes.len()).collect();
    if is_retyping {
        order.sort_by_key(|command| match &ddl.changes[*command].kind {
            kind if drops(kind) => 0,
            ChangeKind::AlterType { .. } => 1,
            _ => 2,
        });
    }
    order
}

fn trimmed(recipe: &Recipe) -> String {
    recipe.sentence.trim_end_matches([':', '.']).to_owned() + "."
}

fn written(sentence: &str, statements: &[String]) -> String {
    std::iter::once(sentence).chain(statements.iter().map(String::as_str)).collect::<Vec<_>>().join("\n")
}
