//! `probabilistic`: keeps a share of all traces, the same ones wherever the same trace is looked at.
//!
//! ```yaml
//! - {name: a tenth, type: probabilistic, probabilistic: {sampling_percentage: 10}}
//! ```
//!
//! A trace is kept when R >= T: T is the threshold of the percentage, R the explicit randomness `rv` of the first tracestate
//! in the trace that has one, else the last 56 bits of the trace id. Kept spans carry T as `ot=th:…` in their tracestate, by
//! which a backend can count what they stand for. 100 and more keeps everything, 0 and less nothing.
//!
//! `hash_salt` is read and has no effect: the Collector mixes it into a hash of the trace id, and what it keeps then is not
//! what the threshold that it writes says. For the Collector's choice of traces, see `sampling.ratio` with the mode
//! `otel_fnv64`.

use super::Vote;
use super::compile::Compiler;
use crate::relay::otlp::TraceId;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::threshold::{Threshold, randomness_of};

/// A share of all traces.
#[derive(Debug)]
pub(super) struct Probabilistic {
    /// Nothing when nothing is kept.
    threshold: Option<Threshold>,
}

impl Probabilistic {
    pub(super) fn new(percentage: f64, hash_salt: &str, compiler: &mut Compiler) -> Option<Probabilistic> {
        let field = "sampling_percentage";
        if !percentage.is_finite() {
            compiler.problem(field, format!("{percentage} is no percentage: a number from 0 to 100"));
            return None;
        }
        if percentage < 0.0 {
            compiler.note(field, format!("is {percentage}, below 0: it keeps nothing, as 0 does"));
        }
        if 100.0 < percentage {
            compiler.note(field, format!("is {percentage}, above 100: it keeps everything, as 100 does"));
        }
        if !hash_salt.is_empty() {
            compiler.note("hash_salt", "has no effect: the trace's own randomness decides, which needs no salt");
        }
        Some(Probabilistic { threshold: Threshold::of_share(percentage / 100.0) })
    }

    pub(super) fn vote(&self, trace: &TraceId, facts: &Facts) -> Vote {
        let randomness = facts.randomness().unwrap_or_else(|| randomness_of(trace));
        self.threshold.filter(|threshold| threshold.keeps(randomness))
    }
}
