//! The sampler against a model of it that is as slow and plain as the documentation: no facts, no marks, no watch; every
//! policy looks at all spans of the trace.

use proptest::prelude::*;
use regex::Regex;

use super::*;

const WHOLE: f64 = (1u64 << 56) as f64;

/// What a policy says: by which share of all traces it keeps this one, if it does.
fn vote(rule: &Rule, trace: &Trace) -> Option<f64> {
    let always = |wanted: bool| wanted.then_some(1.0);
    match rule {
        Rule::AlwaysSample => Some(1.0),
        Rule::StatusCode { status_codes } => always(trace.spans.iter().any(|span| match span.status {
            Status::Unset => status_codes.contains(&StatusCode::Unset),
            Status::Ok => status_codes.contains(&StatusCode::Ok),
            Status::Error => status_codes.contains(&StatusCode::Error),
            Status::Other => false,
        })),
        Rule::Latency { threshold_ms, upper_threshold_ms } => {
            let start = trace.spans.iter().map(|span| span.start).min()?;
            let end = trace.spans.iter().map(|span| span.start + span.nanos).max()?;
            let (took, above, up_to) = (end - start, threshold_ms * MS, upper_threshold_ms * MS);
            always(took > above && (*upper_threshold_ms == 0 || took <= up_to))
        }
        Rule::Probabilistic { sampling_percentage, .. } => {
            let randomness = trace.spans.iter().find_map(|span| span.randomness);
            let randomness = randomness.unwrap_or(trace.low & 0xff_ffff_ffff_ffff);
            let share = sampling_percentage.clamp(0.0, 100.0) / 100.0;
            (randomness as f64 >= (1.0 - share) * WHOLE).then_some(share).filter(|share| *share != 0.0)
        }
        Rule::StringAttribute { key, values, enabled_regex_matching, invert_match, .. } => {
            let matches = |value: &str| {
                values.iter().filter(|wanted| !wanted.is_empty()).any(|wanted| match enabled_regex_matching {
                    true => Regex::new(wanted).expect("a pattern").is_match(value),
                    false => wanted == value,
                })
            };
            let last = |pairs: &[(String, String)]| {
                pairs.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.clone())
            };
            let resource = last(&trace.resource).is_some_and(|value| matches(&value));
            let span = trace
                .spans
                .iter()
                .filter_map(|span| last(&span.attributes))
                .any(|value| !value.is_empty() && matches(&value));
            always((resource || span) != *invert_match)
        }
        Rule::And(policies) => {
            let votes: Option<Vec<f64>> = policies.iter().map(|policy| vote(&policy.rule, trace)).collect();
            votes.map(|votes| votes.into_iter().fold(1.0, f64::min))
        }
        Rule::Drop(_) => None,
    }
}

fn model(specs: &[PolicySpec], trace: &Trace) -> Verdict {
    for (place, spec) in specs.iter().enumerate() {
        if let Rule::Drop(policies) = &spec.rule
            && policies.iter().all(|policy| vote(&policy.rule, trace).is_some())
        {
            return Verdict::Release { drop_policy: Some(place as u16) };
        }
    }
    let votes: Vec<(u16, f64)> =
        specs.iter().enumerate().filter_map(|(place, spec)| Some((place as u16, vote(&spec.rule, trace)?))).collect();
    match votes.first() {
        None => Verdict::Release { drop_policy: None },
        Some(&(policy, _)) => {
            let share = votes.iter().map(|&(_, share)| share).fold(0.0, f64::max);
            Verdict::Keep { policy, threshold: Threshold::of_share(share).expect("somebody wants it") }
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(""), Just("a"), Just("b"), Just("ab"), Just("ba"), Just("\u{e9}")].prop_map(str::to_owned)
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![Just("k"), Just("l"), Just("long.key")].prop_map(str::to_owned)
}

fn plain_rule() -> impl Strategy<Value = Rule> {
    let codes = proptest::sample::subsequence(vec![StatusCode::Unset, StatusCode::Ok, StatusCode::Error], 1..=3);
    let patterns = prop_oneof![Just("a"), Just("^b"), Just("a$|^$"), Just("."), Just("[^a]b?")].prop_map(str::to_owned);
    let values = prop_oneof![
        (proptest::collection::vec(text(), 1..4), Just(false)),
        (proptest::collection::vec(patterns, 1..4), Just(true)),
    ];
    prop_oneof![
        Just(Rule::AlwaysSample),
        codes.prop_map(|status_codes| Rule::StatusCode { status_codes }),
        (0..4u64, 0..4u64).prop_map(|(low, more)| latency(low, if more == 0 { 0 } else { low + more })),
        // Shares whose thresholds are exact, so that the model needs no rounding.
        prop_oneof![Just(-1.0), Just(0.0), Just(12.5), Just(25.0), Just(50.0), Just(75.0), Just(100.0)].prop_map(share),
        (key(), values, any::<bool>()).prop_map(|(key, (values, regex), invert)| {
            let values: Vec<&str> = values.iter().map(String::as_str).chain(["never"]).collect();
            attribute(&key, &values, regex, invert)
        }),
    ]
}

fn list(rule: impl Strategy<Value = Rule>) -> impl Strategy<Value = Vec<PolicySpec>> {
    proptest::collection::vec(rule, 1..4).prop_map(|rules| {
        rules.into_iter().enumerate().map(|(place, rule)| named(&format!("policy {place}"), rule)).collect()
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let and = || list(plain_rule()).prop_map(Rule::And);
    prop_oneof![
        4 => plain_rule(),
        2 => and(),
        1 => list(prop_oneof![3 => plain_rule(), 1 => and()]).prop_map(Rule::Drop),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::vec((key(), text()), 0..4)
}

fn trace() -> impl Strategy<Value = Trace> {
    let status = prop_oneof![Just(Status::Unset), Just(Status::Ok), Just(Status::Error), Just(Status::Other)];
    let nanos = (0..5u64, 0..3u64).prop_map(|(millis, nanos)| millis * MS + nanos);
    let randomness = proptest::option::weighted(0.2, 0..1u64 << 56);
    let span = (status, nanos.clone(), nanos, randomness, attributes()).prop_map(
        |(status, start, nanos, randomness, attributes)| Span {
            status,
            start: start + 1,
            nanos,
            randomness,
            attributes,
        },
    );
    (any::<u64>(), attributes(), proptest::collection::vec(span, 1..5)).prop_map(|(low, resource, spans)| Trace {
        low,
        resource,
        spans,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_sampler_says_what_the_documentation_says(specs in list(rule()), traces in proptest::collection::vec(trace(), 1..4)) {
        let sampler = compile(&specs);
        for trace in traces {
            prop_assert_eq!(decide(&sampler, &trace), model(&specs, &trace));
        }
    }
}
