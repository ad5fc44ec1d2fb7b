//! The ratio stage: keeps a share of traces by their ids alone, so that everybody who looks at the same trace says the
//! same, at once and without memory.
//!
//! Which mode? `consistent`, unless something else in the path has decided before in a way of its own:
//!
//! | mode | keeps a trace when | says so |
//! |---|---|---|
//! | `consistent` | R >= T; R is `rv`, else the last 56 bits of the trace id | `th` |
//! | `equalizing` | the same; it is the Collector's name for it: a trace that was already sampled harder keeps its `th` | `th` |
//! | `proportional` | R >= T, where T keeps the share of what an earlier stage (`th`) has left | `th` |
//! | `otel_fnv14` | the Collector's `probabilistic_sampler` in mode `hash_seed` would | – |
//! | `otel_fnv64` | the Collector's tail sampling policy `probabilistic` would (without tracestate) | – |
//! | `sdk_traceidratio` | an SDK's `TraceIdRatioBased` with this share would | `th` and `rv` |
//!
//! The last exists because SDKs keep the *low* end of 64 bits and the consistent rule keeps the *high* end of 56: an SDK
//! at 10 % in front of `consistent` at 10 % leaves 1 %. It is the rule of Python: keep when the low 64 bits of the id are
//! below round(share x 2^64). Go and Rust compare the upper 63 of these bits with a bound that is rounded down, so that
//! whatever they keep is kept here too. Java compares the absolute value of the same bits as a signed number, .NET and
//! JavaScript look at other bits: behind these SDKs, set `consistent` with the share wanted in the end and `always_on` in the app.

mod fnv;

use crate::relay::otlp::TraceId;
use crate::relay::sampling::threshold::{DIGITS_MAX, low_64};
use crate::relay::sampling::tracestate::{self, Stamp};
use fnv::Fnv14;

pub use crate::relay::sampling::threshold::{Threshold, randomness_of};
pub use fnv::Fnv64;

/// How a ratio is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// R >= T, with R an explicit `rv`, or the last 56 bits of the trace id.
    #[default]
    Consistent,
    /// As `Consistent`: traces that come with a higher threshold keep it, so the share is what remains in the end.
    Equalizing,
    /// The share is taken of what arrives: it multiplies with the share that a trace comes with.
    Proportional,
    /// The Collector's probabilistic processor in mode `hash_seed`: 14 bits of FNV-1a over a seed and the trace id.
    OtelFnv14,
    /// The Collector's `probabilistic` tail sampling policy: FNV-1a of 64 bits over a salt and the trace id.
    OtelFnv64,
    /// What an SDK's TraceIdRatioBased decides: the low 64 bits of the trace id are below share x 2^64.
    SdkTraceIdRatio,
}

/// Every mode, with its name in the configuration.
pub const MODES: [(&str, Mode); 6] = [
    ("consistent", Mode::Consistent),
    ("equalizing", Mode::Equalizing),
    ("proportional", Mode::Proportional),
    ("otel_fnv14", Mode::OtelFnv14),
    ("otel_fnv64", Mode::OtelFnv64),
    ("sdk_traceidratio", Mode::SdkTraceIdRatio),
];

/// What some modes can be told besides their share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Hexadecimal digits of `th`, 1 to 14.
    pub precision: u32,
    /// `otel_fnv14`: the Collector's `hash_seed`.
    pub hash_seed: u32,
    /// `otel_fnv64`: the Collector's `hash_salt`; empty is the Collector's default.
    pub hash_salt: String,
}

impl Default for Details {
    fn default() -> Details {
        Details { precision: Threshold::PRECISION, hash_seed: 0, hash_salt: String::new() }
    }
}

/// A share of traces, and how it is chosen.
#[derive(Clone, Debug)]
pub struct Ratio {
    rule: Rule,
}

/// A mode with everything computed that does not depend on the trace.
#[derive(Clone, Debug)]
enum Rule {
    Everything,
    Nothing,
    Consistent(Threshold),
    Proportional {
        share: f64,
        precision: u32,
    },
    Fnv14(Fnv14),
    Fnv64(Fnv64),
    /// Keeps what is below the bound; its threshold is one for the complement of what is compared.
    Sdk {
        bound: u64,
        threshold: Threshold,
    },
}

impl Ratio {
    /// A share between nothing (0.0) and everything (1.0), without details.
    pub fn new(share: f64, mode: Mode) -> Option<Ratio> {
        Ratio::with(share, mode, &Details::default())
    }

    /// A share between nothing (0.0) and everything (1.0); nothing when it or the precision is out of bounds.
    pub fn with(share: f64, mode: Mode, details: &Details) -> Option<Ratio> {
        let fine = (0.0..=1.0).contains(&share) && (1..=DIGITS_MAX).contains(&details.precision);
        fine.then(|| Ratio { rule: Rule::of(share, mode, details) })
    }

    /// Whether every trace is kept, and nothing needs to be said of it.
    pub fn keeps_all(&self) -> bool {
        matches!(self.rule, Rule::Everything)
    }

    /// How a trace is stamped when it is kept; nothing when it is not.
    pub fn decide(&self, trace: &TraceId, trace_state: Option<&[u8]>) -> Option<Stamp> {
        match &self.rule {
            Rule::Everything => Some(Stamp::default()),
            Rule::Nothing => None,
            Rule::Consistent(threshold) => {
                let randomness = trace_state.and_then(tracestate::randomness);
                consistent(*threshold, randomness.unwrap_or_else(|| randomness_of(trace)))
            }
            Rule::Proportional { share, precision } => {
                let said = trace_state.map(tracestate::read).unwrap_or_default();
                let randomness = said.randomness.unwrap_or_else(|| randomness_of(trace));
                // A threshold that the randomness contradicts is no truth to build on.
                let arrived = said.threshold.filter(|own| own.keeps(randomness)).unwrap_or(Threshold::ALL);
                consistent(Threshold::of_share_with(arrived.share() * share, *precision)?, randomness)
            }
            Rule::Fnv14(fnv) => fnv.keeps(trace).then(Stamp::default),
            Rule::Fnv64(fnv) => fnv.keeps(trace).then(Stamp::default),
            Rule::Sdk { bound, threshold } => (low_64(trace) < *bound)
                .then(|| Stamp { threshold: Some(*threshold), randomness: Some(complement(trace)) }),
        }
    }

    /// How a trace is stamped that this ratio has kept, and that later stages have kept by `threshold`, what they know of
    /// this one included; `randomness` is what they went by, where that is not in the trace id. Behind a hash there is
    /// nothing to say: the share that is left is no threshold's.
    pub fn stamp(&self, trace: &TraceId, threshold: Threshold, randomness: Option<u64>) -> Stamp {
        match &self.rule {
            Rule::Sdk { .. } => {
                Stamp { threshold: Some(threshold), randomness: Some(randomness.unwrap_or_else(|| complement(trace))) }
            }
            Rule::Everything | Rule::Nothing | Rule::Consistent(_) | Rule::Proportional { .. } => {
                Stamp { threshold: Some(threshold), randomness }
            }
            Rule::Fnv14(_) | Rule::Fnv64(_) => Stamp::default(),
        }
    }
}

impl Rule {
    fn of(share: f64, mode: Mode, details: &Details) -> Rule {
        let precision = details.precision;
        if share == 1.0 {
            return Rule::Everything;
        }
        if share == 0.0 {
            return Rule::Nothing;
        }
        match mode {
            Mode::Consistent | Mode::Equalizing => {
                Threshold::of_share_with(share, precision).map_or(Rule::Nothing, Rule::Consistent)
            }
            Mode::Proportional => Rule::Proportional { share, precision },
            Mode::OtelFnv14 => Rule::Fnv14(Fnv14::new(share, details.hash_seed)),
            Mode::OtelFnv64 => Rule::Fnv64(Fnv64::new(share, &details.hash_salt)),
            Mode::SdkTraceIdRatio => Rule::sdk(share, precision),
        }
    }

    /// Python rounds half to even, as here. A share below 1 is below it by 2^-53 or more: the bound has 64 bits.
    fn sdk(share: f64, precision: u32) -> Rule {
        let bound = (share * 2f64.powi(64)).round_ties_even() as u64;
        match Threshold::new(bound.wrapping_neg() >> 8) {
            Some(threshold) if bound != 0 => Rule::Sdk { bound, threshold: threshold.lowered_to(precision) },
            Some(_) | None => Rule::Nothing,
        }
    }
}

fn consistent(threshold: Threshold, randomness: u64) -> Option<Stamp> {
    threshold.keeps(randomness).then_some(Stamp { threshold: Some(threshold), randomness: None })
}

/// SDKs keep the low end of 64 bits; the complement of these bits is a randomness of which they keep the high end.
fn complement(trace: &TraceId) -> u64 {
    !low_64(trace) >> 8
}

#[cfg(test)]
mod tests;
