//! The ratio stage: keeps a share of traces by their ids alone, so that everybody who looks at the same trace says the
//! same. Consistent probability sampling as the OpenTelemetry tracestate specification has it: keep when R >= T.

use crate::relay::otlp::TraceId;
use crate::relay::sampling::tracestate::{self, Stamp};

/// A rejection threshold T of 56 bits: a trace is kept when its randomness is at least this. 0 keeps everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold(u64);

/// 2^56: one more than the largest randomness.
const WHOLE: u64 = 1 << 56;

/// Hexadecimal digits that a threshold is written with, beyond leading `f`s.
const PRECISION: u32 = 4;

impl Threshold {
    /// Keeps everything.
    pub const ALL: Threshold = Threshold(0);

    /// A threshold of these 56 bits; nothing when there are more.
    pub fn new(bits: u64) -> Option<Threshold> {
        (bits < WHOLE).then_some(Threshold(bits))
    }

    /// The threshold that keeps `share` of all traces, rounded to four significant digits. Nothing is kept by a share
    /// that rounds to none: then there is no threshold.
    pub fn of_share(share: f64) -> Option<Threshold> {
        let exact = ((1.0 - share).clamp(0.0, 1.0) * WHOLE as f64).round() as u64;
        let leading = if exact < WHOLE { (exact << 8).leading_ones() / 4 } else { return None };
        let unit = 1u64 << (4 * (14 - (leading + PRECISION).min(14)));
        Threshold::new((exact + unit / 2) / unit * unit).or(Threshold::new(exact))
    }

    /// The 56 bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether a trace of this randomness is kept.
    pub const fn keeps(self, randomness: u64) -> bool {
        self.0 <= randomness
    }

    /// The share of all traces that this keeps.
    pub fn share(self) -> f64 {
        (WHOLE - self.0) as f64 / WHOLE as f64
    }

    /// As `th` has it: 14 hexadecimal digits without the zeros at the end, and `0` for none at all.
    pub fn to_hex(self) -> String {
        let digits = format!("{:014x}", self.0);
        match digits.trim_end_matches('0') {
            "" => "0".to_owned(),
            digits => digits.to_owned(),
        }
    }
}

/// How a ratio is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// R >= T, with R an explicit `rv`, or the last 56 bits of the trace id.
    #[default]
    Consistent,
    /// As `Consistent`, but traces that come with a higher threshold keep it: the share is what remains in the end.
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

/// A share of traces, and how it is chosen.
#[derive(Clone, Debug)]
pub struct Ratio {
    mode: Mode,
    share: f64,
    /// Nothing when nothing is kept.
    threshold: Option<Threshold>,
}

impl Ratio {
    /// A share between nothing (0.0) and everything (1.0).
    pub fn new(share: f64, mode: Mode) -> Option<Ratio> {
        (0.0..=1.0).contains(&share).then(|| Ratio { mode, share, threshold: Threshold::of_share(share) })
    }

    /// Whether every trace is kept, and nothing needs to be said of it.
    pub fn keeps_all(&self) -> bool {
        1.0 <= self.share
    }

    /// How a trace is stamped when it is kept; nothing when it is not.
    pub fn decide(&self, trace: &TraceId, trace_state: Option<&[u8]>) -> Option<Stamp> {
        if self.keeps_all() {
            return Some(Stamp::default());
        }
        match self.mode {
            Mode::Consistent => self.consistent(self.threshold?, trace, trace_state),
            Mode::Equalizing => {
                let own = trace_state.and_then(tracestate::threshold).unwrap_or(Threshold::ALL);
                self.consistent(self.threshold?.max(own), trace, trace_state)
            }
            Mode::Proportional => {
                let own = trace_state.and_then(tracestate::threshold).map_or(1.0, Threshold::share);
                self.consistent(Threshold::of_share(own * self.share)?, trace, trace_state)
            }
            Mode::OtelFnv14 => {
                let buckets = (self.share * f64::from(1 << 14)) as u32;
                (fnv32(&[&[0; 4], trace.as_bytes()]) & 0x3fff < buckets).then(Stamp::default)
            }
            Mode::OtelFnv64 => {
                let limit = (self.share * u64::MAX as f64) as u64;
                (fnv64(&[b"default-hash-seed", trace.as_bytes()]) <= limit).then(Stamp::default)
            }
            Mode::SdkTraceIdRatio => self.sdk(trace),
        }
    }

    fn consistent(&self, threshold: Threshold, trace: &TraceId, trace_state: Option<&[u8]>) -> Option<Stamp> {
        let randomness = trace_state.and_then(tracestate::randomness).unwrap_or_else(|| randomness_of(trace));
        threshold.keeps(randomness).then_some(Stamp { threshold: Some(threshold), randomness: None })
    }

    /// The SDK keeps the low end of 64 bits; their complement is a randomness of which it keeps the high end.
    fn sdk(&self, trace: &TraceId) -> Option<Stamp> {
        let bound = (self.share * 2f64.powi(64)).round_ties_even() as u128;
        let low = low_64(trace);
        if bound <= u128::from(low) {
            return None;
        }
        let threshold = Threshold::new((((1u128 << 64) - bound) >> 8) as u64)?;
        Some(Stamp { threshold: Some(threshold), randomness: Some(!low >> 8) })
    }
}

/// The randomness that a trace id itself is: its last 56 bits.
pub fn randomness_of(trace: &TraceId) -> u64 {
    low_64(trace) & (WHOLE - 1)
}

fn low_64(trace: &TraceId) -> u64 {
    let mut low = [0; 8];
    low.copy_from_slice(&trace.as_bytes()[8..]);
    u64::from_be_bytes(low)
}

fn fnv32(parts: &[&[u8]]) -> u32 {
    parts
        .iter()
        .flat_map(|part| part.iter())
        .fold(0x811c_9dc5, |hash: u32, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn fnv64(parts: &[&[u8]]) -> u64 {
    parts
        .iter()
        .flat_map(|part| part.iter())
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
