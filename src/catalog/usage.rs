//! Whether something is in use: what the cumulative statistics say.

use super::keys::oid_array;
use crate::error::Result;
use crate::pg::spi::query_planned;
use crate::pg::user::as_owner;

/// What the statistics know of the use of tables, or of an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub scans: u64,
    /// Rows inserted, updated and deleted; of an index nobody counts them.
    pub writes: Option<u64>,
    /// Days since the last scan; unknown before 16.
    pub days: Option<u64>,
    /// The day the statistics were reset.
    pub since: Option<String>,
}

impl Usage {
    /// `Since the statistics began: 12 scans, the last today, and 500 rows written.`
    pub fn describe(&self) -> String {
        let since = self.since.as_deref().map_or_else(|| "the statistics began".to_owned(), str::to_owned);
        let plural = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        if self.scans == 0 && self.writes.unwrap_or(0) == 0 {
            return format!(
                "The statistics know of no scan and no write since {}.",
                self.since.as_deref().unwrap_or("they began")
            );
        }
        let last = match self.days {
            None => String::new(),
            Some(0) => ", the last today".to_owned(),
            Some(days) => format!(", the last {} ago", plural(days, "day", "days")),
        };
        let scans = plural(self.scans, "scan", "scans");
        let writes = self.writes.map_or(String::new(), |rows| format!(", and {} written", plural(rows, "row", "rows")));
        format!("Since {since}: {scans}{last}{writes}.")
    }
}

/// Of tables together. The times of scans are columns that 16 added.
pub fn of_tables(tables: &[u32]) -> Result<Usage> {
    let list = oid_array(tables);
    one(
        "SELECT sum(coalesce(seq_scan, 0) + coalesce(idx_scan, 0)), sum(n_tup_ins + n_tup_upd + n_tup_del), \
         extract(day FROM now() - max(greatest((to_jsonb(s) ->> 'last_seq_scan')::timestamptz, \
           (to_jsonb(s) ->> 'last_idx_scan')::timestamptz)))::int, \
         (SELECT stats_reset::date FROM pg_stat_database WHERE datname = current_database()) \
         FROM pg_stat_all_tables s WHERE relid = ANY ($1::oid[])",
        &list,
    )
}

/// Of an index.
pub fn of_index(index: u32) -> Result<Usage> {
    one(
        "SELECT sum(idx_scan), NULL, \
         extract(day FROM now() - max((to_jsonb(s) ->> 'last_idx_scan')::timestamptz))::int, \
         (SELECT stats_reset::date FROM pg_stat_database WHERE datname = current_database()) \
         FROM pg_stat_all_indexes s WHERE indexrelid = ANY ($1::oid[])",
        &oid_array(&[index]),
    )
}

fn one(sql: &'static str, list: &str) -> Result<Usage> {
    as_owner(|| {
        let rows = query_planned(sql, &[Some(list)])?;
        Ok(rows
            .first()
            .map(|r| Usage {
                scans: r.number(0).unwrap_or(0),
                writes: r.number(1),
                days: r.number(2),
                since: r.text(3),
            })
            .unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::Usage;

    #[test]
    fn use_is_told_in_words() {
        let nothing = Usage::default();
        assert_eq!(nothing.describe(), "The statistics know of no scan and no write since they began.");
        let used = Usage { scans: 1, writes: Some(2), days: Some(3), since: Some("2026-01-01".into()) };
        assert_eq!(used.describe(), "Since 2026-01-01: 1 scan, the last 3 days ago, and 2 rows written.");
    }
}
