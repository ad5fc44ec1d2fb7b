//! `tail_sampling:` the Collector's block, word for word.

use std::time::Duration;

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

/// What a policy looks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Everything.
    AlwaysSample,
    /// Any span with one of these.
    StatusCode {
        /// The statuses looked for.
        status_codes: Vec<StatusCode>,
    },
    /// The trace took longer.
    Latency {
        /// Longer than this, in milliseconds.
        threshold_ms: u64,
        /// At most this, in milliseconds; 0 is no bound.
        upper_threshold_ms: u64,
    },
    /// A share, by the trace's randomness.
    Probabilistic {
        /// Between 0 and 100.
        sampling_percentage: f64,
        /// Kept from the Collector's block; decisions here are made on the trace's own randomness.
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
        /// Results of matching remembered.
        cache_max_size: usize,
    },
    /// All of them.
    And(Vec<PolicySpec>),
    /// All of them, and then the trace goes, whatever else wants it.
    Drop(Vec<PolicySpec>),
}

/// Tail sampling, as meant.
#[derive(Clone, Debug, PartialEq)]
pub struct TailConfig {
    /// How long a trace waits, from its first span, when nothing says that it is complete.
    pub decision_wait: Duration,
    /// At least one.
    pub policies: Vec<PolicySpec>,
}
