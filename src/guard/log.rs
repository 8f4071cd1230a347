//! From the start of a statement to its end: what was found, what became of it, and the row of `migrator.ddl_log`.

use std::cell::RefCell;

use super::bound::{self, Bound};
use super::policy::Excuse;
use super::rule::{Action, Class};
use super::{Verdict, backstop};
use crate::catalog::ddl_log::{self, Entry, Object};
use crate::ddl::{Ddl, WorkKind, leading_trivia};
use crate::error::{Error, Report, Result, SqlState, code, fail};
use crate::migration::lock::Current;
use crate::pg::event_trigger::Event;
use crate::pg::transaction_end::{End, current_subtransaction};
use crate::pg::{outbox, report, subtransaction};
use crate::settings::{self, GuardMode};

/// A statement that has begun and not ended.
#[derive(Debug)]
struct Begun {
    /// Which, see [`Event::statement`].
    statement: usize,
    /// Where it was begun: it ends with that subtransaction, should that fail.
    subtransaction: u32,
    commits_on_its_way: bool,
    entry: Entry,
    bound: Option<Bound>,
    /// Tables of which the analysis said that they will be rewritten; the rules had their say about that.
    rewrites: Vec<u32>,
    /// A blocking rule let it through.
    excused: bool,
}

thread_local! {
    /// The statements that run now, the innermost last: functions run DDL within DDL.
    static BEGUN: RefCell<Vec<Begun>> = const { RefCell::new(Vec::new()) };
}

/// What is known about a statement that is let through.
pub fn begin(event: &Event, text: Option<String>, ddl: &Ddl, verdicts: &[Verdict]) {
    let tag = event.tag();
    let commits_on_its_way = event.commits_on_its_way();
    let excused = verdicts.iter().any(|v| v.rule.class == Class::Blocking);
    let work = ddl.changes.iter().flat_map(|change| &change.work);
    let begun = Begun {
        statement: event.statement(),
        subtransaction: current_subtransaction(),
        commits_on_its_way,
        bound: bound::begin(&tag, commits_on_its_way),
        entry: entry(tag, text, verdicts),
        rewrites: work.filter(|w| w.kind == WorkKind::Rewrite).map(|w| w.relation).collect(),
        excused,
    };
    BEGUN.with_borrow_mut(|stack| stack.push(begun));
}

/// Takes a statement from the stack with all that were begun in it and never ended.
fn take(statement: usize) -> Option<Begun> {
    BEGUN.with_borrow_mut(|stack| {
        let position = stack.iter().rposition(|begun| begun.statement == statement)?;
        stack.drain(position..).next()
    })
}

/// A statement has run.
pub fn end(event: &Event) -> Result<()> {
    let begun = take(event.statement());
    if let Some(bound) = begun.as_ref().and_then(|b| b.bound) {
        bound::end(bound);
    }
    let entry = begun.map_or_else(|| unguarded(event), |b| b.entry);
    if !event.commits_on_its_way() {
        return written(ddl_log::ran(&entry));
    }
    // Half of it is committed: an error now would leave that behind.
    let outcome = subtransaction::contained(|| ddl_log::ran(&entry));
    let outcome = outcome.or_else(|error| report::warning(&unwritten(&format!("{}.", error.message))).map(|()| true));
    // Not even a cancel may end it here.
    let _ = written(outcome);
    Ok(())
}

fn written(outcome: Result<bool>) -> Result<()> {
    if outcome? {
        return outbox::flush().or_else(|error| report::warning(&unwritten(&format!("{}.", error.message))));
    }
    report::warning(&unwritten("Another session has locked the table migrator.ddl."))
}

/// The warning of a row that is not in the log, and why.
pub(super) fn unwritten(why: &str) -> Report {
    Report::new(SqlState::WARNING, "a statement could not be written to migrator.ddl_log").detail(why)
}

/// Its start was not seen: that event trigger is disabled.
fn unguarded(event: &Event) -> Entry {
    Entry {
        tag: event.tag(),
        outcome: "ran",
        allowed_by: Some("event trigger migrator_guard is disabled".to_owned()),
        migration: Current::place().map(|place| (place.version, place.statement)),
        ..Entry::default()
    }
}

/// A statement has dropped something.
pub fn dropped(event: &Event) -> Result<()> {
    let objects = if event.commits_on_its_way() {
        subtransaction::contained(ddl_log::dropped).unwrap_or_default()
    } else {
        ddl_log::dropped()?
    };
    BEGUN.with_borrow_mut(|stack| {
        if let Some(begun) = stack.iter_mut().rev().find(|begun| begun.statement == event.statement()) {
            begun.entry.dropped = objects;
        }
    });
    Ok(())
}

/// A statement is refused: a row that survives, and the error to raise.
pub fn refused(tag: String, text: Option<String>, verdicts: &[Verdict], refusal: Report) -> Error {
    let entry = Entry {
        outcome: "refused",
        message: Some(refusal.message.clone()),
        allowed_by: None,
        ..entry(tag, text, verdicts)
    };
    unless_recorded(ddl_log::refused(&entry, &refusal), refusal)
}

/// The server's log has every refusal anyway; it says as well that the other one has not.
fn unless_recorded(recorded: Result<()>, refusal: Report) -> Error {
    match recorded {
        // A cancel comes before a refusal.
        Err(error) if error.sqlstate.is_some_and(|s| s.0.starts_with(b"57")) => error,
        Err(error) => {
            let why = format!("Not in migrator.ddl_log: {}.", error.message);
            Box::new(Report { detail_log: Some(logged(&refusal, &why)), ..refusal })
        }
        Ok(()) => Box::new(refusal),
    }
}

fn logged(refusal: &Report, why: &str) -> String {
    refusal.detail.as_ref().map_or_else(|| why.to_owned(), |detail| format!("{detail} {why}"))
}

/// What Postgres is about to rewrite and nobody foresaw.
pub fn rewrite(event: &Event) -> Result<()> {
    let (relation, reason) = ddl_log::rewritten();
    let known = BEGUN.with_borrow(|stack| {
        let begun = stack.iter().rev().find(|begun| begun.statement == event.statement())?;
        Some((begun.excused || begun.rewrites.contains(&relation), begun.entry.statement.clone()))
    });
    // Without a start nobody is on guard.
    let Some((false, text)) = known else { return Ok(()) };
    let verdicts: Vec<Verdict> = backstop::verdict(relation, reason)?.into_iter().collect();
    let Some(verdict) = verdicts.first() else { return Ok(()) };
    let enforcing = settings::guard() == GuardMode::Enforce;
    let nothing = Ddl::default();
    if enforcing && verdict.action == Action::Error {
        let refusal = super::shown(verdict, &nothing, &verdicts, code::GUARD)?;
        return Err(refused(event.tag(), text, &verdicts, refusal));
    }
    BEGUN.with_borrow_mut(|stack| {
        if let Some(begun) = stack.iter_mut().rev().find(|begun| begun.statement == event.statement()) {
            let Entry { outcome, rules, allowed_by, message, .. } = entry(String::new(), None, &verdicts);
            begun.entry = Entry { outcome, rules, allowed_by, message, ..std::mem::take(&mut begun.entry) };
        }
    });
    super::warn(&verdicts, &nothing)
}

/// Forgets what ended without its end being seen: in an error, or because that event trigger is disabled. Called when the
/// transaction is over, so it looks at nothing but memory of ours.
pub fn transaction_ended(end: End) {
    let keep = |begun: &Begun| match end {
        End::Committed => begun.commits_on_its_way,
        End::Failed => false,
        End::SubtransactionFailed(number) => begun.subtransaction < number,
    };
    if end == End::Failed {
        bound::failed();
    }
    // Never borrowed here: whoever borrows it calls nothing of Postgres's meanwhile.
    BEGUN.with(|stack| stack.try_borrow_mut().map(|mut stack| stack.retain(keep)).ok());
}

/// What the background worker runs that keeps refusals.
pub fn write_refusals(rows: &str) -> Result<()> {
    ddl_log::insert_in_own_session(rows)
}

/// Deletes what is older than `migrator.ddl_log_retention`; how many rows.
pub fn prune_ddl_log() -> Result<i64> {
    ddl_log::prune(i64::MAX)
}

/// Refuses to change the log, except for what its retention deletes.
pub fn ddl_log_is_append_only() -> Result<()> {
    if ddl_log::is_pruning() {
        return Ok(());
    }
    fail(
        Report::new(code::APPEND_ONLY, "migrator.ddl is only added to")
            .detail("It says who changed this database, and how.")
            .hint("Set migrator.ddl_log_retention, then delete what is older: SELECT migrator.prune_ddl_log();"),
    )
}

/// The row of a statement and of what was found in it.
pub(super) fn entry(tag: String, text: Option<String>, verdicts: &[Verdict]) -> Entry {
    let mut rules: Vec<String> = Vec::new();
    for verdict in verdicts {
        if !rules.iter().any(|rule| rule == verdict.rule.id) {
            rules.push(verdict.rule.id.to_owned());
        }
    }
    let mode = settings::guard();
    let excuses: Vec<Excuse> = verdicts.iter().filter_map(|v| excuse(v, mode)).collect();
    let bypasses = |excuse: &Excuse| !matches!(excuse, Excuse::Policy(_));
    let warned = mode != GuardMode::Off && verdicts.iter().any(|v| v.action > Action::Off);
    let mut allowed_by: Vec<String> = excuses.iter().map(Excuse::describe).collect();
    allowed_by.sort();
    allowed_by.dedup();
    Entry {
        tag,
        statement: text.map(|text| text[leading_trivia(&text)..].trim_end().to_owned()),
        outcome: match (excuses.iter().any(bypasses), warned) {
            (true, _) => "bypassed",
            (false, true) => "warned",
            (false, false) => "ran",
        },
        rules,
        allowed_by: (!allowed_by.is_empty()).then(|| allowed_by.join(", ")),
        message: verdicts.first().map(|v| format!("{} [{}]", v.finding.message, v.rule.id)),
        migration: Current::place().map(|place| (place.version, place.statement)),
        dropped: Vec::<Object>::new(),
    }
}

/// What let it through: what the rule was excused by, or that the guard does not enforce.
fn excuse(verdict: &Verdict, mode: GuardMode) -> Option<Excuse> {
    match (mode, verdict.action) {
        (GuardMode::Warn, Action::Error) => Some(Excuse::Warn),
        (GuardMode::Off, Action::Error) => Some(Excuse::Off),
        _ => verdict.excuse.clone(),
    }
}
