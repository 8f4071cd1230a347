//! From what was found to a verdict.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::watch::Verdict;
use super::{Bound, Limits};
use crate::catalog::signals::{Found, Standby};

/// Looks that are remembered: an hour of them.
const REMEMBERED: usize = 3600;

/// Where the WAL stood at earlier looks.
#[derive(Debug, Default)]
pub struct Positions {
    /// Growing, each with the moment it was first seen.
    seen: VecDeque<(Instant, u64)>,
    last: Option<(Instant, u64)>,
    rate: Option<f64>,
}

impl Positions {
    /// Adds what a look has found.
    #[allow(clippy::cast_precision_loss)]
    pub fn note(&mut self, now: Instant, position: u64) {
        self.rate = self.last.and_then(|(then, before)| {
            let seconds = now.duration_since(then).as_secs_f64();
            (seconds > 0.0).then(|| position.saturating_sub(before) as f64 / seconds)
        });
        self.last = Some((now, position));
        if self.seen.back().is_none_or(|(_, before)| position > *before) {
            self.seen.push_back((now, position));
        }
        if self.seen.len() > REMEMBERED {
            self.seen.pop_front();
        }
    }

    /// For how long at least there has been WAL behind a position; zero when none was seen.
    fn behind_for(&self, now: Instant, position: u64) -> Duration {
        let first = self.seen.partition_point(|(_, seen)| *seen <= position);
        self.seen.get(first).map_or(Duration::ZERO, |(when, _)| now.duration_since(*when))
    }
}

/// The first reason to stop, else the first to pause.
pub fn verdict(limits: &Limits, found: &Found, positions: &Positions, now: Instant) -> Verdict {
    let mut reasons: Vec<Verdict> = [
        window(limits, found),
        waiter(limits, found),
        lag_bytes(limits, found),
        lag(limits, found, positions, now),
        slot_bytes(limits, found),
        archive(limits, found),
        vacuum(limits, found),
        wal_rate(limits, positions),
    ]
    .into_iter()
    .flatten()
    .collect();
    let first = reasons.iter().position(|reason| matches!(reason, Verdict::Stop(_))).unwrap_or(0);
    if reasons.is_empty() { Verdict::Go } else { reasons.swap_remove(first) }
}

impl Bound {
    /// What a value means; `what` says whose it is, and takes the value as people read it.
    fn check(&self, value: f64, what: impl FnOnce(&str) -> String) -> Option<Verdict> {
        let above = |limit: &f64| value > *limit;
        let reason = |limit| format!("{} (limit {})", what(&self.unit.show(value)), self.unit.show(limit));
        match (self.hard.filter(above), self.soft.filter(above)) {
            (Some(limit), _) => Some(Verdict::Stop(reason(limit))),
            (None, Some(limit)) => Some(Verdict::Pause(reason(limit))),
            (None, None) => None,
        }
    }
}

fn window(limits: &Limits, found: &Found) -> Option<Verdict> {
    let (window, clock) = (limits.window.as_ref()?, found.clock.as_ref()?);
    let reason = || format!("outside the window {} (it is {})", window.text, clock.now);
    (!clock.inside).then(|| Verdict::Pause(reason()))
}

fn waiter(limits: &Limits, found: &Found) -> Option<Verdict> {
    let w = found.waiters.first().filter(|_| limits.waiters)?;
    Some(Verdict::Pause(format!("process {} of role \"{}\" waits for {} on {}", w.pid, w.role, w.mode, w.table)))
}

#[allow(clippy::cast_precision_loss)]
fn lag_bytes(limits: &Limits, found: &Found) -> Option<Verdict> {
    let behind = |standby: &Standby| Some(found.position.saturating_sub(standby.replayed?) as f64);
    let (standby, bytes) = worst(&found.standbys, behind)?;
    limits.lag_bytes.check(bytes, |value| format!("standby \"{}\" is {value} behind", standby.name))
}

/// What Postgres reports is NULL or stale when the standby answers nothing; for how long a standby has not reached what we
/// saw written is a lower bound that needs no answer. Who has replayed everything does not lag, whatever was reported last.
fn lag(limits: &Limits, found: &Found, positions: &Positions, now: Instant) -> Option<Verdict> {
    let lag = |standby: &Standby| {
        let replayed = standby.replayed?;
        if replayed >= found.position {
            return Some(0.0);
        }
        Some(positions.behind_for(now, replayed).as_secs_f64().max(standby.reported_lag.unwrap_or(0.0)))
    };
    let (standby, seconds) = worst(&found.standbys, lag)?;
    limits.lag.check(seconds, |value| format!("standby \"{}\" is {value} behind", standby.name))
}

#[allow(clippy::cast_precision_loss)]
fn slot_bytes(limits: &Limits, found: &Found) -> Option<Verdict> {
    let (slot, bytes) = worst(&found.slots, |slot| Some(slot.retained as f64))?;
    let state = if slot.active { "" } else { " (inactive)" };
    let too_much =
        limits.slot_bytes.check(bytes, |value| format!("replication slot \"{}\"{state} holds back {value}", slot.name));
    let about_to_go = || {
        let slot = found.slots.iter().find(|slot| slot.unreserved && limits.slot_bytes.is_on())?;
        let reason = format!("replication slot \"{}\" is about to be lost: the WAL it needs may be removed", slot.name);
        Some(Verdict::Pause(reason))
    };
    too_much.or_else(about_to_go)
}

#[allow(clippy::cast_precision_loss)]
fn archive(limits: &Limits, found: &Found) -> Option<Verdict> {
    limits.archive_segments.check(found.unarchived? as f64, |value| format!("{value} of WAL wait for the archiver"))
}

fn vacuum(limits: &Limits, found: &Found) -> Option<Verdict> {
    let v = found.vacuums.first().filter(|_| limits.autovacuum)?;
    Some(Verdict::Pause(format!("{} runs on {} (process {})", v.what, v.table, v.pid)))
}

fn wal_rate(limits: &Limits, positions: &Positions) -> Option<Verdict> {
    limits.wal_rate.check(positions.rate?, |value| format!("the server writes {value} of WAL"))
}

/// The one with the largest value, of those that have one.
fn worst<T>(all: &[T], value: impl Fn(&T) -> Option<f64>) -> Option<(&T, f64)> {
    all.iter().filter_map(|one| Some((one, value(one)?))).max_by(|a, b| a.1.total_cmp(&b.1))
}

/// On one line, and cut there after so many characters: for a text of somebody else's in a reason.
pub fn one_line(text: &str, characters: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(characters) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}
