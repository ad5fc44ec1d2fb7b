//! `latency`: the trace took longer than `threshold_ms` and, where there is an upper bound, no longer than that. The
//! whole trace counts, in nanoseconds; a short child does not make a long trace match a window of short ones.

use super::Vote;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::ratio::Threshold;

#[derive(Debug)]
pub struct Latency {
    above_nanos: u64,
    up_to_nanos: u64,
}

impl Latency {
    pub fn new(threshold_ms: u64, upper_threshold_ms: u64) -> Result<Latency, String> {
        if upper_threshold_ms != 0 && upper_threshold_ms <= threshold_ms {
            return Err(format!(
                "upper_threshold_ms ({upper_threshold_ms}) must be above threshold_ms ({threshold_ms}), or 0 for no bound"
            ));
        }
        let nanos = |millis: u64| millis.saturating_mul(1_000_000);
        let up_to_nanos = if upper_threshold_ms == 0 { u64::MAX } else { nanos(upper_threshold_ms) };
        Ok(Latency { above_nanos: nanos(threshold_ms), up_to_nanos })
    }

    pub fn vote(&self, facts: &Facts) -> Vote {
        let took = facts.duration_nanos();
        (self.above_nanos < took && took <= self.up_to_nanos).then_some(Threshold::ALL)
    }
}
