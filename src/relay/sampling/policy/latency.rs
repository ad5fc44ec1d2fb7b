//! `latency`: keeps a trace that took longer than `threshold_ms`.
//!
//! ```yaml
//! - {name: slow, type: latency, latency: {threshold_ms: 500}}
//! - {name: middling, type: latency, latency: {threshold_ms: 100, upper_threshold_ms: 500}}
//! ```
//!
//! A trace takes from the earliest start to the latest end of all its spans that came through here. The lower bound is
//! exclusive, `upper_threshold_ms` is inclusive, and 0 or none is no upper bound. Both are compared in nanoseconds: 500.000001
//! ms are more than 500. Spans without a start time are left out of the beginning.
//!
//! The Collector asks after each span, so that one short child can put a long trace into a window of short ones, and drops
//! what is below a millisecond. Here the whole trace is compared, as documented there.

use super::Vote;
use super::compile::Compiler;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::threshold::Threshold;

/// Bounds of a trace's duration, in nanoseconds.
#[derive(Debug)]
pub(super) struct Latency {
    above: u64,
    up_to: u64,
}

impl Latency {
    pub(super) fn new(threshold_ms: u64, upper_threshold_ms: u64, compiler: &mut Compiler) -> Option<Latency> {
        if upper_threshold_ms != 0 && upper_threshold_ms <= threshold_ms {
            let message = format!(
                "{upper_threshold_ms} is not above threshold_ms, which is {threshold_ms}: nothing can match; 0 is no upper bound"
            );
            compiler.problem("upper_threshold_ms", message);
            return None;
        }
        let nanos = |millis: u64| millis.saturating_mul(1_000_000);
        let up_to = if upper_threshold_ms == 0 { u64::MAX } else { nanos(upper_threshold_ms) };
        Some(Latency { above: nanos(threshold_ms), up_to })
    }

    pub(super) fn vote(&self, facts: &Facts) -> Vote {
        let took = facts.duration_nanos();
        (self.above < took && took <= self.up_to).then_some(Threshold::ALL)
    }
}
