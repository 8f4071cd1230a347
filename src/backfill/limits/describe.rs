//! The limits that are on, in words.

use super::{Bound, Limits, judge};

impl Limits {
    /// One line for each that is on.
    pub fn described(&self) -> Vec<String> {
        let bounds = [
            ("lag", "that a standby is behind", &self.lag),
            ("lag_bytes", "that a standby is behind", &self.lag_bytes),
            ("slot_bytes", "that a replication slot holds back", &self.slot_bytes),
            ("archive_segments", "that wait for the archiver", &self.archive_segments),
            ("wal_rate", "that the server writes", &self.wal_rate),
        ];
        let mut lines: Vec<String> =
            bounds.into_iter().filter_map(|(key, what, bound)| line(key, what, bound)).collect();
        if self.waiters {
            lines.push("waiters: pauses when another session waits for a lock on the table".to_owned());
        }
        if self.autovacuum {
            lines.push("autovacuum: pauses while the table is vacuumed".to_owned());
        }
        lines.extend(self.window.as_ref().map(|window| format!("window: pauses outside {}", window.text)));
        let own = |key: &str, does: &str, condition: &Option<String>| {
            condition.as_ref().map(|c| format!("{key}: {does} when {}", judge::one_line(c, 60)))
        };
        lines.extend(own("pause_if", "pauses", &self.pause_if));
        lines.extend(own("stop_if", "stops", &self.stop_if));
        lines
    }
}

fn line(key: &str, what: &str, bound: &Bound) -> Option<String> {
    let does = match (bound.soft.map(|n| bound.unit.show(n)), bound.hard.map(|n| bound.unit.show(n))) {
        (None, None) => return None,
        (Some(soft), None) => format!("pauses above {soft}"),
        (None, Some(hard)) => format!("stops above {hard}"),
        (Some(soft), Some(hard)) => format!("pauses above {soft}, stops above {hard}"),
    };
    Some(format!("{key}: {does} ({what})"))
}

#[cfg(test)]
mod tests {
    use super::super::Unit;
    use super::*;

    #[test]
    fn each_limit_that_is_on_has_a_line() {
        let mut limits = Limits { lag_bytes: Bound::pauses_above(Unit::Bytes, None), ..Limits::default() };
        limits.lag.hard = Some(60.0);
        limits.waiters = false;
        limits.stop_if = Some("EXISTS (SELECT\n FROM incidents)".into());
        assert_eq!(
            limits.described(),
            [
                "lag: pauses above 10 s, stops above 60 s (that a standby is behind)",
                "slot_bytes: pauses above 8 GB (that a replication slot holds back)",
                "archive_segments: pauses above 42 segments (that wait for the archiver)",
                "stop_if: stops when EXISTS (SELECT FROM incidents)",
            ]
        );
    }
}
