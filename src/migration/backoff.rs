//! How long to pause before trying a lock again.

use std::time::{Duration, SystemTime};

/// The pause before retry `n` (from 1): doubling from 0.1 to 10 seconds, a quarter more or less at random, so that
/// waiters do not meet again.
pub fn pause(retry: u32) -> Duration {
    jittered(retry, SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos()))
}

fn jittered(retry: u32, noise: u32) -> Duration {
    let base = Duration::from_millis(100) * 2_u32.pow(retry.saturating_sub(1).min(7));
    let base = base.min(Duration::from_secs(10));
    base * (75 + noise / 1000 % 51) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_a_bound_and_varies() {
        assert_eq!(jittered(1, 25_000), Duration::from_millis(100));
        assert_eq!(jittered(2, 0), Duration::from_millis(150));
        assert_eq!(jittered(3, 50_000), Duration::from_millis(500));
        assert_eq!(jittered(500, 25_000), Duration::from_secs(10));
    }

    #[test]
    fn sixty_retries_last_about_ten_minutes() {
        let total: Duration = (1..=60).map(|retry| jittered(retry, 25_000)).sum();
        assert!((500..650).contains(&total.as_secs()), "{total:?}");
    }
}
