//! How old traces were when they were decided, as a distribution. Counted in plain integers, because it happens once a
//! trace under the lock that is held anyway.

use std::time::Duration;

/// The upper bounds of the counts, in seconds; one more count holds what is above them all.
pub const BOUNDS_SECONDS: [f64; 4] = [1.0, 5.0, 15.0, 60.0];

/// Ages, counted by how long they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    counts: [u64; BOUNDS_SECONDS.len() + 1],
    sum: Duration,
}

impl Ages {
    /// One more.
    pub fn note(&mut self, age: Duration) {
        let seconds = age.as_secs_f64();
        self.counts[BOUNDS_SECONDS.partition_point(|&bound| bound < seconds)] += 1;
        self.sum = self.sum.saturating_add(age);
    }

    /// How many are at most as long as each bound, and how many there are.
    pub fn cumulative(&self) -> ([u64; BOUNDS_SECONDS.len()], u64) {
        let mut so_far = 0;
        let mut up_to = [0; BOUNDS_SECONDS.len()];
        for (up_to, count) in up_to.iter_mut().zip(self.counts) {
            so_far += count;
            *up_to = so_far;
        }
        (up_to, so_far + self.counts[BOUNDS_SECONDS.len()])
    }

    /// All of them together.
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_counts_under_every_bound_that_it_does_not_pass() {
        let mut ages = Ages::default();
        for millis in [0, 1000, 1001, 60_000, 60_001] {
            ages.note(Duration::from_millis(millis));
        }
        assert_eq!(ages.cumulative(), ([2, 3, 3, 4], 5));
        assert_eq!(ages.sum(), Duration::from_millis(122_002));
    }
}
