//! Policies: each looks at the facts of a trace and votes. A trace is kept when any votes for it and no `drop` policy
//! matches; fields and meanings are those of the OpenTelemetry Collector's tail sampling processor.

mod and;
mod latency;
mod probabilistic;
mod status_code;
mod string_attribute;

use std::fmt;

use crate::relay::otlp::TraceId;
use crate::relay::sampling::facts::{Facts, Watch};
use crate::relay::sampling::ratio::Threshold;

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
    /// The trace took longer: from its earliest start to its latest end, compared in nanoseconds.
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
        /// Results of matching remembered by the Collector; nothing needs to be remembered here.
        cache_max_size: usize,
    },
    /// All of them.
    And(Vec<PolicySpec>),
    /// All of them, and then the trace goes, whatever else wants it.
    Drop(Vec<PolicySpec>),
}

/// What is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// Which one, by its place: `policies[2]`.
    pub policy: String,
    /// What, and what would be right.
    pub message: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.policy, self.message)
    }
}

/// What becomes of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is kept.
    Keep {
        /// The first policy that wanted it.
        policy: u16,
        /// The smallest threshold of those that wanted it.
        threshold: Threshold,
    },
    /// It is let go.
    Release {
        /// The `drop` policy that said so; none when no policy wanted it.
        drop_policy: Option<u16>,
    },
}

/// A policy's vote: the threshold it keeps a trace by, or nothing. Not a matter of chance is threshold 0.
type Vote = Option<Threshold>;

/// A compiled policy.
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
    fn compile(rule: &Rule, watch: &mut Watch) -> Result<Policy, String> {
        Ok(match rule {
            Rule::AlwaysSample => Policy::AlwaysSample,
            Rule::StatusCode { status_codes } => Policy::StatusCode(status_code::StatusCodes::new(status_codes)?),
            Rule::Latency { threshold_ms, upper_threshold_ms } => {
                Policy::Latency(latency::Latency::new(*threshold_ms, *upper_threshold_ms)?)
            }
            Rule::Probabilistic { sampling_percentage, hash_salt: _ } => {
                Policy::Probabilistic(probabilistic::Probabilistic::new(*sampling_percentage)?)
            }
            Rule::StringAttribute { key, values, enabled_regex_matching, invert_match, cache_max_size: _ } => {
                let attribute =
                    string_attribute::StringAttribute::new(key, values, *enabled_regex_matching, *invert_match, watch)?;
                Policy::StringAttribute(attribute)
            }
            Rule::And(policies) => Policy::And(and::And::new(policies, watch)?),
            Rule::Drop(_) => return Err("drop cannot stand inside another policy".to_owned()),
        })
    }

    fn vote(&self, trace: &TraceId, facts: &Facts) -> Vote {
        match self {
            Policy::AlwaysSample => Some(Threshold::ALL),
            Policy::StatusCode(policy) => policy.vote(facts),
            Policy::Latency(policy) => policy.vote(facts),
            Policy::Probabilistic(policy) => policy.vote(trace, facts),
            Policy::StringAttribute(policy) => policy.vote(facts),
            Policy::And(policy) => policy.vote(trace, facts),
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
}

impl Sampler {
    /// Compiles the policies, or says everything that is wrong with them.
    pub fn new(specs: &[PolicySpec]) -> Result<Sampler, Vec<PolicyProblem>> {
        let mut sampler = Sampler { names: Vec::new(), drops: Vec::new(), keeps: Vec::new(), watch: Watch::default() };
        let mut problems = Vec::new();
        let mut problem = |place: usize, message| {
            problems.push(PolicyProblem { policy: format!("policies[{place}]"), message });
        };
        if specs.is_empty() || usize::from(u16::MAX) < specs.len() {
            problem(0, "there must be at least one policy, and not more than 65535".to_owned());
        }
        for (place, spec) in specs.iter().enumerate().take(usize::from(u16::MAX)) {
            if spec.name.is_empty() {
                problem(place, "a policy needs a name".to_owned());
            }
            if sampler.names.contains(&spec.name) {
                problem(place, format!("another policy is named `{}` too", spec.name));
            }
            sampler.names.push(spec.name.clone());
            let compiled = match &spec.rule {
                Rule::Drop(policies) => {
                    and::And::new(policies, &mut sampler.watch).map(|all| sampler.drops.push((place as u16, all)))
                }
                rule => {
                    Policy::compile(rule, &mut sampler.watch).map(|policy| sampler.keeps.push((place as u16, policy)))
                }
            };
            if let Err(message) = compiled {
                problem(place, message);
            }
        }
        if problems.is_empty() { Ok(sampler) } else { Err(problems) }
    }

    /// The policies' names, in the order of the configuration.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Which attributes have to be looked at.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Decides a trace on what is known of it. `drop` policies come first; then the first policy that wants the trace
    /// gets the credit, and the smallest threshold of all that do is the one it is kept by.
    pub fn decide(&self, trace: &TraceId, facts: &Facts) -> Verdict {
        if let Some((place, _)) = self.drops.iter().find(|(_, all)| all.vote(trace, facts).is_some()) {
            return Verdict::Release { drop_policy: Some(*place) };
        }
        let mut kept: Option<(u16, Threshold)> = None;
        for (place, policy) in &self.keeps {
            let Some(threshold) = policy.vote(trace, facts) else { continue };
            kept = Some(kept.map_or((*place, threshold), |(first, least)| (first, least.min(threshold))));
            if threshold == Threshold::ALL {
                break;
            }
        }
        match kept {
            Some((policy, threshold)) => Verdict::Keep { policy, threshold },
            None => Verdict::Release { drop_policy: None },
        }
    }
}

#[cfg(test)]
mod tests;
