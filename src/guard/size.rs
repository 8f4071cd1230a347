//! How large relations are on disk now. Statistics may be missing or old; files are not.

use std::fs;

use super::policy::{self, Thresholds};
use crate::catalog::storage::{self, Storage};
use crate::error::Result;
use crate::settings;

/// Size of a set of tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// With TOAST: what a rewrite copies.
    pub bytes: u64,
    /// Without TOAST: the pages that hold rows.
    pub heap: u64,
    /// Estimated from those and statistics, as the planner does.
    pub rows: u64,
    /// Some of them have no statistics; there the widths of the columns decide.
    pub guessed: bool,
    /// What a policy calls large here.
    thresholds: Thresholds,
}

/// A page, and what of it rows can use.
const PAGE: f64 = 8192.0;
const PAGE_HEADER: f64 = 24.0;
/// Header and line pointer of a row.
const ROW_OVERHEAD: f64 = 28.0;

impl Size {
    /// Of these tables together. Takes no lock, so it never waits behind another session's.
    pub fn of(oids: &[u32]) -> Result<Self> {
        let sizes = storage::of(oids);
        let thresholds = policy::thresholds()?;
        Ok(sizes.iter().fold(Self { thresholds, ..Self::default() }, |sum, s| {
            let (heap, toast) = on_disk(s);
            Self {
                bytes: sum.bytes + heap + toast,
                heap: sum.heap + heap,
                rows: sum.rows + rows(s, heap, storage::width),
                guessed: sum.guessed || (heap > 0 && s.reltuples < 0.0),
                thresholds,
            }
        }))
    }

    /// Whether it reaches `migrator.large_table_rows` or `migrator.large_table_size`, or what a policy puts in their
    /// place; one that gives a number of rows alone leaves the size out of it, and the other way round.
    pub fn is_large(self) -> bool {
        match self.thresholds {
            Thresholds { rows: None, bytes: None } => {
                self.rows >= settings::large_table_rows() || self.bytes >= settings::large_table_bytes()
            }
            Thresholds { rows, bytes } => {
                rows.is_some_and(|rows| self.rows >= rows) || bytes.is_some_and(|bytes| self.bytes >= bytes)
            }
        }
    }

    /// `about 1000000 rows, 136 MB`, or `8192 bytes, room for about 227 rows, never analyzed`.
    pub fn describe(self) -> Result<String> {
        let (rows, bytes) = (self.rows, storage::pretty(self.bytes)?);
        let word = if rows == 1 { "row" } else { "rows" };
        Ok(if self.guessed {
            format!("{bytes}, room for about {rows} {word}, never analyzed")
        } else {
            format!("about {rows} {word}, {bytes}")
        })
    }
}

/// Whether a number of rows reaches `migrator.large_table_rows`, or what a policy puts in its place.
pub fn are_many(rows: u64) -> Result<bool> {
    Ok(rows >= policy::thresholds()?.rows.unwrap_or_else(settings::large_table_rows))
}

/// Bytes of the rows' own pages, and of TOAST; of that none where no row can be.
fn on_disk(storage: &Storage) -> (u64, u64) {
    let heap = storage.path.as_deref().map_or(0, bytes_on_disk);
    let toast = storage.toast_path.as_deref().filter(|_| heap > 0);
    (heap, toast.map_or(0, bytes_on_disk))
}

/// The main fork's segments: `path`, `path.1`, ... A backend's working directory is the data directory.
fn bytes_on_disk(path: &str) -> u64 {
    let length = |path: &str| fs::metadata(path).map(|m| m.len()).ok();
    let Some(first) = length(path).filter(|first| *first > 0) else { return 0 };
    first + (1..).map_while(|segment: u32| length(&format!("{path}.{segment}"))).sum::<u64>()
}

/// Density by statistics, or by the width of the columns when there are none, times the pages there are now.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn rows(storage: &Storage, bytes: u64, width: impl FnOnce(u32) -> f64) -> u64 {
    if bytes == 0 {
        return 0;
    }
    let density = if storage.reltuples >= 0.0 && storage.relpages > 0.0 {
        storage.reltuples / storage.relpages
    } else {
        (PAGE - PAGE_HEADER) / (ROW_OVERHEAD + width(storage.oid))
    };
    (density * (bytes as f64 / PAGE)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(reltuples: f64, relpages: f64) -> Storage {
        Storage { oid: 1, path: None, toast_path: None, reltuples, relpages }
    }

    #[test]
    fn statistics_are_scaled_to_the_size_now() {
        assert_eq!(rows(&storage(1000.0, 10.0), 20 * 8192, |_| 4.0), 2000);
    }

    #[test]
    fn without_statistics_the_width_decides() {
        assert_eq!(rows(&storage(-1.0, 0.0), 8192, |_| 4.0), 255);
        assert_eq!(rows(&storage(-1.0, 0.0), 0, |_| 4.0), 0);
        // Analyzed when it was empty.
        assert_eq!(rows(&storage(0.0, 0.0), 8192, |_| 4.0), 255);
    }

    #[test]
    fn toast_counts_beside_rows() {
        let base =
            std::env::temp_dir().join(format!("migrator-toast-{}", std::process::id())).to_string_lossy().into_owned();
        let (path, toast_path) = (Some(base.clone()), Some(format!("{base}-toast")));
        fs::write(format!("{base}-toast"), [0; 9]).unwrap();
        fs::write(&base, []).unwrap();
        let storage = Storage { path, toast_path, ..storage(-1.0, 0.0) };
        assert_eq!(on_disk(&storage), (0, 0));
        fs::write(&base, [0; 4]).unwrap();
        assert_eq!(on_disk(&storage), (4, 9));
        fs::remove_file(&base).unwrap();
        fs::remove_file(format!("{base}-toast")).unwrap();
    }

    #[test]
    fn segments_are_summed() {
        let base = std::env::temp_dir().join(format!("migrator-size-{}", std::process::id()));
        let path = base.to_string_lossy().into_owned();
        fs::write(&path, [0; 5]).unwrap();
        fs::write(format!("{path}.1"), [0; 7]).unwrap();
        assert_eq!(bytes_on_disk(&path), 12);
        fs::remove_file(&path).unwrap();
        assert_eq!(bytes_on_disk(&path), 0);
        fs::remove_file(format!("{path}.1")).unwrap();
    }
}
