//! Random policies, nested as they may be, and random traces for them to look at.

use proptest::prelude::*;

use super::attributes::{boolean, numeric, state};
use super::limits::{bytes, composite, rate};
use super::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(""), Just("a"), Just("b"), Just("ab"), Just("ba"), Just("\u{e9}")].prop_map(str::to_owned)
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![Just("k"), Just("l"), Just("long.key")].prop_map(str::to_owned)
}

fn held() -> impl Strategy<Value = Held> {
    let number = -4..8i64;
    prop_oneof![
        3 => text().prop_map(Held::Text),
        2 => number.clone().prop_map(Held::Int),
        2 => (number, prop_oneof![Just(0.0), Just(0.25)]).prop_map(|(whole, rest)| Held::Double(whole as f64 + rest)),
        1 => Just(Held::Double(f64::NAN)),
        2 => any::<bool>().prop_map(Held::Truth),
        1 => Just(Held::Nothing),
    ]
}

fn attribute_rule() -> impl Strategy<Value = Rule> {
    let patterns = prop_oneof![Just("a"), Just("^b"), Just("a$|^$"), Just("."), Just("[^a]b?")].prop_map(str::to_owned);
    let values = prop_oneof![
        (proptest::collection::vec(text(), 1..4), Just(false)),
        (proptest::collection::vec(patterns, 1..4), Just(true)),
    ];
    let texts = (key(), values, any::<bool>()).prop_map(|(key, (values, regex), invert)| {
        let values: Vec<&str> = values.iter().map(String::as_str).chain(["never"]).collect();
        attribute(&key, &values, regex, invert)
    });
    let bounds = (proptest::option::of(-3..4i64), 0..4i64, any::<bool>());
    let numbers = (key(), bounds, any::<bool>()).prop_map(|(key, (min, more, bounded), invert)| {
        let max = (bounded || min.is_none()).then_some(min.unwrap_or(0) + more);
        numeric(&key, min, max, invert)
    });
    let truths = (key(), any::<bool>(), any::<bool>()).prop_map(|(key, value, invert)| boolean(&key, value, invert));
    prop_oneof![texts, numbers, truths]
}

/// What can stand anywhere.
fn shared_rule() -> impl Strategy<Value = Rule> {
    let codes = proptest::sample::subsequence(vec![StatusCode::Unset, StatusCode::Ok, StatusCode::Error], 1..=3);
    // Shares whose thresholds are exact, so that the model needs no rounding.
    let shares = prop_oneof![Just(-1.0), Just(0.0), Just(12.5), Just(25.0), Just(50.0), Just(75.0), Just(100.0)];
    let keys = prop_oneof![Just("x"), Just("y")];
    prop_oneof![
        1 => Just(Rule::AlwaysSample),
        2 => codes.prop_map(|status_codes| Rule::StatusCode { status_codes }),
        2 => (0..4u64, 0..4u64).prop_map(|(low, more)| latency(low, if more == 0 { 0 } else { low + more })),
        2 => shares.prop_map(share),
        4 => attribute_rule(),
        1 => (keys, prop_oneof![Just("1"), Just("2")]).prop_map(|(key, value)| state(key, &["0", value])),
        1 => Just(Rule::TraceFlags),
        2 => (0..4u32, 0..3u32).prop_map(|(min_spans, more)| Rule::SpanCount {
            min_spans,
            max_spans: if more == 0 { 0 } else { min_spans + more },
        }),
        2 => (1..20u64, 0..20u64).prop_map(|(per_second, burst)| rate(per_second, burst)),
        1 => (1..900u64, 0..900u64).prop_map(|(per_second, burst)| bytes(per_second, burst)),
    ]
}

fn list(rule: impl Strategy<Value = Rule>) -> impl Strategy<Value = Vec<PolicySpec>> {
    proptest::collection::vec(rule, 1..4).prop_map(|rules| {
        rules.into_iter().enumerate().map(|(place, rule)| named(&format!("policy {place}"), rule)).collect()
    })
}

/// The opposite of something that does not want everything.
fn not_rule() -> impl Strategy<Value = Rule> {
    shared_rule()
        .prop_map(not)
        .prop_map(|rule| if Sampler::new(&[named("x", rule.clone())]).is_ok() { rule } else { not(errors()) })
}

fn and_rule() -> impl Strategy<Value = Rule> {
    list(prop_oneof![3 => shared_rule(), 1 => not_rule()]).prop_map(Rule::And)
}

fn composite_rule() -> impl Strategy<Value = Rule> {
    let parts = list(prop_oneof![3 => shared_rule(), 1 => and_rule()]);
    let order = proptest::sample::subsequence(vec![2, 0, 1], 0..=3);
    let percents = proptest::collection::vec(prop_oneof![Just(0), Just(20), Just(30), Just(60)], 3);
    (10..40u64, order, parts, percents).prop_map(|(total, order, parts, percents)| {
        let name = |place: usize| parts.get(place).map(|part| part.name.as_str());
        let order: Vec<&str> = order.into_iter().filter_map(name).collect();
        let shares: Vec<(&str, u32)> = percents
            .iter()
            .enumerate()
            .filter(|(_, percent)| **percent != 0)
            .filter_map(|(at, &percent)| Some((name(at)?, percent)))
            .collect();
        let rule = composite(total, &order, parts.clone(), &shares);
        // Where nothing is left for those without a share, everybody has an equal one.
        if Sampler::new(&[named("x", rule.clone())]).is_ok() {
            rule
        } else {
            composite(total, &order, parts.clone(), &[])
        }
    })
}

/// Policies as a configuration may have them.
pub(super) fn specs() -> impl Strategy<Value = Vec<PolicySpec>> {
    let drop = list(prop_oneof![3 => shared_rule(), 1 => not_rule()]).prop_map(Rule::Drop);
    list(prop_oneof![
        4 => shared_rule(),
        2 => and_rule(),
        1 => not_rule(),
        2 => composite_rule(),
        1 => drop,
    ])
}

fn attributes() -> impl Strategy<Value = Vec<(String, Held)>> {
    proptest::collection::vec((key(), held()), 0..4)
}

fn span() -> impl Strategy<Value = Span> {
    let status = prop_oneof![Just(Status::Unset), Just(Status::Ok), Just(Status::Error), Just(Status::Other)];
    let nanos = (0..5u64, 0..3u64).prop_map(|(millis, nanos)| millis * MS + nanos);
    let randomness = proptest::option::weighted(0.2, 0..1u64 << 56);
    let member = (prop_oneof![Just("x"), Just("y"), Just("Z")], 0..3u8);
    let state = proptest::option::weighted(0.4, proptest::sample::subsequence(vec![0usize, 1], 1..=2));
    let state = (state, member, 0..3u8).prop_map(|(which, (key, value), other)| {
        let members = [format!("{key}={value}"), format!("w={other}")];
        which.map(|which| which.iter().map(|&at| members[at].as_str()).collect::<Vec<_>>().join(","))
    });
    (status, nanos.clone(), nanos, randomness, attributes(), state, any::<bool>(), 1..300u32).prop_map(
        |(status, start, nanos, randomness, attributes, state, sampled, len)| Span {
            status,
            start: start + 1,
            nanos,
            randomness,
            attributes,
            // No key in capitals is a key.
            state: state.filter(|state| !state.contains('Z')),
            sampled,
            len,
        },
    )
}

fn trace() -> impl Strategy<Value = Trace> {
    let spans = proptest::collection::vec(span(), 1..5);
    (any::<u64>(), attributes(), spans).prop_map(|(low, resource, spans)| Trace { low, resource, spans })
}

/// Traces, each so many milliseconds after the one before.
pub(super) fn traces() -> impl Strategy<Value = Vec<(u64, Trace)>> {
    proptest::collection::vec((prop_oneof![Just(0), 0..700u64], trace()), 1..12)
}
