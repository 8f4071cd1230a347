//! How much a batch takes on: so much that it lasts as long as it should.

use std::time::Duration;

/// The size of the next batch, in rows of the key's order or in pages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    size: f64,
    most: f64,
    /// Up to here nobody has to wait, as far as is known.
    undisturbed: f64,
    target: Duration,
}

/// A batch grows by no more than this factor, so that one quick batch (few rows that match) is not followed by a slow one.
const GROWTH: f64 = 1.5;
/// A batch for whose rows others had to wait is followed by one of a quarter, and then by ones that grow by no more than this:
/// so waits are rare, one in thirty batches or so, instead of as frequent as the time of a batch allows.
const GROWTH_AFTER_WAITS: f64 = 1.05;
const SHRINK_AFTER_WAITS: f64 = 4.0;

impl Pace {
    /// Begins small. `most` bounds the size.
    pub fn new(size: u64, most: u64, target: Duration) -> Self {
        let most = to_float(most).max(1.0);
        Self { size: to_float(size).clamp(1.0, most), most, undisturbed: most, target }
    }

    /// The size of the next batch.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn size(&self) -> u64 {
        self.size as u64
    }

    /// No batch can be smaller.
    pub fn is_smallest(&self) -> bool {
        self.size() <= 1
    }

    /// Other bounds, from the next batch on.
    pub fn set_bounds(&mut self, most: u64, target: Duration) {
        self.most = to_float(most).max(1.0);
        self.size = self.size.min(self.most);
        self.target = target;
    }

    /// After a batch of `size` that took so long. One that was too slow makes the next one smaller at once; so does one whose
    /// rows others had to wait for.
    pub fn learn(&mut self, size: u64, took: Duration, others_waited: bool) {
        if size == 0 {
            return;
        }
        self.undisturbed = if others_waited {
            (to_float(size) / SHRINK_AFTER_WAITS).max(1.0)
        } else {
            (self.undisturbed * GROWTH_AFTER_WAITS).min(self.most)
        };
        let aim = to_float(size) * self.target.as_secs_f64() / took.as_secs_f64().max(0.000_1);
        self.size = aim.min(self.size * GROWTH).min(self.undisturbed).clamp(1.0, self.most);
    }

    /// After a batch that failed.
    pub fn shrink(&mut self, divisor: f64) {
        self.size = (self.size / divisor).max(1.0);
    }
}

#[allow(clippy::cast_precision_loss)]
fn to_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(100);

    #[test]
    fn grows_gently_to_the_target() {
        let mut pace = Pace::new(100, 1_000_000, TARGET);
        pace.learn(100, Duration::from_millis(1), false);
        assert_eq!(pace.size(), 150);
        for _ in 0..50 {
            let took = Duration::from_micros(pace.size() * 10);
            pace.learn(pace.size(), took, false);
        }
        assert!((9_990..=10_010).contains(&pace.size()), "{pace:?}");
    }

    #[test]
    fn shrinks_at_once() {
        let mut pace = Pace::new(10_000, 1_000_000, TARGET);
        pace.learn(10_000, Duration::from_secs(1), false);
        assert_eq!(pace.size(), 1000);
        pace.shrink(4.0);
        assert_eq!(pace.size(), 250);
    }

    #[test]
    fn grows_slowly_after_others_had_to_wait() {
        let mut pace = Pace::new(8000, 1_000_000, TARGET);
        pace.learn(8000, TARGET, true);
        assert_eq!(pace.size(), 2000);
        pace.learn(2000, TARGET / 4, false);
        assert_eq!(pace.size(), 2100);
        for _ in 0..200 {
            pace.learn(pace.size(), Duration::from_micros(pace.size() * 12), false);
        }
        assert!(pace.size() > 8000, "{pace:?}");
    }

    #[test]
    fn stays_within_its_bounds() {
        let mut pace = Pace::new(0, 50, TARGET);
        assert!(pace.is_smallest());
        pace.learn(1, Duration::from_secs(9), false);
        assert_eq!(pace.size(), 1);
        for _ in 0..20 {
            pace.learn(pace.size(), Duration::ZERO, false);
        }
        assert_eq!(pace.size(), 50);
        pace.set_bounds(10, TARGET);
        assert_eq!(pace.size(), 10);
    }

    #[test]
    fn what_is_cut_short_by_the_end_of_a_range_teaches_its_rate_only() {
        let mut pace = Pace::new(1000, 1_000_000, TARGET);
        pace.learn(10, Duration::from_millis(1), false);
        assert_eq!(pace.size(), 1000);
        pace.learn(0, TARGET, false);
        assert_eq!(pace.size(), 1000);
    }
}
