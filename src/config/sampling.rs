//! `sampling:` the ratio stage, and what completion and late spans need.

use std::time::Duration;

/// How the ratio stage turns a trace id into a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatioMode {
    /// W3C consistent probability, on top of what was sampled before.
    Consistent,
    /// Brings every span to the same probability, whatever was sampled before.
    Equalizing,
    /// Multiplies what was sampled before.
    Proportional,
    /// The Collector's 14 bit FNV hash of the trace id.
    OtelFnv14,
    /// 64 bit FNV hash of the trace id.
    OtelFnv64,
    /// The low 64 bits of the trace id, as the SDKs' TraceIdRatioBased does.
    SdkTraceidratio,
}

/// The ratio stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioSpec {
    /// How a trace id becomes a decision.
    pub mode: RatioMode,
    /// Share of traces kept, between 0.0 and 1.0.
    pub share: f64,
    /// Seed of the FNV modes.
    pub hash_seed: u32,
}

/// The ratio stage, completion and memory of decisions, as meant.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingConfig {
    /// The ratio stage; none where it was not asked for.
    pub ratio: Option<RatioSpec>,
    /// Hexadecimal digits of `th`, 1 to 14.
    pub precision: u8,
    /// How long after its last arrival a complete trace is decided.
    pub grace: Duration,
    /// Bytes for remembered decisions, inside the budget.
    pub remember: usize,
    /// Traces waiting for their decision at once.
    pub traces_max: usize,
    /// Spans of one trace, at which it is decided on what is there.
    pub trace_spans_max: u32,
    /// Bytes of one trace, at which it is decided on what is there.
    pub trace_size_max: usize,
}
