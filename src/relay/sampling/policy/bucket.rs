//! A token bucket: so much a second on average, and so much at once. It is told the time and does not measure it.

use std::cell::Cell;

use crate::relay::clock::Tick;

/// A bucket that fills by itself and is full in the beginning.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second: u64,
    burst: u64,
    /// How full it was and when, in billionths of a token. No policy is asked by two at once.
    state: Cell<(u128, Tick)>,
}

/// Billionths of a token in one, as there are nanoseconds in a second: a bucket gains `per_second` of them in each.
const WHOLE: u128 = 1_000_000_000;

impl Bucket {
    /// A `burst` of 0 is twice of what comes in a second.
    pub(super) fn new(per_second: u64, burst: u64) -> Bucket {
        let burst = if burst == 0 { per_second.saturating_mul(2) } else { burst };
        Bucket { per_second, burst, state: Cell::new((u128::from(burst) * WHOLE, Tick::ZERO)) }
    }

    /// Takes `cost` tokens out if there are as many; what is more than fits into the bucket never gets any.
    pub(super) fn take(&self, cost: u64, now: Tick) -> bool {
        let (tokens, last) = self.state.get();
        let gained = now.since(last).as_nanos() * u128::from(self.per_second);
        let tokens = (tokens + gained).min(u128::from(self.burst) * WHOLE);
        let left = tokens.checked_sub(u128::from(cost) * WHOLE);
        self.state.set((left.unwrap_or(tokens), now.max(last)));
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Tick {
        Tick::from_millis(millis)
    }

    #[test]
    fn a_bucket_is_full_at_first_and_fills_evenly() {
        let bucket = Bucket::new(10, 0);
        assert!(bucket.take(20, at(5000)), "twice the rate at once");
        assert!(!bucket.take(1, at(5099)));
        assert!(bucket.take(1, at(5100)));
        assert!(!bucket.take(21, at(1_000_000)), "never more than it holds");
        assert!(bucket.take(20, at(1_000_000)));
    }

    #[test]
    fn what_is_refused_costs_nothing_and_time_that_goes_back_gives_nothing() {
        let bucket = Bucket::new(10, 10);
        assert!(!bucket.take(11, at(0)));
        assert!(bucket.take(10, at(1000)));
        assert!(!bucket.take(1, at(500)));
        assert!(!bucket.take(6, at(1500)), "the half second was not counted twice");
        assert!(bucket.take(5, at(1500)));
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_what_came_since(
            rate in 1..100u64, burst in 0..100u64, steps in proptest::collection::vec((0..500u64, 1..50u64), 1..60),
        ) {
            let bucket = Bucket::new(rate, burst);
            let burst = if burst == 0 { 2 * rate } else { burst };
            let (mut now, mut taken) = (0, Vec::new());
            for (wait, cost) in steps {
                now += wait;
                if bucket.take(cost, at(now)) {
                    taken.push((now, cost));
                }
            }
            for (from, &(start, _)) in taken.iter().enumerate() {
                let mut sum = 0;
                for &(end, cost) in &taken[from..] {
                    sum += cost;
                    prop_assert!(sum * 1000 <= burst * 1000 + (end - start) * rate, "{sum} from {start} to {end}");
                }
            }
        }

        #[test]
        fn a_bucket_that_is_asked_for_single_tokens_gives_what_it_is_to_give(rate in 1..50u64) {
            let bucket = Bucket::new(rate, rate);
            let given = (0..=10_000).filter(|&now| bucket.take(1, at(now))).count() as u64;
            prop_assert!((11 * rate - 1..=11 * rate).contains(&given), "{given} in ten seconds at {rate}");
        }
    }
}
