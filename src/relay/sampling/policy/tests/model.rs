//! The sampler against a model of it that is as slow and plain as the documentation: no facts, no marks, no watch; every
//! policy looks at all spans of the trace, and what limits have let through is a list.

use std::collections::HashMap;

use proptest::prelude::*;
use regex::Regex;

use super::traffic::{specs, traces};
use super::*;

const WHOLE: f64 = (1u64 << 56) as f64;
/// The share of what nobody can say the share of.
const UNTOLD: f64 = 0.0;

/// What was taken from each limit, by its place in the configuration: when, in milliseconds, and how much.
type Taken = HashMap<String, Vec<(u64, u64)>>;

struct Slow<'a> {
    trace: &'a Trace,
    now: u64,
    taken: &'a mut Taken,
}

fn is_limit(rule: &Rule) -> bool {
    match rule {
        Rule::RateLimiting { .. } | Rule::BytesLimiting { .. } | Rule::Composite { .. } => true,
        Rule::And(policies) => policies.iter().any(|policy| is_limit(&policy.rule)),
        Rule::Not(policy) => is_limit(&policy.rule),
        _ => false,
    }
}

fn last<'a>(pairs: &'a [(String, Held)], key: &str) -> Option<&'a Held> {
    pairs.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// Whether some resource or span has a value at `key` that `matches`; of a span, an empty text is none.
fn any(trace: &Trace, key: &str, matches: impl Fn(&Held) -> bool) -> bool {
    let empty = Held::Text(String::new());
    let spans = trace.spans.iter().filter_map(|span| last(&span.attributes, key));
    last(&trace.resource, key).is_some_and(&matches) || spans.filter(|value| **value != empty).any(matches)
}

/// What is asked of the trace alone: whether the policy wants it.
fn wants(rule: &Rule, trace: &Trace) -> bool {
    match rule {
        Rule::AlwaysSample => true,
        Rule::StatusCode { status_codes } => trace.spans.iter().any(|span| match span.status {
            Status::Unset => status_codes.contains(&StatusCode::Unset),
            Status::Ok => status_codes.contains(&StatusCode::Ok),
            Status::Error => status_codes.contains(&StatusCode::Error),
            Status::Other => false,
        }),
        Rule::Latency { threshold_ms, upper_threshold_ms } => {
            let start = trace.spans.iter().map(|span| span.start).min().unwrap_or(0);
            let end = trace.spans.iter().map(|span| span.start + span.nanos).max().unwrap_or(0);
            let (took, above, up_to) = (end - start, threshold_ms * MS, upper_threshold_ms * MS);
            took > above && (*upper_threshold_ms == 0 || took <= up_to)
        }
        Rule::StringAttribute { key, values, enabled_regex_matching, invert_match, .. } => {
            let one_of = |text: &str| {
                values.iter().filter(|wanted| !wanted.is_empty()).any(|wanted| match enabled_regex_matching {
                    true => Regex::new(wanted).expect("a pattern").is_match(text),
                    false => wanted == text,
                })
            };
            any(trace, key, |value| matches!(value, Held::Text(text) if one_of(text))) != *invert_match
        }
        Rule::NumericAttribute { key, min_value, max_value, invert_match } => {
            let least = min_value.map_or(f64::NEG_INFINITY, |bound| bound as f64);
            let most = max_value.map_or(f64::INFINITY, |bound| bound as f64);
            let within = |value: &Held| match value {
                Held::Int(number) => least <= *number as f64 && *number as f64 <= most,
                Held::Double(number) => least <= *number && *number <= most,
                Held::Text(_) | Held::Truth(_) | Held::Nothing => false,
            };
            any(trace, key, within) != *invert_match
        }
        Rule::BooleanAttribute { key, value: wanted, invert_match } => {
            any(trace, key, |value| *value == Held::Truth(*wanted)) != *invert_match
        }
        Rule::TraceState { key, values } => trace.spans.iter().filter_map(|span| span.state.as_ref()).any(|state| {
            let members: Option<Vec<(&str, &str)>> = state.split(',').map(|member| member.split_once('=')).collect();
            members
                .is_some_and(|members| members.iter().any(|(k, v)| k == key && values.iter().any(|value| value == v)))
        }),
        Rule::TraceFlags => trace.spans.iter().any(|span| span.sampled),
        Rule::SpanCount { min_spans, max_spans } => {
            let count = trace.spans.len() as u32;
            *min_spans <= count && (*max_spans == 0 || count <= *max_spans)
        }
        _ => unreachable!("{rule:?} is not asked of the trace alone"),
    }
}

impl Slow<'_> {
    /// By which share of all traces a policy keeps this one, if it does.
    fn vote(&mut self, rule: &Rule, path: &str) -> Option<f64> {
        match rule {
            Rule::Probabilistic { sampling_percentage, .. } => {
                let randomness = self.trace.spans.iter().find_map(|span| span.randomness);
                let randomness = randomness.unwrap_or(self.trace.low & 0xff_ffff_ffff_ffff);
                let share = sampling_percentage.clamp(0.0, 100.0) / 100.0;
                (randomness as f64 >= (1.0 - share) * WHOLE).then_some(share).filter(|share| *share != 0.0)
            }
            Rule::RateLimiting { spans_per_second, burst_capacity } => {
                self.limit(path, *spans_per_second, *burst_capacity, self.trace.spans.len() as u64)
            }
            Rule::BytesLimiting { bytes_per_second, burst_capacity } => {
                let bytes = self.trace.spans.iter().map(|span| u64::from(span.len)).sum();
                self.limit(path, *bytes_per_second, *burst_capacity, bytes)
            }
            Rule::And(policies) => self.all(policies, path),
            Rule::Not(policy) => {
                let certain = !is_limit(&policy.rule) && !matches!(policy.rule, Rule::Probabilistic { .. });
                let wanted = self.vote(&policy.rule, &format!("{path}.not")).is_some();
                (!wanted).then_some(if certain { 1.0 } else { UNTOLD })
            }
            Rule::Drop(_) => None,
            Rule::Composite { .. } => self.composite(rule, path),
            rule => wants(rule, self.trace).then_some(1.0),
        }
    }

    /// All of them, limits last.
    fn all(&mut self, policies: &[PolicySpec], path: &str) -> Option<f64> {
        let mut least = 1.0f64;
        for limits in [false, true] {
            for (at, policy) in policies.iter().enumerate().filter(|(_, policy)| is_limit(&policy.rule) == limits) {
                least = least.min(self.vote(&policy.rule, &format!("{path}.{at}"))?);
            }
        }
        Some(least)
    }

    /// Played back from the beginning: what came in since, less what was taken out.
    fn limit(&mut self, path: &str, rate: u64, burst: u64, cost: u64) -> Option<f64> {
        let burst = if burst == 0 { 2 * rate } else { burst } * 1000;
        let taken = self.taken.entry(path.to_owned()).or_default();
        let (mut level, mut then) = (burst, 0);
        for &(when, cost) in taken.iter() {
            level = burst.min(level + (when - then) * rate) - cost * 1000;
            then = when;
        }
        let fits = cost * 1000 <= burst.min(level + (self.now - then) * rate);
        fits.then(|| taken.push((self.now, cost)))?;
        Some(UNTOLD)
    }

    fn composite(&mut self, rule: &Rule, path: &str) -> Option<f64> {
        let Rule::Composite { max_total_spans_per_second: total, policy_order, composite_sub_policy, rate_allocation } =
            rule
        else {
            return None;
        };
        let place = |name: &String| composite_sub_policy.iter().position(|policy| policy.name == *name);
        let mut order: Vec<usize> = policy_order.iter().filter_map(place).collect();
        order.extend(
            (0..composite_sub_policy.len()).filter(|at| !policy_order.contains(&composite_sub_policy[*at].name)),
        );
        let given: u64 = rate_allocation.iter().map(|given| total * u64::from(given.percent) / 100).sum();
        let without = composite_sub_policy.len() - rate_allocation.len();
        let spans = self.trace.spans.len() as u64;
        let second = self.now / 1000;
        let spent = |taken: &Taken, path: &str| -> u64 {
            let of = taken.get(path).into_iter().flatten();
            of.filter(|(when, _)| when / 1000 == second).map(|(_, spans)| spans).sum()
        };
        for at in order {
            let part = &composite_sub_policy[at];
            let own = rate_allocation.iter().find(|given| given.policy == part.name);
            let share =
                own.map_or_else(|| (total - given) / without as u64, |own| total * u64::from(own.percent) / 100);
            let (own, inside) = (format!("{path}.{at} kept"), format!("{path}.{at}"));
            if share < spent(self.taken, &own) + spans || *total < spent(self.taken, path) + spans {
                continue;
            }
            if self.vote(&part.rule, &inside).is_some() {
                for place in [own, path.to_owned()] {
                    self.taken.entry(place).or_default().push((self.now, spans));
                }
                return Some(UNTOLD);
            }
        }
        None
    }

    fn verdict(&mut self, specs: &[PolicySpec]) -> Verdict {
        for (place, spec) in specs.iter().enumerate() {
            if let Rule::Drop(policies) = &spec.rule
                && self.all(policies, &format!("{place}")).is_some()
            {
                return Verdict::Release { drop_policy: Some(place as u16) };
            }
        }
        let mut votes: Vec<(u16, f64)> = Vec::new();
        for limits in [false, true] {
            for (place, spec) in specs.iter().enumerate().filter(|(_, spec)| is_limit(&spec.rule) == limits) {
                if limits && !votes.is_empty() {
                    break;
                }
                votes.extend(self.vote(&spec.rule, &format!("{place}")).map(|share| (place as u16, share)));
            }
        }
        match votes.first() {
            None => Verdict::Release { drop_policy: None },
            Some(&(policy, _)) => {
                let share = votes.iter().map(|&(_, share)| share).fold(UNTOLD, f64::max);
                let told = || Threshold::of_share(share).expect("somebody wants it");
                Verdict::Keep { policy, threshold: if share == UNTOLD { Threshold::UNTOLD } else { told() } }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_sampler_says_what_the_documentation_says(specs in specs(), traces in traces()) {
        let sampler = compile(&specs);
        let (mut taken, mut now) = (Taken::new(), 0);
        for (wait, trace) in traces {
            now += wait;
            let expect = Slow { trace: &trace, now, taken: &mut taken }.verdict(&specs);
            prop_assert_eq!(decide_at(&sampler, &trace, Tick::from_millis(now)), expect, "{:?}", trace);
        }
    }

    #[test]
    fn read_as_the_collector_does_it_nothing_is_ever_told_of_a_share(specs in specs(), traces in traces()) {
        let options = Options { compat: Compat::Otelcol, sample_on_first_match: false };
        let Ok(sampler) = Sampler::with(&specs, options) else { return Ok(()) };
        for (wait, trace) in traces {
            if let Verdict::Keep { threshold, .. } = decide_at(&sampler, &trace, Tick::from_millis(wait)) {
                prop_assert_eq!(threshold, Threshold::UNTOLD);
            }
        }
    }
}
