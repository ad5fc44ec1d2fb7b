//! `probabilistic`: a share of all traces, the same ones wherever the same trace is looked at. R >= T decides, R being
//! the explicit `rv` of a tracestate or the last 56 bits of the trace id.

use super::Vote;
use crate::relay::otlp::TraceId;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::ratio::{Threshold, randomness_of};

#[derive(Debug)]
pub struct Probabilistic {
    /// Nothing when nothing is kept.
    threshold: Option<Threshold>,
}

impl Probabilistic {
    pub fn new(percentage: f64) -> Result<Probabilistic, String> {
        if !percentage.is_finite() || percentage < 0.0 {
            return Err(format!("sampling_percentage ({percentage}) must be a number from 0 to 100"));
        }
        Ok(Probabilistic { threshold: Threshold::of_share(percentage / 100.0) })
    }

    pub fn vote(&self, trace: &TraceId, facts: &Facts) -> Vote {
        let randomness = facts.randomness.unwrap_or_else(|| randomness_of(trace));
        self.threshold.filter(|threshold| threshold.keeps(randomness))
    }
}
