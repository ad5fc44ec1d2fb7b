//! Policies: each looks at the facts of a trace and votes. A trace is kept when any votes for it and no `drop` policy
//! matches; fields and meanings are those of the OpenTelemetry Collector's tail sampling processor.
//!
//! A policy is one file in `policy/`: it compiles the fields of its [`Rule`] and votes on [`Facts`]. To add one, add that
//! file, a variant of [`Rule`] and one of `Policy`; the compiler names the two places that must know it, and
//! `config/policies/rules.rs` reads its block. Policies ask for attributes through [`Watch`](crate::relay::sampling::facts::Watch) while they are compiled; what
//! none asks for is never looked at.
//!
//! A policy that asks for something else of a span than attributes has its question answered as the span arrives, with a
//! [mark](crate::relay::sampling::facts::Marks) in the facts. One that limits a rate is told the time in `Case` and remembers
//! what it has let through in a `Cell` of its own, for no policy is asked by two at once.

mod and;
mod boolean_attribute;
mod bucket;
mod bytes_limiting;
mod compile;
mod composite;
mod latency;
mod not;
mod numeric_attribute;
mod ottl_condition;
mod place;
mod probabilistic;
mod rate_limiting;
mod rule;
mod sampler;
mod span_count;
mod status_code;
mod string_attribute;
mod trace_flags;
mod trace_state;

use std::fmt;

use crate::relay::clock::Tick;
use crate::relay::otlp::TraceId;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::threshold::Threshold;

pub use crate::relay::sampling::compat::Compat;
pub use crate::relay::sampling::ottl::ErrorMode;
pub use place::Place;
pub use rule::{Allocation, PolicySpec, Rule, StatusCode};
pub use sampler::{Options, Sampler};

/// What is wrong with a regular expression of a policy and where, if anything is.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    crate::relay::sampling::pattern::read(pattern).map(drop)
}

/// What is wrong with a policy: nothing runs until it is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// Where, as the configuration has it: `policies[2].and.and_sub_policy[0].string_attribute.values[1]`.
    pub path: String,
    /// What, and what would be right.
    pub message: String,
}

/// What is allowed, and does not do what someone may expect of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyNote {
    /// Where, as the configuration has it.
    pub path: String,
    /// What happens instead, as the rest of a sentence that the path begins.
    pub message: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// What becomes of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is kept.
    Keep {
        /// The first policy that wanted it.
        policy: u16,
        /// The smallest threshold of those that wanted it, and not less than what it has passed before.
        threshold: Threshold,
    },
    /// It is let go.
    Release {
        /// The `drop` policy that said so; none when no policy wanted it.
        drop_policy: Option<u16>,
    },
}

/// A policy's vote: the threshold it keeps a trace by, or nothing. Not a matter of chance is [`Threshold::ALL`].
type Vote = Option<Threshold>;

/// What a policy votes on. What only some of them want to know is added here, and the others' files stay as they are.
#[derive(Clone, Copy, Debug)]
struct Case<'a> {
    trace: &'a TraceId,
    facts: &'a Facts,
    now: Tick,
}

/// Which traces a policy can want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// None.
    Never,
    /// It depends.
    Sometimes,
    /// All.
    Always,
}

/// A compiled policy. `drop` is none: it has no vote but a veto, and stands beside them in [`Sampler`].
#[derive(Debug)]
enum Policy {
    AlwaysSample,
    StatusCode(status_code::StatusCodes),
    Latency(latency::Latency),
    Probabilistic(probabilistic::Probabilistic),
    StringAttribute(string_attribute::StringAttribute),
    NumericAttribute(numeric_attribute::NumericAttribute),
    BooleanAttribute(boolean_attribute::BooleanAttribute),
    TraceState(trace_state::TraceState),
    TraceFlags,
    SpanCount(span_count::SpanCount),
    RateLimiting(rate_limiting::RateLimiting),
    BytesLimiting(bytes_limiting::BytesLimiting),
    OttlCondition(ottl_condition::OttlCondition),
    And(and::And),
    Not(not::Not),
    Composite(composite::Composite),
}

impl Policy {
    fn vote(&self, case: Case<'_>) -> Vote {
        match self {
            Policy::AlwaysSample => Some(Threshold::ALL),
            Policy::StatusCode(policy) => policy.vote(case.facts),
            Policy::Latency(policy) => policy.vote(case.facts),
            Policy::Probabilistic(policy) => policy.vote(case.trace, case.facts),
            Policy::StringAttribute(policy) => policy.vote(case.facts),
            Policy::NumericAttribute(policy) => policy.vote(case.facts),
            Policy::BooleanAttribute(policy) => policy.vote(case.facts),
            Policy::TraceState(policy) => policy.vote(case.facts),
            Policy::TraceFlags => trace_flags::vote(case.facts),
            Policy::SpanCount(policy) => policy.vote(case.facts),
            Policy::RateLimiting(policy) => policy.vote(case.facts, case.now),
            Policy::BytesLimiting(policy) => policy.vote(case.facts, case.now),
            Policy::OttlCondition(policy) => policy.vote(case.facts),
            Policy::And(policy) => policy.vote(case),
            Policy::Not(policy) => policy.vote(case),
            Policy::Composite(policy) => policy.vote(case),
        }
    }

    /// Whether it has no vote because something could not be evaluated: then its opposite has none either.
    fn failed(&self, case: Case<'_>) -> bool {
        matches!(self, Policy::OttlCondition(policy) if policy.failed(case.facts))
    }

    /// Whether its vote depends on what it was asked before, so that asking it costs something.
    fn is_limit(&self) -> bool {
        match self {
            Policy::RateLimiting(_) | Policy::BytesLimiting(_) | Policy::Composite(_) => true,
            Policy::And(policy) => policy.inside().iter().any(Policy::is_limit),
            Policy::Not(policy) => policy.inside().is_limit(),
            Policy::AlwaysSample
            | Policy::StatusCode(_)
            | Policy::Latency(_)
            | Policy::Probabilistic(_)
            | Policy::StringAttribute(_)
            | Policy::NumericAttribute(_)
            | Policy::BooleanAttribute(_)
            | Policy::TraceState(_)
            | Policy::TraceFlags
            | Policy::SpanCount(_)
            | Policy::OttlCondition(_) => false,
        }
    }

    /// Whether its vote is a matter of the trace alone, and neither of chance nor of who came before.
    fn is_certain(&self) -> bool {
        match self {
            Policy::Probabilistic(_) => false,
            Policy::And(policy) => policy.inside().iter().all(Policy::is_certain),
            Policy::Not(policy) => policy.inside().is_certain(),
            other => !other.is_limit(),
        }
    }

    /// Which traces it can want, as far as that can be told.
    fn reach(&self) -> Reach {
        match self {
            Policy::AlwaysSample => Reach::Always,
            Policy::Probabilistic(policy) => policy.reach(),
            Policy::SpanCount(policy) => policy.reach(),
            Policy::And(policy) => policy.reach(),
            Policy::Not(policy) => match policy.inside().reach() {
                Reach::Never => Reach::Always,
                Reach::Sometimes => Reach::Sometimes,
                Reach::Always => Reach::Never,
            },
            Policy::StatusCode(_)
            | Policy::Latency(_)
            | Policy::StringAttribute(_)
            | Policy::NumericAttribute(_)
            | Policy::BooleanAttribute(_)
            | Policy::TraceState(_)
            | Policy::TraceFlags
            | Policy::RateLimiting(_)
            | Policy::BytesLimiting(_)
            | Policy::OttlCondition(_)
            | Policy::Composite(_) => Reach::Sometimes,
        }
    }
}

#[cfg(test)]
mod tests;
