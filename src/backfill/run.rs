//! A run from its beginning to its end, as the session sees it that leads it.
//!
//! Walk what is there, then sweep up what is left, until a look at the whole table under one snapshot finds nothing. Each
//! batch commits with how far its range has come, so whoever runs the same work again goes on where it was.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::batch::QUERY_CANCELED;
use super::choice::{self, Choice};
use super::crew::{self, Crew};
use super::hold::Hold;
use super::process::{self, Process, RUN_CLASS, Step, is_due};
use super::progress::Voice;
use super::request::{self, Request, Work};
use super::sweep::{self, End};
use crate::catalog::backfill::run::{self as catalog, Run};
use crate::catalog::backfill::target::any_temporary;
use crate::catalog::backfill::{Unit, control, errors, range, statement, unit};
use crate::catalog::{locks, roles};
use crate::error::{Report, Result, SqlState, code, fail};
use crate::migration::caller;
use crate::migration::lock::Current;
use crate::pg::relation::inheritors;
use crate::pg::session_lock::{Key, SessionLock, is_free};
use crate::pg::statement_timer::Suspended;
use crate::pg::{report, session_worker, transaction, wait};

/// Walks after which rows that keep appearing are somebody else's doing.
const MOST_WALKS: u32 = 5;
/// How often the time a run has taken is stored.
const TICK: Duration = Duration::from_secs(1);
/// The C symbol of the entry of a leader in the background.
const ENTRY: &str = "migrator_backfill_leader";

/// Runs a backfill to its end. The caller has checked that this is a direct top-level CALL.
pub fn run(request: &Request) -> Result<()> {
    let work = request::check(request)?;
    transaction::commit()?;
    let (mut run, resumed) = match begin(&work, "running") {
        // Somebody was quicker: his run can be seen now.
        Err(error) if error.sqlstate == Some(code::BUSY) => {
            transaction::restart()?;
            begin(&work, "running")?
        }
        begun => begun?,
    };
    if let Some(place) = Current::place() {
        catalog::adopt(run.id, &place.version, &place.checksum, place.statement)?;
    }
    let _lock = lock(&run)?;
    transaction::commit()?;
    if resumed {
        report::notice(format!("going on with backfill {} of {}", run.id, work.target))?;
    }
    run.target = work.target;
    lead(run, &work.choice)
}

/// Stores a run, to be begun by a worker when this transaction commits. Returns its number.
pub fn start(request: &Request) -> Result<u32> {
    let work = request::check(request)?;
    may_hand_over(work.relation, &work.target)?;
    let (run, resumed) = begin(&work, "scheduled")?;
    let key = Key { class: RUN_CLASS, object: run.id };
    if resumed && !is_free(key) {
        return fail(busy(&run)?);
    }
    start_again(&run)?;
    Ok(run.id)
}

/// Has a worker go on with a run when this transaction commits.
pub fn start_again(run: &Run) -> Result<()> {
    may_hand_over(run.relation, &run.target)?;
    catalog::scheduled(run.id)?;
    let handed = json!({ "run": run.id, "caller": caller::describe()? });
    session_worker::start(crew::BACKEND_TYPE, ENTRY, &handed.to_string())
}

/// The background leader's side. After a rollback the run is not scheduled, and there is nothing to do.
pub fn run_started(handed: &str) -> Result<()> {
    let handed: Value = serde_json::from_str(handed).unwrap_or_default();
    let Some(id) = handed["run"].as_u64().and_then(|n| u32::try_from(n).ok()) else {
        return fail(Report::new(SqlState::INTERNAL_ERROR, "what a background worker was handed cannot be read"));
    };
    if catalog::open(id)?.is_none_or(|run| run.state != "scheduled") {
        return Ok(());
    }
    let outcome = caller::become_like(&handed["caller"]).and_then(|()| go_on(id));
    let Err(error) = outcome else { return Ok(()) };
    // While it led, it has stored its error already; and when another session runs it by now, that is no error of the run.
    if error.sqlstate != Some(code::BUSY) {
        transaction::restart()?;
        catalog::never_began(id, &error)?;
        transaction::commit()?;
    }
    Err(error)
}

fn go_on(id: u32) -> Result<()> {
    let Some(mut run) = catalog::open(id)? else { return Ok(()) };
    let _lock = lock(&run)?;
    transaction::commit()?;
    // The tables may have changed since it was stored.
    let request = Request {
        relation: Some(run.relation),
        set_clause: Some(run.clauses.set.clone()),
        where_clause: run.clauses.condition.clone(),
        walk: Some(run.walk.name().to_owned()),
        ..Request::default()
    };
    let work = request::check(&request)?;
    run.target = work.target;
    lead(run, &work.choice)
}

/// The unfinished run of the same work, or a new one; and whether it is an old one.
fn begin(work: &Work, state: &str) -> Result<(Run, bool)> {
    if let Some(run) = catalog::unfinished(work.relation, &work.clauses)? {
        // What another role has set, his own conditions among it, is not run with the rights of this one.
        control::give(run.id, &work.settings.to_json())?;
        if control::read(run.id)?.is_some_and(|c| c.wish == "cancel") {
            control::wish(run.id, "run")?;
        }
        return Ok((run, true));
    }
    let mut run = Run {
        id: 0,
        relation: work.relation,
        target: work.target.clone(),
        clauses: work.clauses.clone(),
        walk: work.choice.walk,
        state: state.to_owned(),
        pass: 1,
        rows_estimate: work.choice.rows,
        started_by: String::new(),
    };
    run.id = catalog::create(&run, &work.settings.to_json()).map_err(|error| match error.sqlstate {
        Some(SqlState(state)) if state == *b"23505" => Box::new(twice(work)),
        _ => error,
    })?;
    walk_anew(&run, &work.choice.units)?;
    Ok((run, false))
}

/// Another session has begun the same work in this instant.
fn twice(work: &Work) -> Report {
    Report::new(code::BUSY, format!("a backfill of {} with the same clauses has just been begun", work.target))
        .detail("Another session called it at the same time.")
        .hint("Watch it: SELECT * FROM migrator.backfills;")
}

/// Records where each table ends now.
fn walk_anew(run: &Run, units: &[Unit]) -> Result<()> {
    let mut bounded = Vec::with_capacity(units.len());
    for unit in units {
        bounded.push((unit.clone(), statement::highest(unit)?));
    }
    unit::begin_walk(run.id, &bounded)
}

/// "Running" is true exactly while somebody holds this. A worker that looks whether it is free holds it for an instant.
fn lock(run: &Run) -> Result<SessionLock> {
    let key = Key { class: RUN_CLASS, object: run.id };
    for _ in 0..20 {
        if let Some(lock) = SessionLock::try_acquire(key) {
            return Ok(lock);
        }
        if locks::holder(key)?.is_some() {
            break;
        }
        wait::sleep(Duration::from_millis(5))?;
    }
    fail(busy(run)?)
}

fn busy(run: &Run) -> Result<Report> {
    let found = locks::holder(Key { class: RUN_CLASS, object: run.id })?
        .map_or_else(|| "Its session just ended.".to_owned(), |h| format!("It is run by {}.", h.name()));
    if let Some(control) = control::read(run.id)?.filter(|c| c.wish == "pause") {
        return Ok(Report::new(code::BUSY, format!("backfill {} of {} is paused", run.id, run.target))
            .detail(format!("Paused by {}. {found}", control.by))
            .hint(format!("SELECT migrator.resume_backfill({});", run.id)));
    }
    Ok(Report::new(code::BUSY, format!("backfill {} of {} is running already", run.id, run.target))
        .detail(found)
        .hint("Watch it: SELECT * FROM migrator.backfills;"))
}

/// A worker becomes what the caller's session may become.
fn may_hand_over(relation: u32, target: &str) -> Result<()> {
    let tree: Vec<u32> = inheritors(relation.into())?.into_iter().map(|o| o.to_u32()).collect();
    if any_temporary(&tree)? {
        return fail(
            Report::new(
                code::BACKFILL_TARGET,
                format!("a backfill of {target} cannot be handed to a background worker"),
            )
            .detail("No other process can read a temporary table.")
            .hint("CALL migrator.backfill(...) in this session."),
        );
    }
    if roles::can_become_current()? {
        return Ok(());
    }
    let (session_role, role) = roles::session_and_current()?;
    fail(
        Report::new(code::BACKFILL_TARGET, format!("a backfill of {target} cannot be handed to a background worker"))
            .detail(format!(
                "It would run as role \"{role}\", which \"{session_role}\" is only inside a SECURITY DEFINER function."
            ))
            .hint("CALL migrator.backfill(...) as a role that may."),
    )
}

/// Leads a run whose lock is held, and stores how it ended.
fn lead(mut run: Run, choice: &Choice) -> Result<()> {
    let _suspended = Suspended::begin();
    let outcome = prepare(&mut run, choice)
        .and_then(|(units, generation)| Leader::new(&run, units, generation)?.finish(&choice.units));
    let Err(error) = outcome else { return Ok(()) };
    transaction::restart()?;
    if error.sqlstate == Some(QUERY_CANCELED) {
        catalog::interrupted(run.id, &error.message)?;
    } else {
        catalog::stop(run.id, &error, error.sqlstate == Some(code::BACKFILL_CANCELLED))?;
    }
    transaction::commit()?;
    Err(error)
}

/// The tables as they were stored, or, when they or their keys are others now, a new walk; and the generation of its
/// processes.
fn prepare(run: &mut Run, choice: &Choice) -> Result<(Vec<Unit>, u32)> {
    let stored = unit::all(run.id)?;
    let mut units = choice::restore(run.relation, &stored)?;
    if !choice::is_as_stored(&choice.units, &stored) {
        if run.clauses.condition.is_none() {
            return fail(
                Report::new(code::BACKFILL_TARGET, format!("backfill {} of {} cannot go on", run.id, run.target))
                    .detail("Its key or its partitions have changed since it began, and no where_clause tells which rows are done.")
                    .hint("Give a where_clause that is false for the rows that are done."),
            );
        }
        run.walk = choice.walk;
        units.clone_from(&choice.units);
        walk_anew(run, &units)?;
    }
    let generation = catalog::running(run)?;
    transaction::commit()?;
    Ok((units, generation))
}

/// The session that leads.
struct Leader<'a> {
    run: &'a Run,
    process: Process<'a>,
    crew: Crew,
    voice: Voice,
    clock: Clock,
}

/// What is done now and then between two batches.
struct Clock {
    tick: Instant,
    since: Instant,
}

impl Clock {
    /// Stores the time since it was stored last, of which it was held so long.
    fn store(&mut self, run: u32, held: Duration) -> Result<()> {
        let elapsed = self.since.elapsed();
        self.since = Instant::now();
        let held = held.min(elapsed);
        catalog::add_seconds(run, (elapsed - held).as_secs_f64(), held.as_secs_f64())
    }
}

impl<'a> Leader<'a> {
    fn new(run: &'a Run, units: Vec<Unit>, generation: u32) -> Result<Self> {
        let tables = process::watched(run, &units);
        let hold = Hold::new(run.id, &run.target, tables.clone(), None);
        let voice = Voice::new(run)?;
        transaction::commit()?;
        let now = Instant::now();
        let process = Process::new(run, units, hold)?;
        let crew = Crew::new(run.id, generation, any_temporary(&tables)?);
        transaction::commit()?;
        Ok(Self { run, process, crew, voice, clock: Clock { tick: now, since: now } })
    }

    fn finish(&mut self, fresh: &[Unit]) -> Result<()> {
        // The walks of this call; an earlier one may have ended with rows that kept appearing.
        let (mut pass, mut walks) = (self.run.pass, 1);
        loop {
            self.walk()?;
            let end = self.settle()?;
            if end == End::Clean {
                break;
            }
            pass += 1;
            walks += 1;
            if walks > MOST_WALKS {
                return fail(endless(self.run));
            }
            let units = with_newcomers(self.run, fresh)?;
            walk_anew(self.run, &units)?;
            let generation = catalog::running(&Run { pass, ..self.run.clone() })?;
            transaction::commit()?;
            self.process.units = units;
            self.crew.renew(generation);
        }
        let held = self.process.hold.take_held();
        self.clock.store(self.run.id, held)?;
        catalog::finish(self.run.id)?;
        transaction::commit()?;
        // It is done and committed; a cancel that strikes now must not make a failure of it.
        let _ = self.voice.done();
        Ok(())
    }

    /// Until every range is done, by whomever.
    fn walk(&mut self) -> Result<()> {
        loop {
            let Self { process, crew, voice, clock, run } = self;
            // Before the first batch: it may be paused already, and then needs no workers.
            process.hold.go_on(&mut |hold: &mut Hold| beat(run.id, hold, crew, voice, clock))?;
            crew.fill(process.hold.settings().workers)?;
            transaction::commit()?;
            if process.work(&mut |hold: &mut Hold| beat(run.id, hold, crew, voice, clock))? != Step::NothingToClaim {
                continue;
            }
            if range::open(self.run.id)?.is_empty() {
                return transaction::commit();
            }
            // The others are at the last ranges; one that dies leaves its range to us.
            transaction::commit()?;
            wait::sleep(Duration::from_millis(20))?;
            self.beat_now()?;
        }
    }

    /// After the walk.
    fn settle(&mut self) -> Result<End> {
        let Self { process, crew, voice, clock, run } = self;
        if run.clauses.condition.is_none() {
            if errors::count(run.id)? > 0 {
                let mut beat = |hold: &mut Hold| beat(run.id, hold, crew, voice, clock);
                sweep::retry_failed(run, &process.units, &mut process.hold, &mut beat)?;
            }
            transaction::commit()?;
            return Ok(End::Clean);
        }
        let units = with_newcomers(run, &process.units)?;
        sweep::sweep(run, &units, &mut process.hold, &mut |hold: &mut Hold| beat(run.id, hold, crew, voice, clock))
    }

    fn beat_now(&mut self) -> Result<()> {
        let Self { process, crew, voice, clock, run } = self;
        beat(run.id, &mut process.hold, crew, voice, clock)
    }
}

/// Stores the time, tells the person, starts workers that are wanted now.
fn beat(id: u32, hold: &mut Hold, crew: &mut Crew, voice: &mut Voice, clock: &mut Clock) -> Result<()> {
    if !is_due(&mut clock.tick, TICK) {
        return Ok(());
    }
    clock.store(id, hold.take_held())?;
    crew.fill(hold.settings().workers)?;
    transaction::commit()?;
    voice.speak(hold.reason())
}

/// A partition may have come since; its rows count too.
fn with_newcomers(run: &Run, units: &[Unit]) -> Result<Vec<Unit>> {
    let known: Vec<u32> = units.iter().map(|u| u.relation).collect();
    let mut all = units.to_vec();
    for unit in choice::newcomers(run, &known)? {
        all.push(Unit { ordinal: u32::try_from(all.len()).unwrap_or(u32::MAX), ..unit });
    }
    Ok(all)
}

fn endless(run: &Run) -> Report {
    Report::new(code::BACKFILL_INCOMPLETE, format!("backfill {} of {}: rows keep appearing", run.id, run.target))
        .detail(format!("After {MOST_WALKS} walks more than a sweep can hold still match."))
        .hint("Let writers fill the column themselves (a default or a trigger) before the backfill.")
}
