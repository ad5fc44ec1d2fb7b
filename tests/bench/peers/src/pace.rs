//! When to send: an open loop. The moment of the next request follows from the rate alone, never from the answers, and a
//! sender that is late catches up, so that the offered rate is what was asked for.

use std::time::Duration;

/// Requests at even distances.
pub struct Pace {
    requests_per_second: f64,
    next: u64,
}

impl Pace {
    /// A pace of `spans_per_second` in requests of `spans_per_request`.
    pub fn new(spans_per_second: f64, spans_per_request: usize) -> Pace {
        Pace {
            requests_per_second: spans_per_second / spans_per_request as f64,
            next: 0,
        }
    }

    /// When the next request is due, counted from the start.
    pub fn next_due(&mut self) -> Duration {
        let due = Duration::from_secs_f64(self.next as f64 / self.requests_per_second);
        self.next += 1;
        due
    }
}

/// The share `quantile` (0 to 1) of sorted values, by nearest rank; 0 when there are none.
pub fn quantile(sorted: &[u64], quantile: f64) -> u64 {
    let rank = (sorted.len() as f64 * quantile).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .or(sorted.last())
        .copied()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_even_distances_and_do_not_drift() {
        let mut pace = Pace::new(200_000.0, 512);
        let dues: Vec<Duration> = (0..390_626).map(|_| pace.next_due()).collect();
        assert_eq!(dues[0], Duration::ZERO);
        assert_eq!(dues[1], Duration::from_micros(2_560));
        assert_eq!(dues[390_625].as_millis(), 1_000_000);
    }

    #[test]
    fn a_quantile_is_a_value_that_was_seen() {
        let values: Vec<u64> = (1..=100).collect();
        assert_eq!(
            [quantile(&values, 0.5), quantile(&values, 0.99), quantile(&values, 1.0)],
            [50, 99, 100]
        );
        assert_eq!([quantile(&[], 0.5), quantile(&[7], 0.99)], [0, 7]);
    }
}
