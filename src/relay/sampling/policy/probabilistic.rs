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
//! what the threshold that it writes says. With `sampling.compat: otelcol` that hash decides, and no threshold is written.

use super::compile::Compiler;
use super::{Reach, Vote};
use crate::relay::otlp::TraceId;
use crate::relay::sampling::compat::Compat;
use crate::relay::sampling::differences::PROBABILISTIC_HASH;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::ratio::Fnv64;
use crate::relay::sampling::threshold::{Threshold, randomness_of};

/// A share of all traces.
#[derive(Debug)]
pub(super) enum Probabilistic {
    /// By randomness; nothing when nothing is kept.
    Consistent(Option<Threshold>),
    /// By the Collector's hash.
    Hash(Fnv64),
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
        if 0.0 < percentage && percentage < 100.0 {
            compiler.differs(&PROBABILISTIC_HASH);
        }
        Some(match compiler.compat {
            Compat::Strict => {
                if !hash_salt.is_empty() {
                    compiler
                        .note("hash_salt", "has no effect: the trace's own randomness decides, which needs no salt");
                }
                Probabilistic::Consistent(Threshold::of_share(percentage / 100.0))
            }
            Compat::Otelcol => Probabilistic::Hash(Fnv64::new((percentage / 100.0).clamp(0.0, 1.0), hash_salt)),
        })
    }

    pub(super) fn vote(&self, trace: &TraceId, facts: &Facts) -> Vote {
        match self {
            Probabilistic::Consistent(threshold) => {
                let randomness = facts.randomness().unwrap_or_else(|| randomness_of(trace));
                threshold.filter(|threshold| threshold.keeps(randomness))
            }
            Probabilistic::Hash(hash) => hash.keeps(trace).then_some(Threshold::UNTOLD),
        }
    }

    pub(super) fn reach(&self) -> Reach {
        match self {
            Probabilistic::Consistent(None) => Reach::Never,
            Probabilistic::Consistent(Some(Threshold::ALL)) => Reach::Always,
            Probabilistic::Consistent(Some(_)) => Reach::Sometimes,
            Probabilistic::Hash(hash) => {
                if hash.keeps_all() {
                    Reach::Always
                } else {
                    Reach::Sometimes
                }
            }
        }
    }
}
