//! What each policy says, and how votes become a verdict.

use super::*;
use crate::relay::otlp::{Observer, Status, Value};
use crate::relay::sampling::facts::{SpanFacts, Witness};

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

fn attribute(key: &str, value: &str, regex: bool, invert: bool) -> Rule {
    Rule::StringAttribute {
        key: key.to_owned(),
        values: vec![value.to_owned()],
        enabled_regex_matching: regex,
        invert_match: invert,
        cache_max_size: 0,
    }
}

/// A trace of one span.
struct Trace {
    low: u64,
    status: Status,
    nanos: u64,
    user: &'static str,
}

const QUIET: Trace = Trace { low: 0, status: Status::Unset, nanos: MS, user: "alice" };

fn decide(specs: &[PolicySpec], trace: &Trace) -> Verdict {
    let sampler = Sampler::new(specs).expect("they are right");
    let mut witness = Witness::default();
    let mut watching = witness.with(sampler.watch());
    watching.attribute(b"user", Value::Str(trace.user.as_bytes()));
    watching.span_end(true);
    let mut facts = Facts::default();
    facts.note(&SpanFacts { start: 1, end: 1 + trace.nanos, status: trace.status, randomness: None });
    facts.mark(witness.row(0).expect("one span"));
    let id = TraceId::new(&(1u128 << 100 | u128::from(trace.low)).to_be_bytes()).expect("not all zero");
    sampler.decide(&id, &facts)
}

#[track_caller]
fn check(rule: Rule, trace: &Trace, kept: bool) {
    let verdict = decide(&[named("it", rule)], trace);
    assert_eq!(matches!(verdict, Verdict::Keep { .. }), kept, "{verdict:?}");
}

#[test]
fn an_error_is_kept_and_success_is_not() {
    check(errors(), &Trace { status: Status::Error, ..QUIET }, true);
    check(errors(), &Trace { status: Status::Ok, ..QUIET }, false);
    check(Rule::AlwaysSample, &QUIET, true);
}

#[test]
fn latency_is_above_the_one_bound_and_up_to_the_other() {
    let took = |nanos| Trace { nanos, ..QUIET };
    check(latency(500, 0), &took(500 * MS), false);
    check(latency(500, 0), &took(500 * MS + 1), true);
    check(latency(500, 600), &took(600 * MS), true);
    check(latency(500, 600), &took(600 * MS + 1), false);
}

#[test]
fn a_share_is_decided_by_the_trace_id_alone() {
    let low = |low| Trace { low, ..QUIET };
    check(share(10.0), &low(u64::MAX), true);
    check(share(10.0), &low(0), false);
    check(share(0.0), &low(u64::MAX), false);
    check(share(100.0), &low(0), true);
}

#[test]
fn a_value_is_matched_whole_and_a_pattern_anywhere() {
    check(attribute("user", "alice", false, false), &QUIET, true);
    check(attribute("user", "lic", false, false), &QUIET, false);
    check(attribute("user", "l.c", true, false), &QUIET, true);
    check(attribute("user", "^l", true, false), &QUIET, false);
    check(attribute("user", "alice", false, true), &QUIET, false);
    check(attribute("team", "alice", false, true), &QUIET, true);
}

#[test]
fn and_wants_all_of_them_and_keeps_by_the_largest_threshold() {
    let both = || Rule::And(vec![named("a", errors()), named("b", share(10.0))]);
    let trace = Trace { low: u64::MAX, status: Status::Error, ..QUIET };
    let threshold = Threshold::of_share(0.1).expect("a threshold");
    assert_eq!(decide(&[named("both", both())], &trace), Verdict::Keep { policy: 0, threshold });
    check(both(), &Trace { low: u64::MAX, ..QUIET }, false);
    check(both(), &Trace { status: Status::Error, ..QUIET }, false);
}

#[test]
fn a_drop_policy_overrules_everything_wherever_it_stands() {
    let drop = Rule::Drop(vec![named("user", attribute("user", "alice", false, false))]);
    let specs = [named("all", Rule::AlwaysSample), named("not her", drop)];
    assert_eq!(decide(&specs, &QUIET), Verdict::Release { drop_policy: Some(1) });
    let bob = Trace { user: "bob", ..QUIET };
    assert_eq!(decide(&specs, &bob), Verdict::Keep { policy: 0, threshold: Threshold::ALL });
}

#[test]
fn the_first_that_wants_it_gets_the_credit_and_the_least_threshold_counts() {
    let specs = [named("share", share(10.0)), named("errors", errors())];
    let lucky = Trace { low: u64::MAX, status: Status::Error, ..QUIET };
    assert_eq!(decide(&specs, &lucky), Verdict::Keep { policy: 0, threshold: Threshold::ALL });
    assert_eq!(decide(&specs, &QUIET), Verdict::Release { drop_policy: None });
}

#[test]
fn everything_wrong_is_said_at_once() {
    let specs = [
        named("a", Rule::StatusCode { status_codes: Vec::new() }),
        named("a", latency(500, 400)),
        named("", attribute("k", "(", true, false)),
        named("b", Rule::And(vec![named("inner", Rule::Drop(Vec::new()))])),
        named("c", share(f64::NAN)),
    ];
    let problems = Sampler::new(&specs).expect_err("all of them are wrong");
    let places: Vec<&str> = problems.iter().map(|problem| problem.policy.as_str()).collect();
    let expect =
        ["policies[0]", "policies[1]", "policies[1]", "policies[2]", "policies[2]", "policies[3]", "policies[4]"];
    assert_eq!(places, expect, "{problems:#?}");
    assert!(Sampler::new(&[]).is_err());
}
