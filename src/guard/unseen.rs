//! What reaches no event trigger, where the library is preloaded: TRUNCATE, VACUUM FULL, CLUSTER, LOCK, before 17 REINDEX, and
//! the UPDATE, DELETE and MERGE that clients send. Judged by the same rules, with the same switches, before anything is locked.

use std::cell::Cell;

use super::rule::Action;
use super::rules::{DELETE_WITHOUT_WHERE, MODIFY_MANY_ROWS, UPDATE_WITHOUT_WHERE};
use super::{Verdict, log, moment, shown, unless_in_the_way, warn, weigh};
use crate::catalog::ddl_log;
use crate::catalog::policy::{self, ByHandRules};
use crate::ddl::{ChangeKind, Ddl, Relation};
use crate::error::{Result, code};
use crate::migration::lock::Current;
use crate::pg::executor_hook::{self, Modifying};
use crate::pg::utility_hook::Utility;
use crate::pg::{self, preload, subtransaction, utility_hook, writable};
use crate::settings::{self, GuardMode};

/// Installs the hooks, in a process that has the library from its beginning.
pub fn install_hooks() {
    if preload::note().is_some() {
        utility_hook::install(utility_starts);
        executor_hook::install(rows_change, forget);
    }
}

/// The setting that preloaded the library here, without `_preload_libraries`; `None` when it came with a statement.
pub fn preloaded_by() -> Option<&'static str> {
    preload::preloaded().map(|how| match how {
        preload::Preload::Shared => "shared",
        preload::Preload::Session => "session",
    })
}

/// A statement is about to run that Postgres tells nobody about.
fn utility_starts(statement: &Utility) -> Result<()> {
    // Of a migration it has been judged, see `runs`; what its functions do has not.
    if Current::place().is_some() && statement.is_portals_own() {
        return Ok(());
    }
    decide(statement.text(), || statement.analyse())
}

thread_local! {
    /// What the policies ask about rows that are changed by hand, read once.
    static ASKED: Cell<Option<ByHandRules>> = const { Cell::new(None) };
    /// How often that was forgotten: while it is read it may change.
    static CHANGES: Cell<u32> = const { Cell::new(0) };
}

/// Policies may have changed.
fn forget() {
    ASKED.set(None);
    CHANGES.set(CHANGES.get().wrapping_add(1));
}

/// What the policies ask now. Where it is nothing, no statement is to be judged until that changes.
fn asked() -> Result<ByHandRules> {
    if let Some(asked) = ASKED.get() {
        return Ok(asked);
    }
    let before = CHANGES.get();
    let asked = policy::by_hand(&[UPDATE_WITHOUT_WHERE.id, DELETE_WITHOUT_WHERE.id], MODIFY_MANY_ROWS.id)?;
    if CHANGES.get() == before {
        ASKED.set(Some(asked));
        if asked == ByHandRules::default() {
            executor_hook::rest();
        }
    }
    Ok(asked)
}

/// A client's statement is about to change rows.
fn rows_change(statement: &Modifying) -> Result<()> {
    // Those of migrations are judged by update-unbatched.
    if Current::place().is_some() {
        return Ok(());
    }
    let asked = asked()?;
    let large = asked.from_large.then(settings::large_table_rows);
    let many = asked.from_rows.into_iter().chain(large).min();
    let ddl = statement.describe(asked.without_where, many)?;
    if ddl.changes.is_empty() { Ok(()) } else { decide(statement.text(), || Ok(ddl.clone())) }
}

/// Refuses it, warns about it, or lets it pass; what is let through although a rule is about it goes into the log.
fn decide(text: Option<String>, analyse: impl Fn() -> Result<Ddl>) -> Result<()> {
    let mode = settings::guard();
    let judged = || {
        let mut ddl = analyse()?;
        if mode != GuardMode::Off {
            moment::look(&mut ddl)?;
        }
        let verdicts = weigh(&ddl)?;
        Ok((ddl, verdicts))
    };
    let (ddl, verdicts) = if mode == GuardMode::Off { unless_in_the_way(judged)? } else { judged()? };
    if mode == GuardMode::Enforce
        && let Some(refused) = verdicts.iter().find(|v| v.action == Action::Error)
    {
        let refusal = shown(refused, &ddl, &verdicts, code::GUARD)?;
        return Err(log::refused(ddl.tag.clone(), text, &verdicts, refusal));
    }
    if mode != GuardMode::Off {
        warn(&verdicts, &ddl)?;
    }
    if verdicts.is_empty() || !writable::is_writable() {
        return Ok(());
    }
    keep(text, &ddl, &verdicts, mode)
}

/// Writes the row of the log. It belongs to the statement's transaction; one that commits on its way commits it first.
fn keep(text: Option<String>, ddl: &Ddl, verdicts: &[Verdict], mode: GuardMode) -> Result<()> {
    let entry = log::entry(ddl.tag.clone(), text, verdicts);
    let objects = objects(ddl);
    let write = || ddl_log::ran_about(&entry, &objects);
    let outcome = if mode == GuardMode::Off { subtransaction::contained(write) } else { write() };
    match outcome {
        Err(error) if mode != GuardMode::Off => Err(error),
        Ok(true) => Ok(()),
        Ok(false) => pg::report::warning(&log::unwritten("Another session has locked the table migrator.ddl.")),
        Err(error) => pg::report::warning(&log::unwritten(&format!("{}.", error.message))),
    }
}

/// What it is about, as the log names it.
fn objects(ddl: &Ddl) -> Vec<ddl_log::Object> {
    let mut objects: Vec<ddl_log::Object> = Vec::new();
    for change in &ddl.changes {
        let several: &[Relation] = match &change.kind {
            ChangeKind::Truncate { tables, .. } => tables,
            _ => &[],
        };
        for relation in change.on.iter().chain(several) {
            let kind = match relation.kind {
                'm' => "materialized view",
                'v' => "view",
                'f' => "foreign table",
                _ => "table",
            };
            let object = ddl_log::Object { kind: kind.to_owned(), identity: relation.quoted.clone() };
            if !objects.contains(&object) {
                objects.push(object);
            }
        }
    }
    objects
}
