use std::time::{Duration, Instant};

use super::judge::{Positions, one_line, verdict};
use super::watch::Verdict;
use super::*;
use crate::catalog::signals::{Clock, Found, Slot, Standby, Vacuum, Waiter};
use crate::error::fail;

/// Knows a few words of what Postgres knows.
struct Fake;

impl Fake {
    fn known<T: Clone>(words: &[(&str, T)], text: &str) -> Result<T> {
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| value.clone());
        found.map_or_else(|| fail(Report::new(code::INVALID_SCRIPT, format!("what is \"{text}\""))), Ok)
    }
}

impl Reader for Fake {
    fn bytes(&self, text: &str) -> Result<f64> {
        Self::known(&[("1MB", megabytes(1)), ("-1MB", -megabytes(1)), ("20MB", megabytes(20))], text)
    }

    fn seconds(&self, text: &str) -> Result<f64> {
        Self::known(&[("30s", 30.0), ("00:00:10", 10.0), ("infinity", f64::INFINITY)], text)
    }

    fn time_of_day(&self, text: &str) -> Result<String> {
        Self::known(&[("22:00", "22:00:00".into()), ("6:00", "06:00:00".into())], text)
    }

    fn is_condition(&self, text: &str) -> Result<bool> {
        Self::known(&[("a > 1", true), ("true; false", false)], text)
    }
}

fn read(json: &str) -> Result<Limits> {
    Limits::read(Some(json), &Fake)
}

fn refused(json: &str) -> (String, String, String) {
    let report = read(json).expect_err(json);
    assert_eq!(report.sqlstate, Some(code::INVALID_ARGUMENT));
    (report.message, report.detail.unwrap_or_default(), report.hint.unwrap_or_default())
}

#[test]
fn nothing_given_is_the_defaults() {
    assert_eq!(Limits::read(None, &Fake).unwrap(), Limits::default());
    assert_eq!(read("{}").unwrap(), Limits::default());
}

#[test]
fn values_are_read_in_both_forms() {
    let limits = read(r#"{"lag": "30s", "lag_stop": 60.5, "lag_bytes": 1048576, "wal_rate": "20MB"}"#).unwrap();
    assert_eq!((limits.lag.soft, limits.lag.hard), (Some(30.0), Some(60.5)));
    assert_eq!((limits.lag_bytes.soft, limits.wal_rate.soft), (Some(megabytes(1)), Some(megabytes(20))));
    let limits =
        read(r#"{"window": "22:00-6:00", "pause_if": "a > 1", "waiters": false, "autovacuum": true}"#).unwrap();
    assert_eq!(limits.window.map(|w| (w.from, w.to)), Some(("22:00:00".into(), "06:00:00".into())));
    assert_eq!(limits.pause_if.as_deref(), Some("a > 1"));
    assert!(limits.autovacuum && !limits.waiters);
}

#[test]
fn null_turns_off() {
    let limits = read(
        r#"{"lag": null, "lag_bytes": null, "slot_bytes": null, "archive_segments": null, "waiters": null,
            "autovacuum": null, "window": null, "pause_if": null, "stop_if": null, "wal_rate_stop": null}"#,
    )
    .unwrap();
    let bounds = [limits.lag, limits.lag_bytes, limits.slot_bytes, limits.archive_segments, limits.wal_rate];
    assert!(bounds.iter().all(|bound| !bound.is_on()));
    assert!(!limits.waiters);
}

#[test]
fn nonsense_names_the_key_and_what_was_found() {
    for (json, key, found) in [
        (r#"{"lag": -1}"#, "lag", "It is -1. It must be an interval"),
        (r#"{"lag": 0}"#, "lag", "It is 0."),
        (r#"{"lag": true}"#, "lag", "It is true."),
        (r#"{"lag": "soon"}"#, "lag", "It is \"soon\". Postgres says: what is \"soon\"."),
        (r#"{"lag": "infinity"}"#, "lag", "It is \"infinity\"."),
        (r#"{"lag_bytes": "-1MB"}"#, "lag_bytes", "It is \"-1MB\". It must be a size"),
        (r#"{"slot_bytes_stop": {}}"#, "slot_bytes_stop", "It is {}."),
        (r#"{"archive_segments": 1.5}"#, "archive_segments", "It is 1.5. It must be a whole number"),
        (r#"{"archive_segments": "1"}"#, "archive_segments", "It is \"1\"."),
        (r#"{"waiters": 1}"#, "waiters", "It is 1. It must be true or false."),
        (r#"{"window": "22:00"}"#, "window", "It is \"22:00\". It must be two times"),
        (r#"{"window": "22:00-22:00"}"#, "window", "It begins when it ends."),
        (r#"{"window": "22:00-dawn"}"#, "window", "Postgres says"),
        (r#"{"pause_if": "true; false"}"#, "pause_if", "It must be one condition"),
        (r#"{"stop_if": true}"#, "stop_if", "It must be a condition in SQL, as a string."),
    ] {
        let (message, detail, hint) = refused(json);
        assert_eq!(message, format!("limit \"{key}\" makes no sense"), "{json}");
        assert!(detail.contains(found), "{json}: {detail}");
        assert!(hint.contains(&format!("limits => '{{\"{key}\": ")), "{json}: {hint}");
    }
}

#[test]
fn unknown_keys_are_refused() {
    for key in ["lagg", "_stop", "waiters_stop", "stop_if_stop", "Lag", ""] {
        let (message, _, hint) = refused(&format!("{{\"{key}\": 1}}"));
        assert_eq!(message, format!("no limit is called \"{key}\""));
        assert!(hint.starts_with("The limits are lag, lag_stop, lag_bytes, "), "{hint}");
    }
    assert!(refused(r#"{"lag": 1e400}"#).1.contains("number out of range"));
    assert_eq!(refused("[]").0, "limits is not a JSON object");
    assert_eq!(refused("null").0, "limits is not a JSON object");
}

#[test]
fn a_stop_below_its_pause_is_refused() {
    let (message, detail, _) = refused(r#"{"lag_stop": 5}"#);
    assert_eq!(message, "limit \"lag_stop\" is below \"lag\"");
    assert_eq!(detail, "It would stop above 5 s, before it pauses above 10 s.");
    assert!(read(r#"{"lag_stop": 5, "lag": null}"#).is_ok());
    assert!(read(r#"{"lag_stop": 10}"#).is_ok());
}

/// The docs list every key, and their defaults are those in force.
#[test]
fn docs_list_every_key_and_no_other() {
    let docs = include_str!("../../../docs/backfill-limits.md");
    let listed: Vec<&str> = docs.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next()).collect();
    let mut limits = Limits::default();
    let measures = limits.bounds_mut().map(|(name, bound)| (name, bound.soft.map(|soft| bound.unit.show(soft))));
    let others = ["waiters", "autovacuum", "window", "pause_if", "stop_if"];
    let expected: Vec<&str> = measures.iter().map(|(name, _)| *name).chain(others).collect();
    assert_eq!(listed, expected);
    for (name, default) in &measures {
        let default = default.as_deref().unwrap_or("off");
        let row = docs.lines().find(|l| l.starts_with(&format!("| `{name}`"))).unwrap();
        assert!(row.contains(&format!("| {default} |")), "{row}: {default}");
    }
}

const MB: u64 = 1024 * 1024;

fn judged(limits: &str, found: &Found) -> Verdict {
    verdict(&read(limits).unwrap(), found, &Positions::default(), Instant::now())
}

fn standby(replayed: Option<u64>, reported_lag: Option<f64>) -> Standby {
    Standby { name: "replica1".into(), replayed, reported_lag }
}

fn pause(reason: &str) -> Verdict {
    Verdict::Pause(reason.into())
}

#[test]
fn a_quiet_server_lets_go() {
    assert_eq!(judged("{}", &Found::default()), Verdict::Go);
    let caught_up =
        Found { position: 900 * MB, standbys: vec![standby(Some(900 * MB), Some(99.0))], ..Found::default() };
    assert_eq!(judged("{}", &caught_up), Verdict::Go);
    let says_nothing = Found { position: 900 * MB, standbys: vec![standby(None, Some(99.0))], ..Found::default() };
    assert_eq!(judged("{}", &says_nothing), Verdict::Go);
}

#[test]
fn the_worst_standby_counts() {
    let standbys = vec![standby(Some(1000 * MB), None), standby(Some(688 * MB), None)];
    let found = Found { position: 1000 * MB, standbys, ..Found::default() };
    assert_eq!(judged("{}", &found), pause("standby \"replica1\" is 312 MB behind (limit 256 MB)"));
    assert_eq!(judged(r#"{"lag_bytes": null}"#, &found), Verdict::Go);
    let stop = Verdict::Stop("standby \"replica1\" is 312 MB behind (limit 300 MB)".into());
    assert_eq!(judged(r#"{"lag_bytes_stop": 314572800}"#, &found), stop);
}

#[test]
fn reported_lag_counts_while_there_is_something_to_replay() {
    let found = Found { position: MB, standbys: vec![standby(Some(0), Some(14.2))], ..Found::default() };
    assert_eq!(judged("{}", &found), pause("standby \"replica1\" is 14 s behind (limit 10 s)"));
    assert_eq!(judged(r#"{"lag": "30s"}"#, &found), Verdict::Go);
}

#[test]
fn a_standby_that_answers_nothing_lags_all_the_same() {
    let (limits, start) = (Limits::default(), Instant::now());
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut positions = Positions::default();
    for second in 0..=20 {
        positions.note(at(second), (100 + second) * MB);
    }
    // It has all that was there at second 5; what came at second 6 it has not.
    let mut found = Found { position: 120 * MB, standbys: vec![standby(Some(105 * MB), None)], ..Found::default() };
    let expected = pause("standby \"replica1\" is 14 s behind (limit 10 s)");
    assert_eq!(verdict(&limits, &found, &positions, at(20)), expected);
    found.standbys[0].replayed = Some(112 * MB);
    assert_eq!(verdict(&limits, &found, &positions, at(20)), Verdict::Go);
    // The server is idle: the age goes on, and ends when all is replayed.
    positions.note(at(30), 120 * MB);
    assert!(matches!(verdict(&limits, &found, &positions, at(30)), Verdict::Pause(_)));
    found.standbys[0].replayed = Some(120 * MB);
    assert_eq!(verdict(&limits, &found, &positions, at(30)), Verdict::Go);
}

#[test]
fn the_rate_is_that_between_two_looks() {
    let (limits, start) = (read(r#"{"wal_rate": "1MB"}"#).unwrap(), Instant::now());
    let mut positions = Positions::default();
    positions.note(start, 500 * MB);
    assert_eq!(verdict(&limits, &Found::default(), &positions, start), Verdict::Go);
    positions.note(start + Duration::from_secs(2), 540 * MB);
    let expected = pause("the server writes 20 MB/s of WAL (limit 1 MB/s)");
    assert_eq!(verdict(&limits, &Found::default(), &positions, start), expected);
    positions.note(start + Duration::from_secs(3), 540 * MB);
    assert_eq!(verdict(&limits, &Found::default(), &positions, start), Verdict::Go);
}

#[test]
fn slots_count_whether_in_use_or_not() {
    let slot = |retained, unreserved| Slot { name: "s".into(), active: false, retained, unreserved };
    let found = |slot| Found { slots: vec![slot], ..Found::default() };
    let held = pause("replication slot \"s\" (inactive) holds back 9 GB (limit 8 GB)");
    assert_eq!(judged("{}", &found(slot(9216 * MB, false))), held);
    assert!(
        matches!(judged("{}", &found(slot(MB, true))), Verdict::Pause(reason) if reason.contains("about to be lost"))
    );
    assert_eq!(judged(r#"{"slot_bytes": null}"#, &found(slot(9216 * MB, true))), Verdict::Go);
}

#[test]
fn the_other_signals_say_what_they_saw() {
    let waiter = Waiter { pid: 7, role: "ann".into(), table: "public.t".into(), mode: "AccessExclusiveLock".into() };
    let found = Found { waiters: vec![waiter], ..Found::default() };
    let expected = pause("process 7 of role \"ann\" waits for AccessExclusiveLock on public.t");
    assert_eq!(judged("{}", &found), expected);
    let found = Found { unarchived: Some(57), ..Found::default() };
    assert_eq!(judged("{}", &found), pause("57 segments of WAL wait for the archiver (limit 42 segments)"));
    let vacuum = Vacuum { pid: 8, table: "public.t".into(), what: "autovacuum".into() };
    let found = Found { vacuums: vec![vacuum], ..Found::default() };
    assert_eq!(judged("{}", &found), Verdict::Go);
    let expected = pause("autovacuum runs on public.t (process 8)");
    assert_eq!(judged(r#"{"autovacuum": true}"#, &found), expected);
    let found = Found { clock: Some(Clock { inside: false, now: "14:03:11 UTC".into() }), ..Found::default() };
    let expected = pause("outside the window 22:00-6:00 (it is 14:03:11 UTC)");
    assert_eq!(judged(r#"{"window": "22:00-6:00"}"#, &found), expected);
}

#[test]
fn a_stop_wins_over_a_pause_that_comes_first() {
    let clock = Some(Clock { inside: false, now: "14:03:11 UTC".into() });
    let found = Found { clock, unarchived: Some(500), ..Found::default() };
    let limits = r#"{"window": "22:00-6:00", "archive_segments_stop": 100}"#;
    assert!(matches!(judged(limits, &found), Verdict::Stop(reason) if reason.contains("500 segments")));
}

#[test]
fn texts_are_cut_on_one_line() {
    assert_eq!(one_line("a\n  > 1", 60), "a > 1");
    assert_eq!(one_line(&"ä".repeat(7), 6), format!("{}...", "ä".repeat(6)));
}
