//! From policies as they were written to policies that vote: everything wrong is said at once, each with its place in the
//! configuration.

use std::collections::BTreeSet;

use super::and::And;
use super::boolean_attribute::BooleanAttribute;
use super::bytes_limiting::BytesLimiting;
use super::composite::{Composite, Plan, Wishes};
use super::latency::Latency;
use super::not::Not;
use super::numeric_attribute::NumericAttribute;
use super::ottl_condition::OttlCondition;
use super::probabilistic::Probabilistic;
use super::rate_limiting::RateLimiting;
use super::span_count::SpanCount;
use super::status_code::StatusCodes;
use super::string_attribute::StringAttribute;
use super::trace_state::TraceState;
use super::{Place, Policy, PolicyNote, PolicyProblem, PolicySpec, Reach, Rule, trace_flags};
use crate::relay::sampling::compat::Compat;
use crate::relay::sampling::differences::{DIFFERENCES, Difference};
use crate::relay::sampling::facts::Watch;
use crate::relay::sampling::ottl::Conditions;

/// Policies being compiled.
#[derive(Debug, Default)]
pub(super) struct Compiler {
    pub(super) compat: Compat,
    pub(super) watch: Watch,
    pub(super) problems: Vec<PolicyProblem>,
    pub(super) notes: Vec<PolicyNote>,
    pub(super) warnings: Vec<PolicyNote>,
    pub(super) conditions: Conditions,
    /// The policies, by their places, whose errors are counted.
    pub(super) can_fail: Vec<u16>,
    /// The policy at the top that the compiler is inside of.
    pub(super) top: u16,
    /// Differences from the Collector that were met, each with the place where.
    differences: Vec<(&'static Difference, String)>,
    /// Where in the configuration the compiler is.
    path: String,
    /// In what kind of list that is.
    place: Place,
}

impl Compiler {
    pub(super) fn new(compat: Compat) -> Compiler {
        Compiler { compat, watch: Watch::new(compat), ..Compiler::default() }
    }

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

    /// Says what is hardly meant at the field `step`.
    pub(super) fn warn(&mut self, step: impl AsRef<str>, message: impl Into<String>) {
        self.at(step, |here| here.warnings.push(PolicyNote { path: here.path.clone(), message: message.into() }));
    }

    /// Says that the policy here meets a difference.
    pub(super) fn differs(&mut self, difference: &'static Difference) {
        self.differences.push((difference, self.path.clone()));
    }

    /// Each difference that was met, once, with the first place where; in the order of their table.
    pub(super) fn told_differences(&self) -> Vec<PolicyNote> {
        let told = |&difference: &&'static Difference| {
            let mut met = self.differences.iter().filter(|(other, _)| *other == difference);
            let path = met.next()?.1.clone();
            let more = match met.count() {
                0 => String::new(),
                count => format!(", and {count} more"),
            };
            let Difference { otelcol, strict, .. } = difference;
            Some(PolicyNote {
                path,
                message: match self.compat {
                    Compat::Strict => format!("differs from the Collector{more}: there, {otelcol}; here, {strict}"),
                    Compat::Otelcol => format!("does as the Collector{more}: {otelcol}; with compat: strict, {strict}"),
                },
            })
        };
        DIFFERENCES.iter().filter_map(told).collect()
    }

    /// Where the errors of the policy at the top are counted.
    pub(super) fn counter(&mut self) -> usize {
        self.can_fail.iter().position(|top| *top == self.top).unwrap_or_else(|| {
            self.can_fail.push(self.top);
            self.can_fail.len() - 1
        })
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
            Rule::NumericAttribute { key, min_value, max_value, invert_match } => self
                .at("numeric_attribute", |here| {
                    NumericAttribute::new(key, (*min_value, *max_value), *invert_match, here)
                })
                .map(Policy::NumericAttribute),
            Rule::BooleanAttribute { key, value, invert_match } => self
                .at("boolean_attribute", |here| BooleanAttribute::new(key, *value, *invert_match, here))
                .map(Policy::BooleanAttribute),
            Rule::TraceState { key, values } => {
                self.at("trace_state", |here| TraceState::new(key, values, here)).map(Policy::TraceState)
            }
            Rule::TraceFlags => {
                trace_flags::note(self);
                Some(Policy::TraceFlags)
            }
            Rule::SpanCount { min_spans, max_spans } => {
                self.at("span_count", |here| SpanCount::new(*min_spans, *max_spans, here)).map(Policy::SpanCount)
            }
            Rule::RateLimiting { spans_per_second, burst_capacity } => self
                .at("rate_limiting", |here| RateLimiting::new(*spans_per_second, *burst_capacity, here))
                .map(Policy::RateLimiting),
            Rule::BytesLimiting { bytes_per_second, burst_capacity } => self
                .at("bytes_limiting", |here| BytesLimiting::new(*bytes_per_second, *burst_capacity, here))
                .map(Policy::BytesLimiting),
            Rule::OttlCondition { error_mode, span, spanevent } => self
                .at("ottl_condition", |here| OttlCondition::new(*error_mode, span, spanevent, here))
                .map(Policy::OttlCondition),
            Rule::And(_) | Rule::Not(_) | Rule::Drop(_) | Rule::Composite { .. } => self.group(rule),
        }
    }

    /// A policy that holds others.
    fn group(&mut self, rule: &Rule) -> Option<Policy> {
        if let Some((wrong, right)) = self.place.objection(rule.kind()) {
            self.problem("type", format!("{wrong}: {right}"));
            return None;
        }
        match rule {
            Rule::And(policies) => self.at("and", |here| here.and(Place::And, policies)).map(Policy::And),
            Rule::Not(policy) => self.at("not", |here| here.not(policy)).map(Policy::Not),
            Rule::Composite { max_total_spans_per_second, policy_order, composite_sub_policy, rate_allocation } => {
                let (total, order) = (*max_total_spans_per_second, policy_order.as_slice());
                let wishes = Wishes { total, order, specs: composite_sub_policy, allocations: rate_allocation };
                self.at("composite", |here| here.composite(wishes)).map(Policy::Composite)
            }
            // A `drop` has no vote: the sampler compiles those at the top, and there are no others.
            _ => None,
        }
    }

    /// A `drop` at the top, the only place where there can be one.
    pub(super) fn drop_policy(&mut self, policies: &[PolicySpec]) -> Option<And> {
        self.at("drop", |here| here.and(Place::Drop, policies))
    }

    fn and(&mut self, place: Place, specs: &[PolicySpec]) -> Option<And> {
        let list = if place == Place::And { "and_sub_policy" } else { "drop_sub_policy" };
        let policies = self.all(list, place, specs)?;
        Some(And::new(policies, self))
    }

    fn not(&mut self, spec: &PolicySpec) -> Option<Not> {
        let inside = |here: &mut Compiler| here.inside(Place::Not, |here| here.policy(&spec.rule));
        let policy = self.at("not_sub_policy", inside)?;
        if policy.reach() == Reach::Always {
            self.problem("not_sub_policy", "wants every trace, so that its opposite never wants any");
            return None;
        }
        Some(Not::new(policy))
    }

    fn composite(&mut self, wishes: Wishes<'_>) -> Option<Composite> {
        let policies = self.all("composite_sub_policy", Place::Composite, wishes.specs)?;
        Plan::new(wishes, policies, self).map(|plan| Composite::new(plan, self.compat))
    }

    fn all(&mut self, list: &str, place: Place, specs: &[PolicySpec]) -> Option<Vec<Policy>> {
        if specs.is_empty() {
            self.problem(list, "is empty: name at least one policy");
            return None;
        }
        self.inside(place, |here| {
            let compile =
                |(at, spec): (usize, &PolicySpec)| here.at(format!("{list}[{at}]"), |here| here.policy(&spec.rule));
            // Collected before it is judged, so that what is wrong with later ones is said too.
            let policies: Vec<Option<Policy>> = specs.iter().enumerate().map(compile).collect();
            policies.into_iter().collect()
        })
    }

    fn inside<T>(&mut self, place: Place, work: impl FnOnce(&mut Compiler) -> T) -> T {
        let outside = std::mem::replace(&mut self.place, place);
        let done = work(self);
        self.place = outside;
        done
    }
}
