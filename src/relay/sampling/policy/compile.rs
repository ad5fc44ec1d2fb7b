//! From policies as they were written to policies that vote: everything wrong is said at once, each with its place in the
//! configuration.

use std::collections::BTreeSet;

use super::and::And;
use super::latency::Latency;
use super::probabilistic::Probabilistic;
use super::status_code::StatusCodes;
use super::string_attribute::StringAttribute;
use super::{Policy, PolicyNote, PolicyProblem, PolicySpec, Rule};
use crate::relay::sampling::facts::Watch;

/// Policies being compiled.
#[derive(Debug, Default)]
pub(super) struct Compiler {
    pub(super) watch: Watch,
    pub(super) problems: Vec<PolicyProblem>,
    pub(super) notes: Vec<PolicyNote>,
    /// Where in the configuration the compiler is.
    path: String,
    /// Whether the list of policies that it is inside of is that of an `and`.
    in_and: bool,
}

impl Compiler {
    /// Does `work` one `step` further down in the configuration.
    pub(super) fn at<T>(&mut self, step: impl AsRef<str>, work: impl FnOnce(&mut Compiler) -> T) -> T {
        let back = self.path.len();
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(step.as_ref());
        let done = work(self);
        self.path.truncate(back);
        done
    }

    /// Says what is wrong at the field `step`.
    pub(super) fn problem(&mut self, step: impl AsRef<str>, message: impl Into<String>) {
        self.at(step, |here| here.problems.push(PolicyProblem { path: here.path.clone(), message: message.into() }));
    }

    /// Says what is to be known of the field `step`.
    pub(super) fn note(&mut self, step: impl AsRef<str>, message: impl Into<String>) {
        self.at(step, |here| here.notes.push(PolicyNote { path: here.path.clone(), message: message.into() }));
    }

    /// Names are labels in metrics and the way people speak of policies: each has one of its own.
    pub(super) fn check_names(&mut self, specs: &[PolicySpec]) {
        if specs.is_empty() {
            self.problem("policies", "there is no policy: nothing could ever be kept");
        }
        if usize::from(u16::MAX) < specs.len() {
            self.problem("policies", format!("{} policies are more than {}", specs.len(), u16::MAX));
        }
        let mut names = BTreeSet::new();
        for (place, spec) in specs.iter().enumerate() {
            if spec.name.is_empty() {
                self.problem(format!("policies[{place}].name"), "a policy needs a name");
            } else if !names.insert(spec.name.as_str()) {
                let message = format!("another policy is named `{}` too: each has a name of its own", spec.name);
                self.problem(format!("policies[{place}].name"), message);
            }
        }
    }

    /// A policy that votes; nothing when there is a problem with it.
    pub(super) fn policy(&mut self, rule: &Rule) -> Option<Policy> {
        match rule {
            Rule::AlwaysSample => Some(Policy::AlwaysSample),
            Rule::StatusCode { status_codes } => {
                self.at("status_code", |here| StatusCodes::new(status_codes, here)).map(Policy::StatusCode)
            }
            Rule::Latency { threshold_ms, upper_threshold_ms } => {
                self.at("latency", |here| Latency::new(*threshold_ms, *upper_threshold_ms, here)).map(Policy::Latency)
            }
            Rule::Probabilistic { sampling_percentage, hash_salt } => self
                .at("probabilistic", |here| Probabilistic::new(*sampling_percentage, hash_salt, here))
                .map(Policy::Probabilistic),
            Rule::StringAttribute { key, values, enabled_regex_matching: regex, invert_match, cache_max_size } => self
                .at("string_attribute", |here| {
                    if *cache_max_size != 0 {
                        here.note("cache_max_size", "has no effect: every value is matched as it arrives");
                    }
                    StringAttribute::new(key, values, *regex, *invert_match, here)
                })
                .map(Policy::StringAttribute),
            Rule::And(_) if self.in_and => {
                self.problem("type", "an `and` cannot stand inside an `and`: its policies can, one by one");
                None
            }
            Rule::And(policies) => self.at("and", |here| here.all("and_sub_policy", true, policies)).map(Policy::And),
            Rule::Drop(_) => {
                self.problem("type", "a `drop` cannot stand inside another policy");
                None
            }
        }
    }

    /// A `drop` at the top, the only place where there can be one.
    pub(super) fn drop_policy(&mut self, policies: &[PolicySpec]) -> Option<And> {
        self.at("drop", |here| here.all("drop_sub_policy", false, policies))
    }

    fn all(&mut self, list: &str, in_and: bool, specs: &[PolicySpec]) -> Option<And> {
        if specs.is_empty() {
            self.problem(list, "is empty: name at least one policy");
            return None;
        }
        let outside = std::mem::replace(&mut self.in_and, in_and);
        let compile =
            |(place, spec): (usize, &PolicySpec)| self.at(format!("{list}[{place}]"), |here| here.policy(&spec.rule));
        // Collected before it is judged, so that what is wrong with later ones is said too.
        let policies: Vec<Option<Policy>> = specs.iter().enumerate().map(compile).collect();
        self.in_and = outside;
        policies.into_iter().collect::<Option<_>>().map(And::new)
    }
}
