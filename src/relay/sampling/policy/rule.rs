//! Policies as they are written: types, fields and names are those of the Collector's tail sampling processor.

use crate::relay::sampling::ottl::ErrorMode;

/// A span's status as policies name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusCode {
    /// Nothing said.
    Unset,
    /// Explicitly fine.
    Ok,
    /// Failed.
    Error,
}

/// A policy: a name for metrics, and its rule.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicySpec {
    /// Unique, for metrics and books.
    pub name: String,
    /// What it looks for.
    pub rule: Rule,
}

/// What a policy looks for, in the Collector's own field names.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Everything.
    AlwaysSample,
    /// Any span with one of these.
    StatusCode {
        /// The statuses looked for.
        status_codes: Vec<StatusCode>,
    },
    /// The trace took longer: from its earliest start to its latest end, compared in nanoseconds.
    Latency {
        /// Longer than this, in milliseconds.
        threshold_ms: u64,
        /// At most this, in milliseconds; 0 is no bound.
        upper_threshold_ms: u64,
    },
    /// A share, by the trace's randomness.
    Probabilistic {
        /// Percents: nothing is kept by 0 and less, everything by 100 and more.
        sampling_percentage: f64,
        /// What the Collector's hash of the trace id is salted with; without effect where the trace's own randomness decides.
        hash_salt: String,
    },
    /// An attribute of resource or span.
    StringAttribute {
        /// Its name.
        key: String,
        /// Texts or regular expressions.
        values: Vec<String>,
        /// Whether `values` are regular expressions, unanchored.
        enabled_regex_matching: bool,
        /// Whether it is the absence of a match that counts.
        invert_match: bool,
        /// Results of matching remembered by the Collector; nothing needs to be remembered here.
        cache_max_size: usize,
    },
    /// A number in an attribute of resource or span.
    NumericAttribute {
        /// Its name.
        key: String,
        /// The least; none is no bound.
        min_value: Option<i64>,
        /// The most; none is no bound.
        max_value: Option<i64>,
        /// Whether it is the absence of a match that counts.
        invert_match: bool,
    },
    /// A truth in an attribute of resource or span.
    BooleanAttribute {
        /// Its name.
        key: String,
        /// Which truth.
        value: bool,
        /// Whether it is the absence of a match that counts.
        invert_match: bool,
    },
    /// A member of some span's tracestate.
    TraceState {
        /// Its key.
        key: String,
        /// The values looked for, each whole.
        values: Vec<String>,
    },
    /// The sampled bit in some span's trace flags.
    TraceFlags,
    /// How many spans the trace has.
    SpanCount {
        /// At least this many.
        min_spans: u32,
        /// At most this many; 0 is no bound.
        max_spans: u32,
    },
    /// So many spans a second, and no more.
    RateLimiting {
        /// How many.
        spans_per_second: u64,
        /// How many at once; 0 is twice as many as in a second.
        burst_capacity: u64,
    },
    /// So many bytes a second, and no more.
    BytesLimiting {
        /// How many.
        bytes_per_second: u64,
        /// How many at once; 0 is twice as many as in a second.
        burst_capacity: u64,
    },
    /// Conditions in OTTL, one of which is enough.
    OttlCondition {
        /// What becomes of a condition that cannot be evaluated.
        error_mode: ErrorMode,
        /// Conditions on each span.
        span: Vec<String>,
        /// Conditions on each event of a span.
        spanevent: Vec<String>,
    },
    /// All of them.
    And(Vec<PolicySpec>),
    /// The opposite of it.
    Not(Box<PolicySpec>),
    /// All of them, and then the trace goes, whatever else wants it.
    Drop(Vec<PolicySpec>),
    /// One after another, each with its share of a common number of spans a second.
    Composite {
        /// That number.
        max_total_spans_per_second: u64,
        /// Names of the policies, the first to be asked first.
        policy_order: Vec<String>,
        /// The policies.
        composite_sub_policy: Vec<PolicySpec>,
        /// The shares.
        rate_allocation: Vec<Allocation>,
    },
}

/// A share of what a composite may keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// The name of the policy that has it.
    pub policy: String,
    /// How much of the whole, in percent.
    pub percent: u32,
}

impl Rule {
    /// Its type in the configuration.
    pub fn kind(&self) -> &'static str {
        match self {
            Rule::AlwaysSample => "always_sample",
            Rule::StatusCode { .. } => "status_code",
            Rule::Latency { .. } => "latency",
            Rule::Probabilistic { .. } => "probabilistic",
            Rule::StringAttribute { .. } => "string_attribute",
            Rule::NumericAttribute { .. } => "numeric_attribute",
            Rule::BooleanAttribute { .. } => "boolean_attribute",
            Rule::TraceState { .. } => "trace_state",
            Rule::TraceFlags => "trace_flags",
            Rule::SpanCount { .. } => "span_count",
            Rule::RateLimiting { .. } => "rate_limiting",
            Rule::BytesLimiting { .. } => "bytes_limiting",
            Rule::OttlCondition { .. } => "ottl_condition",
            Rule::And(_) => "and",
            Rule::Not(_) => "not",
            Rule::Drop(_) => "drop",
            Rule::Composite { .. } => "composite",
        }
    }
}
