//! What a person sees while it runs.

use std::time::Duration;

use crate::catalog::backfill::Progress;

/// `backfill 3 of public.users: 45.2 %, 452000 rows changed, 81000 rows/s, ETA 0:00:07`.
#[allow(clippy::cast_precision_loss)]
pub fn line(target: &str, progress: &Progress) -> String {
    let Progress { id, pass, rows_done, rows_visited, rows_estimate, seconds, .. } = progress;
    let rate = if *seconds > 0.0 { *rows_visited as f64 / seconds } else { 0.0 };
    let head = format!("backfill {id} of {target}");
    let tail = format!("{rows_done} rows changed, {rate:.0} rows/s");
    if *pass > 1 {
        return format!("{head}: sweep {}, {tail}", pass - 1);
    }
    let percent = percent(*rows_visited, *rows_estimate);
    match eta(*rows_visited, *rows_estimate, rate) {
        Some(eta) => format!("{head}: {percent:.1} %, {tail}, ETA {}", clock(eta)),
        None => format!("{head}: {percent:.1} %, {tail}"),
    }
}

/// `backfill 3 of public.users done: 1000000 rows changed in 0:00:12 (81000 rows/s)`.
#[allow(clippy::cast_precision_loss)]
pub fn done(target: &str, progress: &Progress) -> String {
    let rate = if progress.seconds > 0.0 { progress.rows_visited as f64 / progress.seconds } else { 0.0 };
    format!(
        "backfill {} of {target} done: {} rows changed in {:.1} s ({rate:.0} rows/s)",
        progress.id, progress.rows_done, progress.seconds
    )
}

/// Never 100 before the final check: the estimate may be low.
#[allow(clippy::cast_precision_loss)]
fn percent(visited: u64, estimate: u64) -> f64 {
    if estimate == 0 { 0.0 } else { (100.0 * visited as f64 / estimate as f64).min(99.9) }
}

#[allow(clippy::cast_precision_loss)]
fn eta(visited: u64, estimate: u64, rate: f64) -> Option<Duration> {
    (rate > 0.0 && estimate > visited).then(|| Duration::from_secs_f64((estimate - visited) as f64 / rate))
}

fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(pass: u32, visited: u64, estimate: u64, seconds: f64) -> Progress {
        Progress {
            id: 3,
            pass,
            rows_visited: visited,
            rows_done: visited / 2,
            rows_estimate: estimate,
            seconds,
            ..Progress::default()
        }
    }

    #[test]
    fn a_line_has_percent_rate_and_eta() {
        let text = line("public.t", &progress(1, 500, 2000, 5.0));
        assert_eq!(text, "backfill 3 of public.t: 25.0 %, 250 rows changed, 100 rows/s, ETA 0:00:15");
    }

    #[test]
    fn an_estimate_that_was_too_low_promises_nothing() {
        let text = line("public.t", &progress(1, 5000, 2000, 5.0));
        assert_eq!(text, "backfill 3 of public.t: 99.9 %, 2500 rows changed, 1000 rows/s");
        assert!(line("t", &progress(1, 0, 0, 0.0)).contains("0.0 %"));
    }

    #[test]
    fn sweeps_are_named() {
        assert!(line("t", &progress(3, 10, 5, 1.0)).contains("sweep 2"));
    }
}
