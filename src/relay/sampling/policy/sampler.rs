//! All policies of a configuration, and the verdict that their votes come to.

use super::and::And;
use super::compile::Compiler;
use super::{Case, Policy, PolicyNote, PolicyProblem, PolicySpec, Reach, Rule, Verdict};
use crate::relay::clock::Tick;
use crate::relay::otlp::TraceId;
use crate::relay::sampling::compat::Compat;
use crate::relay::sampling::differences::{ATTRIBUTE_TWICE, FIRST_MATCH, LIMITS_LAST, TRACESTATE};
use crate::relay::sampling::facts::{Facts, Watch};
use crate::relay::sampling::ottl::Conditions;
use crate::relay::sampling::threshold::Threshold;

/// How the policies are read and asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// As documented, or as the Collector does it.
    pub compat: Compat,
    /// Whether the Collector asks no policy behind the first that wants the trace.
    pub sample_on_first_match: bool,
}

/// All policies of a configuration.
#[derive(Debug)]
pub struct Sampler {
    options: Options,
    names: Vec<String>,
    drops: Vec<(u16, And)>,
    /// In the order in which they are asked.
    keeps: Vec<(u16, Policy)>,
    watch: Watch,
    conditions: Conditions,
    can_fail: Vec<u16>,
    notes: Vec<PolicyNote>,
    warnings: Vec<PolicyNote>,
    differences: Vec<PolicyNote>,
}

impl Sampler {
    /// Compiles the policies as documented, or says everything that is wrong with them.
    pub fn new(specs: &[PolicySpec]) -> Result<Sampler, Vec<PolicyProblem>> {
        Sampler::with(specs, Options::default())
    }

    /// Compiles the policies, or says everything that is wrong with them.
    pub fn with(specs: &[PolicySpec], options: Options) -> Result<Sampler, Vec<PolicyProblem>> {
        let mut compiler = Compiler::new(options.compat);
        let (mut drops, mut keeps) = (Vec::new(), Vec::new());
        compiler.check_names(specs);
        for (place, spec) in specs.iter().enumerate() {
            let Ok(number) = u16::try_from(place) else { break };
            compiler.top = number;
            compiler.at(format!("policies[{place}]"), |compiler| match &spec.rule {
                Rule::Drop(policies) => drops.extend(compiler.drop_policy(policies).map(|all| (number, all))),
                rule => keeps.extend(compiler.policy(rule).map(|policy| (number, policy))),
            });
        }
        if !compiler.problems.is_empty() {
            return Err(compiler.problems);
        }
        warn_of_foregone(&drops, &keeps, &mut compiler);
        general_differences(&keeps, options, &mut compiler);
        if options.compat == Compat::Strict {
            keeps.sort_by_key(|(_, policy)| policy.is_limit());
        }
        let differences = compiler.told_differences();
        let Compiler { watch, conditions, can_fail, notes, warnings, .. } = compiler;
        let names = specs.iter().map(|spec| spec.name.clone()).collect();
        Ok(Sampler { options, names, drops, keeps, watch, conditions, can_fail, notes, warnings, differences })
    }

    /// The policies' names, in the order of the configuration.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What has to be looked at.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Which conditions have to be evaluated of each span.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// The places of the policies with conditions that may fail to be evaluated; their errors are counted in this order.
    pub fn can_fail(&self) -> &[u16] {
        &self.can_fail
    }

    /// What the configuration says that has no effect here, or another one than somebody may expect.
    pub fn notes(&self) -> &[PolicyNote] {
        &self.notes
    }

    /// What is allowed and hardly meant.
    pub fn warnings(&self) -> &[PolicyNote] {
        &self.warnings
    }

    /// Where these policies would do something else in the Collector, or do as it does and not as it documents.
    pub fn differences(&self) -> &[PolicyNote] {
        &self.differences
    }

    /// Decides a trace on what is known of it. `drop` policies come first, wherever they stand, and what they match goes.
    pub fn decide(&self, trace: &TraceId, facts: &Facts, now: Tick) -> Verdict {
        let case = Case { trace, facts, now };
        if let Some((place, _)) = self.drops.iter().find(|(_, all)| all.vote(case).is_some()) {
            return Verdict::Release { drop_policy: Some(*place) };
        }
        let kept = match self.options.compat {
            Compat::Strict => self.ask(case),
            Compat::Otelcol => self.ask_as_collector(case),
        };
        match kept {
            Some((policy, threshold)) => Verdict::Keep { policy, threshold: threshold.max(facts.passed()) },
            None => Verdict::Release { drop_policy: None },
        }
    }

    /// The first policy that wants the trace gets the credit, and the smallest threshold of all that do is the one it is
    /// kept by: each of them alone would have kept it. Limits stand last and are asked of what nobody else wants.
    fn ask(&self, case: Case<'_>) -> Option<(u16, Threshold)> {
        let mut kept: Option<(u16, Threshold)> = None;
        for (place, policy) in &self.keeps {
            // No threshold is smaller than that of all, and a limit's is never smaller.
            let settled = kept.is_some_and(|(_, least)| least == Threshold::ALL || policy.is_limit());
            if settled {
                break;
            }
            let Some(threshold) = policy.vote(case) else { continue };
            kept = Some(kept.map_or((*place, threshold), |(first, least)| (first, least.min(threshold))));
        }
        kept
    }

    /// Every policy is asked in its turn, for limits change by it. What decides there says nothing of a share.
    fn ask_as_collector(&self, case: Case<'_>) -> Option<(u16, Threshold)> {
        let mut first = None;
        for (place, policy) in &self.keeps {
            if policy.vote(case).is_some() {
                first = first.or(Some(*place));
                if self.options.sample_on_first_match {
                    break;
                }
            }
        }
        first.map(|place| (place, Threshold::UNTOLD))
    }
}

/// Says which policies leave nothing to decide to the others.
fn warn_of_foregone(drops: &[(u16, And)], keeps: &[(u16, Policy)], compiler: &mut Compiler) {
    if let Some((place, _)) = drops.iter().find(|(_, all)| all.reach() == Reach::Always) {
        compiler.warn(format!("policies[{place}]"), "drops every trace: nothing is ever kept");
    }
    let everything = keeps.iter().find(|(_, policy)| policy.reach() == Reach::Always);
    if let Some((place, _)) = everything.filter(|_| 1 < keeps.len()) {
        let message = "keeps every trace: no other policy decides anything, except `drop`";
        compiler.warn(format!("policies[{place}]"), message);
    }
}

/// The differences that are of no single policy.
fn general_differences(keeps: &[(u16, Policy)], options: Options, compiler: &mut Compiler) {
    let limits = keeps.iter().filter(|(_, policy)| policy.is_limit()).count();
    let both = limits != 0 && 1 < keeps.len();
    let attributes = !compiler.watch.is_empty();
    let first_match = options.sample_on_first_match && both;
    for (met, difference) in
        [(both, &LIMITS_LAST), (attributes, &ATTRIBUTE_TWICE), (first_match, &FIRST_MATCH), (true, &TRACESTATE)]
    {
        if met {
            compiler.at("policies", |compiler| compiler.differs(difference));
        }
    }
}
