//! What each policy says, how votes become a verdict, and what is said of policies that are wrong.

use super::*;
use crate::relay::otlp::{Observer, Status, Value};
use crate::relay::sampling::facts::{SpanFacts, Witness};
use crate::relay::sampling::ratio::{Mode, Ratio};
use crate::relay::sampling::threshold::randomness_of;
use crate::relay::sampling::tracestate;

mod attributes;
mod limits;
mod model;
mod otelcol;
mod traffic;
mod wrong;

const MS: u64 = 1_000_000;

fn named(name: &str, rule: Rule) -> PolicySpec {
    PolicySpec { name: name.to_owned(), rule }
}

fn share(percentage: f64) -> Rule {
    Rule::Probabilistic { sampling_percentage: percentage, hash_salt: String::new() }
}

fn errors() -> Rule {
    Rule::StatusCode { status_codes: vec![StatusCode::Error] }
}

fn latency(threshold_ms: u64, upper_threshold_ms: u64) -> Rule {
    Rule::Latency { threshold_ms, upper_threshold_ms }
}

fn attribute(key: &str, values: &[&str], regex: bool, invert: bool) -> Rule {
    Rule::StringAttribute {
        key: key.to_owned(),
        values: values.iter().map(|&value| value.to_owned()).collect(),
        enabled_regex_matching: regex,
        invert_match: invert,
        cache_max_size: 0,
    }
}

fn not(rule: Rule) -> Rule {
    Rule::Not(Box::new(named("inside", rule)))
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
enum Held {
    Text(String),
    Int(i64),
    Double(f64),
    Truth(bool),
    Nothing,
}

impl From<&str> for Held {
    fn from(text: &str) -> Held {
        Held::Text(text.to_owned())
    }
}

impl Held {
    fn value(&self) -> Value<'_> {
        match self {
            Held::Text(text) => Value::Str(text.as_bytes()),
            Held::Int(number) => Value::Int(*number),
            Held::Double(number) => Value::Double(*number),
            Held::Truth(truth) => Value::Bool(*truth),
            Held::Nothing => Value::Empty,
        }
    }
}

/// One span of a trace.
#[derive(Clone, Debug)]
struct Span {
    status: Status,
    start: u64,
    nanos: u64,
    randomness: Option<u64>,
    attributes: Vec<(String, Held)>,
    state: Option<String>,
    sampled: bool,
    len: u32,
}

/// A trace under one resource.
#[derive(Clone, Debug)]
struct Trace {
    low: u64,
    resource: Vec<(String, Held)>,
    spans: Vec<Span>,
}

fn quiet() -> Trace {
    let attributes = vec![pair("user", "alice")];
    let (status, randomness, state) = (Status::Unset, None, None);
    let span = Span { status, start: 1, nanos: MS, randomness, attributes, state, sampled: false, len: 1 };
    Trace { low: 0, resource: vec![pair("service.name", "api")], spans: vec![span] }
}

fn pair(key: &str, value: impl Into<Held>) -> (String, Held) {
    (key.to_owned(), value.into())
}

impl Trace {
    fn with(mut self, change: impl FnOnce(&mut Span)) -> Trace {
        change(&mut self.spans[0]);
        self
    }

    /// The first span so many times.
    fn of(mut self, spans: usize) -> Trace {
        self.spans = vec![self.spans[0].clone(); spans];
        self
    }

    fn id(&self) -> TraceId {
        TraceId::new(&(1u128 << 100 | u128::from(self.low)).to_be_bytes()).expect("not all zero")
    }
}

fn compile(specs: &[PolicySpec]) -> Sampler {
    Sampler::new(specs).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn decide(sampler: &Sampler, trace: &Trace) -> Verdict {
    decide_at(sampler, trace, Tick::ZERO)
}

fn decide_at(sampler: &Sampler, trace: &Trace, now: Tick) -> Verdict {
    let mut witness = Witness::default();
    let mut watching = witness.with(sampler.watch());
    let mut facts = Facts::default();
    for span in &trace.spans {
        for (key, value) in &span.attributes {
            watching.attribute(key.as_bytes(), value.value());
        }
        watching.span_end(true);
        let seen = SpanFacts {
            start: span.start,
            end: span.start + span.nanos,
            status: span.status,
            sampled: span.sampled,
            len: span.len,
            randomness: span.randomness,
            trace_state: span.state.as_ref().map(String::as_bytes),
        };
        sampler.watch().note(&seen, &mut facts);
    }
    let show = |show: &mut dyn FnMut(&[u8], Value<'_>)| {
        trace.resource.iter().for_each(|(key, value)| show(key.as_bytes(), value.value()));
    };
    facts.mark(&sampler.watch().resource(show));
    (0..trace.spans.len()).for_each(|place| facts.mark(witness.row(place).expect("a row for each span")));
    sampler.decide(&trace.id(), &facts, now)
}

#[track_caller]
fn check(rule: Rule, trace: &Trace, kept: bool) {
    let verdict = decide(&compile(&[named("it", rule)]), trace);
    assert_eq!(matches!(verdict, Verdict::Keep { .. }), kept, "{verdict:?}");
}

#[test]
fn everything_is_sampled_by_always_sample() {
    let verdict = decide(&compile(&[named("it", Rule::AlwaysSample)]), &quiet());
    assert_eq!(verdict, Verdict::Keep { policy: 0, threshold: Threshold::ALL });
}

#[test]
fn a_status_counts_wherever_in_the_trace_it_is() {
    let of = |status| quiet().with(|span| span.status = status);
    check(errors(), &of(Status::Error), true);
    for other in [Status::Ok, Status::Unset, Status::Other] {
        check(errors(), &of(other), false);
    }
    let both = Rule::StatusCode { status_codes: vec![StatusCode::Ok, StatusCode::Unset] };
    for (status, kept) in [(Status::Ok, true), (Status::Unset, true), (Status::Error, false), (Status::Other, false)] {
        check(both.clone(), &of(status), kept);
    }
    let mut late = quiet();
    late.spans.push(of(Status::Error).spans[0].clone());
    late.spans.push(quiet().spans[0].clone());
    check(errors(), &late, true);
}

#[test]
fn latency_is_above_the_one_bound_and_up_to_the_other() {
    let took = |nanos| quiet().with(|span| span.nanos = nanos);
    check(latency(500, 0), &took(500 * MS), false);
    check(latency(500, 0), &took(500 * MS + 1), true);
    check(latency(500, 600), &took(600 * MS), true);
    check(latency(500, 600), &took(600 * MS + 1), false);
    check(latency(0, 0), &took(0), false);
    check(latency(u64::MAX, 0), &took(u64::MAX - 1), false);
}

#[test]
fn a_short_child_does_not_put_a_long_trace_into_a_window_of_short_ones() {
    let mut trace = quiet().with(|span| span.nanos = 20 * MS);
    let late = Span { start: 1 + 180 * MS, ..trace.spans[0].clone() };
    trace.spans.push(late);
    check(latency(0, 50), &trace, false);
    check(latency(199, 200), &trace, true);
}

#[test]
fn a_share_is_decided_by_the_randomness_of_the_trace() {
    let low = |low| Trace { low, ..quiet() };
    check(share(10.0), &low(u64::MAX), true);
    check(share(10.0), &low(0), false);
    check(share(0.0), &low(u64::MAX), false);
    check(share(100.0), &low(0), true);
    check(share(10.0), &low(0).with(|span| span.randomness = Some((1 << 56) - 1)), true);
    check(share(10.0), &low(u64::MAX).with(|span| span.randomness = Some(0)), false);
}

#[test]
fn a_value_is_matched_whole_and_a_pattern_anywhere() {
    check(attribute("user", &["bob", "alice"], false, false), &quiet(), true);
    check(attribute("user", &["lic"], false, false), &quiet(), false);
    check(attribute("user", &["b.b", "l.c"], true, false), &quiet(), true);
    check(attribute("user", &["^l"], true, false), &quiet(), false);
    check(attribute("service.name", &["api"], false, false), &quiet(), true);
}

#[test]
fn an_inverted_match_wants_no_match_anywhere_in_the_trace() {
    check(attribute("user", &["alice"], false, true), &quiet(), false);
    check(attribute("service.name", &["api"], false, true), &quiet(), false);
    check(attribute("user", &["bob"], false, true), &quiet(), true);
    check(attribute("team", &["alice"], false, true), &quiet(), true);
    let mut two = quiet();
    two.spans.push(quiet().with(|span| span.attributes = vec![pair("user", "bob")]).spans[0].clone());
    check(attribute("user", &["bob"], false, true), &two, false);
}

#[test]
fn an_empty_value_in_the_list_matches_nothing() {
    let blank = quiet().with(|span| span.attributes = vec![pair("user", "")]);
    check(attribute("user", &["", "alice"], false, false), &blank, false);
    check(attribute("user", &["", "bob"], true, false), &quiet(), false);
}

#[test]
fn and_wants_all_of_them_and_keeps_by_the_largest_threshold() {
    let both = || Rule::And(vec![named("a", share(50.0)), named("b", errors()), named("c", share(10.0))]);
    let lucky = Trace { low: u64::MAX, ..quiet() };
    let failed = |trace: Trace| trace.with(|span| span.status = Status::Error);
    let threshold = Threshold::of_share(0.1).expect("a threshold");
    let verdict = decide(&compile(&[named("all", both())]), &failed(lucky.clone()));
    assert_eq!(verdict, Verdict::Keep { policy: 0, threshold });
    check(both(), &lucky, false);
    check(both(), &failed(quiet()), false);
}

#[test]
fn and_is_satisfied_by_different_spans_of_a_trace() {
    let mut trace = quiet();
    trace
        .spans
        .push(quiet().with(|span| (span.status, span.attributes) = (Status::Error, Vec::new())).spans[0].clone());
    check(Rule::And(vec![named("a", errors()), named("b", attribute("user", &["alice"], false, false))]), &trace, true);
}

#[test]
fn a_drop_policy_overrules_everything_wherever_it_stands() {
    let drop = Rule::Drop(vec![named("a", attribute("user", &["alice"], false, false)), named("b", latency(0, 0))]);
    let sampler = compile(&[named("all", Rule::AlwaysSample), named("not her", drop), named("more", errors())]);
    assert_eq!(decide(&sampler, &quiet()), Verdict::Release { drop_policy: Some(1) });
    let kept = Verdict::Keep { policy: 0, threshold: Threshold::ALL };
    assert_eq!(decide(&sampler, &quiet().with(|span| span.attributes.clear())), kept);
    assert_eq!(decide(&sampler, &quiet().with(|span| span.nanos = 0)), kept, "every policy in it has to match");
}

#[test]
fn the_first_that_wants_it_gets_the_credit_and_the_least_threshold_counts() {
    let sampler = compile(&[
        named("slow", latency(500, 0)),
        named("tenth", share(10.0)),
        named("half", share(50.0)),
        named("errors", errors()),
    ]);
    let lucky = Trace { low: u64::MAX, ..quiet() };
    let keep = |policy, share| Verdict::Keep { policy, threshold: Threshold::of_share(share).expect("a threshold") };
    assert_eq!(decide(&sampler, &lucky), keep(1, 0.5));
    assert_eq!(decide(&sampler, &lucky.with(|span| span.status = Status::Error)), keep(1, 1.0));
    assert_eq!(decide(&sampler, &Trace { low: 1 << 55, ..quiet() }), keep(2, 0.5));
    assert_eq!(decide(&sampler, &quiet()), Verdict::Release { drop_policy: None });
}

/// The verdict on a trace of one span that the ratio stage has let pass; nothing when it has not.
fn decide_behind(ratio: &Ratio, sampler: &Sampler, id: &TraceId, state: Option<&[u8]>) -> Option<Verdict> {
    let stamp = ratio.decide(id, state)?;
    let mut facts = Facts::default();
    let randomness = state.and_then(tracestate::randomness);
    let span =
        SpanFacts { start: 1, end: 2, status: Status::Unset, sampled: false, len: 1, randomness, trace_state: state };
    facts.note(&span);
    facts.pass(&stamp);
    Some(sampler.decide(id, &facts, Tick::ZERO))
}

#[test]
fn what_the_ratio_stage_has_passed_is_part_of_the_threshold() {
    let (half, all) =
        (Ratio::new(0.5, Mode::Consistent).expect("a share"), compile(&[named("all", Rule::AlwaysSample)]));
    let id = Trace { low: u64::MAX, ..quiet() }.id();
    let keep = |share| Some(Verdict::Keep { policy: 0, threshold: Threshold::of_share(share).expect("a threshold") });
    assert_eq!(decide_behind(&half, &all, &id, None), keep(0.5));
    assert_eq!(decide_behind(&half, &compile(&[named("tenth", share(10.0))]), &id, None), keep(0.1));
    let proportional = Ratio::new(0.5, Mode::Proportional).expect("a share");
    assert_eq!(decide_behind(&proportional, &all, &id, Some(b"ot=th:8")), keep(0.25));
}

#[test]
fn a_share_behind_an_equal_ratio_keeps_all_that_it_has_left() {
    let sampler = compile(&[named("tenth", share(10.0))]);
    for mode in [Mode::Consistent, Mode::SdkTraceIdRatio] {
        let ratio = Ratio::new(0.1, mode).expect("a share");
        let mut passed = 0;
        for low in (0..2000u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) {
            let id = Trace { low, ..quiet() }.id();
            let Some(verdict) = decide_behind(&ratio, &sampler, &id, None) else { continue };
            passed += 1;
            let Verdict::Keep { threshold, .. } = verdict else { panic!("{mode:?} {low:x}: {verdict:?}") };
            let stamp = ratio.stamp(&id, threshold, None);
            assert!(threshold.keeps(stamp.randomness.unwrap_or_else(|| randomness_of(&id))), "R >= T");
        }
        assert!((150..250).contains(&passed), "{mode:?} let {passed} of 2000 pass");
    }
}

#[test]
fn only_what_a_policy_asks_for_is_watched() {
    assert!(compile(&[named("a", errors()), named("b", latency(1, 0)), named("c", share(1.0))]).watch().is_empty());
    let same = attribute("user", &["alice"], false, false);
    let twice = [named("a", same.clone()), named("b", Rule::Drop(vec![named("c", same)]))];
    assert_eq!(compile(&twice).watch().len(), 1);
}
