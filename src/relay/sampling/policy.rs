//! Policies: each looks at the facts of a trace and votes. A trace is kept when any votes for it and no `drop` policy
//! matches; fields and meanings are those of the OpenTelemetry Collector's tail sampling processor.
//!
//! A policy is one file in `policy/`: it compiles the fields of its [`Rule`] and votes on [`Facts`]. To add one, add that
//! file, a variant of [`Rule`] and one of `Policy`; the compiler names the two places that must know it, and
//! `config/policies/rules.rs` reads its block. Policies ask for attributes through [`Watch`] while they are compiled; what
//! none asks for is never looked at.
//!
//! The Collector's other ten fit in so: `not` and `composite` hold policies, as `and` does. `numeric_attribute` and
//! `boolean_attribute` are further kinds of [`Matcher`](crate::relay::sampling::facts::Matcher). `span_count` asks what
//! [`Facts`] know already; `trace_state`, `trace_flags` and `ottl_condition` have a span answer as it arrives, with a
//! [mark](crate::relay::sampling::facts::Marks) or a field of their own in the facts. `rate_limiting` and `bytes_limiting`
//! are told the time in `Case` and remember what they have let through in a `Cell` of their own, for no policy is asked by
//! two at once.

mod and;
mod compile;
mod latency;
mod probabilistic;
mod status_code;
mod string_attribute;

use std::fmt;

use crate::relay::otlp::TraceId;
use crate::relay::sampling::facts::{Facts, Watch};
use crate::relay::sampling::threshold::Threshold;
use compile::Compiler;

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
        /// Results of matching remembered by the Collector; nothing needs to be remembered here.
        cache_max_size: usize,
    },
    /// All of them.
    And(Vec<PolicySpec>),
    /// All of them, and then the trace goes, whatever else wants it.
    Drop(Vec<PolicySpec>),
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
}

/// A compiled policy. `drop` is none: it has no vote but a veto, and stands beside them in [`Sampler`].
#[derive(Debug)]
enum Policy {
    AlwaysSample,
    StatusCode(status_code::StatusCodes),
    Latency(latency::Latency),
    Probabilistic(probabilistic::Probabilistic),
    StringAttribute(string_attribute::StringAttribute),
    And(and::And),
}

impl Policy {
    fn vote(&self, case: Case<'_>) -> Vote {
        match self {
            Policy::AlwaysSample => Some(Threshold::ALL),
            Policy::StatusCode(policy) => policy.vote(case.facts),
            Policy::Latency(policy) => policy.vote(case.facts),
            Policy::Probabilistic(policy) => policy.vote(case.trace, case.facts),
            Policy::StringAttribute(policy) => policy.vote(case.facts),
            Policy::And(policy) => policy.vote(case),
        }
    }
}

/// All policies of a configuration.
#[derive(Debug)]
pub struct Sampler {
    names: Vec<String>,
    drops: Vec<(u16, and::And)>,
    keeps: Vec<(u16, Policy)>,
    watch: Watch,
    notes: Vec<PolicyNote>,
}

impl Sampler {
    /// Compiles the policies, or says everything that is wrong with them.
    pub fn new(specs: &[PolicySpec]) -> Result<Sampler, Vec<PolicyProblem>> {
        let mut compiler = Compiler::default();
        let (mut drops, mut keeps) = (Vec::new(), Vec::new());
        compiler.check_names(specs);
        for (place, spec) in specs.iter().enumerate() {
            let Ok(number) = u16::try_from(place) else { break };
            compiler.at(format!("policies[{place}]"), |compiler| match &spec.rule {
                Rule::Drop(policies) => drops.extend(compiler.drop_policy(policies).map(|all| (number, all))),
                rule => keeps.extend(compiler.policy(rule).map(|policy| (number, policy))),
            });
        }
        let Compiler { watch, problems, notes, .. } = compiler;
        let names = specs.iter().map(|spec| spec.name.clone()).collect();
        if problems.is_empty() { Ok(Sampler { names, drops, keeps, watch, notes }) } else { Err(problems) }
    }

    /// The policies' names, in the order of the configuration.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Which attributes have to be looked at.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// What the configuration says that has no effect here, or another one than somebody may expect.
    pub fn notes(&self) -> &[PolicyNote] {
        &self.notes
    }

    /// Decides a trace on what is known of it. `drop` policies come first, wherever they stand, and what they match goes.
    /// Then the first policy that wants the trace gets the credit, and the smallest threshold of all that do is the one it
    /// is kept by: each of them alone would have kept it.
    pub fn decide(&self, trace: &TraceId, facts: &Facts) -> Verdict {
        let case = Case { trace, facts };
        if let Some((place, _)) = self.drops.iter().find(|(_, all)| all.vote(case).is_some()) {
            return Verdict::Release { drop_policy: Some(*place) };
        }
        let mut kept: Option<(u16, Threshold)> = None;
        for (place, policy) in &self.keeps {
            let Some(threshold) = policy.vote(case) else { continue };
            kept = Some(kept.map_or((*place, threshold), |(first, least)| (first, least.min(threshold))));
            // No threshold is smaller, and no policy here changes by being asked.
            if threshold == Threshold::ALL {
                break;
            }
        }
        match kept {
            Some((policy, threshold)) => Verdict::Keep { policy, threshold: threshold.max(facts.passed()) },
            None => Verdict::Release { drop_policy: None },
        }
    }
}

#[cfg(test)]
mod tests;
