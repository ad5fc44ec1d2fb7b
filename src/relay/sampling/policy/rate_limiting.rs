//! `rate_limiting`: keeps so many spans a second, whichever they are.
//!
//! ```yaml
//! - {name: some of the rest, type: rate_limiting, rate_limiting: {spans_per_second: 100, burst_capacity: 500}}
//! ```
//!
//! A bucket fills with `spans_per_second` and holds `burst_capacity`, which is twice of it unless said; it is full at first. A
//! trace is kept when the bucket holds as many as the trace has spans, and takes them out. One with more spans than the
//! bucket holds is never kept.
//!
//! It is asked last, and only of a trace that no other policy wants, in an `and` only of what the rest of the list wants:
//! what it lets through is not used up by traces that are kept, or let go, whatever it says. The Collector asks in the order
//! of the list: see [`differences`](crate::relay::sampling::differences).
//!
//! Whom it keeps depends on who came before and on nothing in the trace, so that nobody can say which share of all traces a
//! kept one stands for: its spans carry no `th`. Those that a share has kept carry theirs, and are still a true sample.

use super::Vote;
use super::bucket::Bucket;
use super::compile::Compiler;
use crate::relay::clock::Tick;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::threshold::Threshold;

/// A bucket of spans.
#[derive(Debug)]
pub(super) struct RateLimiting {
    bucket: Bucket,
}

impl RateLimiting {
    pub(super) fn new(spans_per_second: u64, burst_capacity: u64, compiler: &mut Compiler) -> Option<RateLimiting> {
        if spans_per_second == 0 {
            compiler.problem("spans_per_second", "is 0: nothing could be kept for long");
            return None;
        }
        Some(RateLimiting { bucket: Bucket::new(spans_per_second, burst_capacity) })
    }

    pub(super) fn vote(&self, facts: &Facts, now: Tick) -> Vote {
        self.bucket.take(facts.spans().into(), now).then_some(Threshold::UNTOLD)
    }
}
