//! What `apply` and `deploy` would run now, statement by statement, and what each would do. Nothing is run, nothing is
//! written, and no lock is waited for.

use super::queue;
use super::script::Statement;
use super::task::{Direction, Task};
use crate::catalog::ledger::Stored;
use crate::catalog::storage;
use crate::ddl::{ChangeKind, Ddl, Interruption, LockMode, Locked, Nature, Session, WorkKind};
use crate::error::Result;
use crate::guard::script::{Look, Noted};
use crate::guard::{Size, waited_for};
use crate::pg::{relation, wait};
use crate::settings::{self, GuardMode};

/// One statement of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    pub version: String,
    /// From 1.
    pub statement: usize,
    /// Line of the script where it begins.
    pub line: usize,
    /// Postgres's command tag.
    pub kind: String,
    /// Runs in the one transaction of its migration; otherwise it is committed alone.
    pub transactional: bool,
    /// The strongest lock it takes on a relation; `new` when nobody could wait for it, `none` when it takes none, `None`
    /// when it cannot be known.
    pub lock: Option<String>,
    /// The relations it locks, one a line, its subject first; where they are not locked alike, each with its lock.
    pub objects: Option<String>,
    /// What waits for it.
    pub blocks: Option<String>,
    /// Of the tables it is about, with their partitions, now.
    pub rows: Option<u64>,
    pub size: Option<String>,
    /// What it does with the rows.
    pub work: Option<String>,
    /// `refused`, `warning`, `allowed` or `ok`.
    pub verdict: &'static str,
    /// Who would be waited for, were it run now.
    pub waits_for: Option<String>,
    pub rules: Option<String>,
    pub message: Option<String>,
    /// The safe way.
    pub hint: Option<String>,
    /// The statement on one line, cut short.
    pub sql: String,
}

/// The plan of what is pending up to `target`.
pub fn plan(target: Option<&str>) -> Result<Vec<Step>> {
    let pending = queue::pending(target)?;
    let tasks = pending.into_iter().map(|m| Task::new(m, Direction::Up)).collect::<Result<Vec<_>>>()?;
    let mut look = Look::ahead();
    let mut steps = Vec::new();
    // Once something has run that may have made anything, what does not exist yet is no surprise.
    let mut unknown = false;
    for task in &tasks {
        let migration = &task.migration;
        let transactional = task.runs_in_one_transaction();
        look.turn_to(transactional, migration.allow.as_deref().unwrap_or_default());
        for statement in &task.script.statements {
            wait::check_interrupts()?;
            if statement.number <= task.done() {
                look.skip(&statement.text)?;
                continue;
            }
            let (ddl, found) = look.facts(&statement.text, waits_for_snapshots(statement))?;
            let mut step = step(statement, &ddl, &found)?;
            unknown |= ddl.locks.is_none();
            if !unknown {
                tell_missing(&mut step, ddl.locks.as_deref().unwrap_or_default());
            }
            step.version.clone_from(&migration.version);
            step.transactional = transactional;
            settle(&mut step, migration);
            steps.push(step);
        }
    }
    Ok(steps)
}

/// CONCURRENTLY, of an index.
fn waits_for_snapshots(statement: &Statement) -> bool {
    use Interruption::{ConcurrentDrop, ConcurrentIndex, ConcurrentReindex};
    matches!(statement.nature, Nature::TopLevel(ConcurrentIndex { .. } | ConcurrentDrop { .. } | ConcurrentReindex))
}

/// The plan of one statement.
fn step(statement: &Statement, ddl: &Ddl, found: &[Noted]) -> Result<Step> {
    let locks = ddl.locks.as_deref();
    let strongest = locks.and_then(strongest);
    let (rows, size) = size(locks.unwrap_or_default())?;
    let list = |items: Vec<String>, separator: &str| (!items.is_empty()).then(|| items.join(separator));
    Ok(Step {
        statement: statement.number,
        line: statement.line,
        kind: statement.tag.clone(),
        lock: locks.and_then(|locks| name_of(locks, strongest)).map(str::to_owned),
        objects: list(objects(locks.unwrap_or_default()), "\n"),
        blocks: locks.filter(|l| name_of(l, strongest).is_some()).map(|l| blocks(l, strongest).to_owned()),
        rows,
        size,
        work: work(statement, ddl),
        verdict: verdict(found, settings::guard()),
        waits_for: waits_for(&waited_for(ddl)?),
        rules: list(distinct(found.iter().map(|f| f.rule.to_owned())), ", "),
        message: list(distinct(found.iter().map(|f| format!("{} [{}]", f.message, f.rule))), "\n"),
        hint: list(hints(found), "\n\n"),
        sql: statement.summary(),
        ..Step::default()
    })
}

/// What Postgres would not find.
fn tell_missing(step: &mut Step, locks: &[Locked]) {
    let missing =
        locks.iter().filter(|lock| lock.missing).map(|lock| format!("relation {} does not exist yet", lock.quoted));
    let missing: Vec<String> = missing.collect();
    if missing.is_empty() {
        return;
    }
    if step.verdict == "ok" {
        step.verdict = "warning";
    }
    step.message = Some(missing.into_iter().chain(step.message.take()).collect::<Vec<_>>().join("\n"));
}

fn strongest(locks: &[Locked]) -> Option<LockMode> {
    locks.iter().filter_map(|lock| lock.mode).max()
}

fn name_of(locks: &[Locked], strongest: Option<LockMode>) -> Option<&'static str> {
    match strongest {
        Some(mode) => Some(mode.name()),
        None if locks.is_empty() => Some("none"),
        None => (!locks.iter().all(|lock| lock.missing)).then_some("new"),
    }
}

/// In plain words. Of sequences only `nextval` asks for a lock.
fn blocks(locks: &[Locked], strongest: Option<LockMode>) -> &'static str {
    let Some(mode) = strongest else { return "nobody" };
    let mut held = locks.iter().filter(|lock| lock.mode == strongest);
    if mode.blocks_writes() && held.all(|lock| lock.relation.is_some_and(relation::is_sequence)) {
        return "nextval()";
    }
    mode.blocks()
}

/// So many relations are named.
const NAMED: usize = 12;

/// Where they are not locked alike, each with its lock; a new one is never locked.
fn objects(locks: &[Locked]) -> Vec<String> {
    let mut modes = locks.iter().filter_map(|lock| lock.mode);
    let first = modes.next();
    let alike = modes.all(|mode| Some(mode) == first);
    let each = |lock: &Locked| match lock.mode {
        _ if lock.missing => format!("{}: missing", lock.quoted),
        Some(_) if alike => lock.quoted.clone(),
        None if first.is_none() => lock.quoted.clone(),
        Some(mode) => format!("{}: {}", lock.quoted, mode.name()),
        None => format!("{}: new", lock.quoted),
    };
    let mut named: Vec<String> = locks.iter().take(NAMED).map(each).collect();
    if locks.len() > NAMED {
        named.push(format!("and {} more", locks.len() - NAMED));
    }
    named
}

/// Rows and size of the tables that it is about, with their partitions; of none when they are views, new, or unknown.
fn size(locks: &[Locked]) -> Result<(Option<u64>, Option<String>)> {
    let counted: Vec<&Vec<u32>> = locks.iter().filter_map(|lock| lock.tables.as_ref()).collect();
    if counted.is_empty() {
        return Ok((None, None));
    }
    let mut tables: Vec<u32> = counted.into_iter().flatten().copied().collect();
    tables.sort_unstable();
    tables.dedup();
    let size = Size::of(&tables)?;
    Ok((Some(size.rows), Some(storage::pretty(size.bytes)?)))
}

/// What is done with rows that exist, the heaviest first; `None` where nobody can know.
fn work(statement: &Statement, ddl: &Ddl) -> Option<String> {
    let mut kinds: Vec<WorkKind> = ddl.changes.iter().flat_map(|c| &c.work).map(|work| work.kind).collect();
    for change in &ddl.changes {
        match &change.kind {
            ChangeKind::Modify(modification) => {
                return Some(match modification.rows {
                    None => "changes all rows".to_owned(),
                    Some(1) => "changes about 1 row".to_owned(),
                    Some(rows) => format!("changes about {rows} rows"),
                });
            }
            // Postgres refuses it before any work.
            ChangeKind::CreateIndexConcurrently { .. } if change.on.as_ref().is_some_and(|on| on.partitioned) => {}
            ChangeKind::CreateIndexConcurrently { .. } | ChangeKind::Reindex { concurrently: true, .. } => {
                kinds.push(WorkKind::Build);
            }
            // Nobody waits for a build that only readers could wait for, but it is work.
            ChangeKind::CreateIndex(_) if change.on.as_ref().is_some_and(|on| on.kind == 'm') => {
                kinds.push(WorkKind::Build);
            }
            _ => {}
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    let names: Vec<&str> = kinds.into_iter().rev().map(WorkKind::name).collect();
    match (names.is_empty(), statement.tag.as_str()) {
        (false, _) => Some(names.join(", ")),
        (true, "VACUUM" | "ANALYZE") => Some(WorkKind::Scan.name().to_owned()),
        (true, "CALL") if ddl.locks.is_some() => Some("batches of rows".to_owned()),
        // Queries, and what may do anything.
        _ if lacks(ddl) => None,
        (true, "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "SELECT" | "COPY") => None,
        (true, _) => ddl.locks.is_some().then(|| "none".to_owned()),
    }
}

/// Postgres would find nothing to work on.
fn lacks(ddl: &Ddl) -> bool {
    ddl.locks.as_deref().is_some_and(|locks| !locks.is_empty() && locks.iter().all(|lock| lock.missing))
}

/// What would become of it.
fn verdict(found: &[Noted], guard: GuardMode) -> &'static str {
    let any = |action: &str| found.iter().any(|f| f.action == action);
    match guard {
        GuardMode::Enforce if any("error") => "refused",
        GuardMode::Off if any("error") || any("warning") => "allowed",
        _ if any("error") || any("warning") => "warning",
        _ if any("allowed") => "allowed",
        _ => "ok",
    }
}

/// The safe ways, those of what is refused first; where something is refused, no other.
fn hints(found: &[Noted]) -> Vec<String> {
    let refused = found.iter().any(|f| f.action == "error");
    let of = |f: &&Noted| f.action != "allowed" && (!refused || f.action == "error");
    distinct(found.iter().filter(of).filter_map(|f| f.hint.clone()))
}

/// Without repetitions.
fn distinct(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}

/// `process 4711 (role "app", psql) for 0:05:12: SELECT ...`, one a line, the longest transaction first.
pub(super) fn waits_for(sessions: &[&Session]) -> Option<String> {
    const SHOWN: usize = 3;
    let each = |s: &&Session| format!("{} for {}{}", s.name(), s.age(), s.doing());
    let mut lines: Vec<String> = sessions.iter().take(SHOWN).map(each).collect();
    if sessions.len() > SHOWN {
        lines.push(format!("and {} more", sessions.len() - SHOWN));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Of a statement that was begun and not seen to end: what the next run does about it first.
fn settle(step: &mut Step, migration: &Stored) {
    let Some(begun) = migration.begun.as_ref().filter(|begun| begun.number == step.statement) else { return };
    let nature =
        crate::pg::parse::parse(&begun.text).ok().and_then(|parsed| parsed.into_iter().next()).map(|p| p.nature);
    let unknown = match nature {
        Some(Nature::TopLevel(Interruption::AllOrNothing | Interruption::Unknowable)) => true,
        Some(Nature::TopLevel(Interruption::ConcurrentDetach { .. })) => begun.place.is_none(),
        _ => false,
    };
    let message = if unknown {
        let version = super::quoted(&migration.version);
        step.verdict = "refused";
        step.hint = Some(format!(
            "Look, then say which:\n\
             SELECT migrator.resolve({version}, 'applied', 'it took effect');\n\
             SELECT migrator.resolve({version}, 'pending', 'it did not; run it again');"
        ));
        "it was begun and did not end: the migration is in doubt"
    } else {
        "it was begun and did not end: the next run looks in the catalogue what became of it"
    };
    step.message = Some(step.message.take().map_or_else(|| message.to_owned(), |more| format!("{message}\n{more}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(quoted: &str, mode: Option<LockMode>) -> Locked {
        Locked { quoted: quoted.into(), mode, subject: true, ..Locked::default() }
    }

    fn noted(action: &'static str) -> Noted {
        Noted {
            rule: "r",
            class: "live",
            action,
            message: "m".into(),
            detail: None,
            hint: Some(format!("do {action}")),
            object: None,
            column: None,
        }
    }

    #[test]
    fn the_strongest_lock_stands_alone_and_weaker_ones_behind_their_object() {
        let locks = [
            locked("s.a", Some(LockMode::AccessExclusive)),
            locked("s.b", Some(LockMode::ShareRowExclusive)),
            locked("s.c", None),
        ];
        let strongest = strongest(&locks);
        assert_eq!(name_of(&locks, strongest), Some("ACCESS EXCLUSIVE"));
        assert_eq!(objects(&locks), ["s.a: ACCESS EXCLUSIVE", "s.b: SHARE ROW EXCLUSIVE", "s.c: new"]);
        assert_eq!(
            (objects(&locks[..1]), objects(&locks[1..])),
            (vec!["s.a".into()], vec!["s.b".into(), "s.c: new".into()])
        );
        let missing = [Locked { missing: true, ..locked("s.d", None) }];
        assert_eq!((name_of(&missing, None), objects(&missing).join("")), (None, "s.d: missing".into()));
        assert_eq!(name_of(&[], None), Some("none"));
        assert_eq!((name_of(&locks[2..], None), objects(&locks[2..]).join("")), (Some("new"), "s.c".into()));
        let many: Vec<Locked> = (0..20).map(|i| locked(&format!("s.t{i}"), None)).collect();
        assert_eq!(objects(&many).last().map(String::as_str), Some("and 8 more"));
    }

    #[test]
    fn verdicts_are_those_of_the_guard_as_it_is_set() {
        let found = [noted("warning"), noted("error")];
        assert_eq!(verdict(&found, GuardMode::Enforce), "refused");
        assert_eq!(verdict(&found, GuardMode::Warn), "warning");
        assert_eq!(verdict(&found, GuardMode::Off), "allowed");
        assert_eq!(verdict(&[noted("allowed")], GuardMode::Enforce), "allowed");
        assert_eq!(verdict(&[], GuardMode::Enforce), "ok");
        assert_eq!(hints(&found), ["do error"]);
    }
}
