//! What policies say of numbers, truths, tracestates, flags, sizes, and of their opposites.

use super::*;

pub(super) fn numeric(key: &str, min_value: Option<i64>, max_value: Option<i64>, invert_match: bool) -> Rule {
    Rule::NumericAttribute { key: key.to_owned(), min_value, max_value, invert_match }
}

pub(super) fn boolean(key: &str, value: bool, invert_match: bool) -> Rule {
    Rule::BooleanAttribute { key: key.to_owned(), value, invert_match }
}

pub(super) fn state(key: &str, values: &[&str]) -> Rule {
    Rule::TraceState { key: key.to_owned(), values: values.iter().map(|&value| value.to_owned()).collect() }
}

fn holding(value: Held) -> Trace {
    quiet().with(|span| span.attributes = vec![("k".to_owned(), value)])
}

#[test]
fn a_number_is_within_its_bounds_whatever_kind_of_number_it_is() {
    let rule = || numeric("k", Some(50), Some(100), false);
    for (value, kept) in [
        (Held::Int(49), false),
        (Held::Int(50), true),
        (Held::Int(100), true),
        (Held::Int(101), false),
        (Held::Double(49.999), false),
        (Held::Double(50.0), true),
        (Held::Double(99.5), true),
        (Held::Double(100.000_1), false),
        (Held::Double(f64::NAN), false),
        (Held::Double(f64::INFINITY), false),
        (Held::Text("75".to_owned()), false),
        (Held::Truth(true), false),
        (Held::Nothing, false),
    ] {
        check(rule(), &holding(value.clone()), kept);
        check(Rule::And(vec![named("x", numeric("k", Some(50), Some(100), true))]), &holding(value), !kept);
    }
    check(rule(), &quiet(), false);
}

#[test]
fn a_bound_that_is_missing_bounds_nothing_and_one_of_0_is_a_bound() {
    check(numeric("k", Some(0), None, false), &holding(Held::Int(-1)), false);
    check(numeric("k", Some(0), None, false), &holding(Held::Int(i64::MAX)), true);
    check(numeric("k", None, Some(0), false), &holding(Held::Double(0.5)), false);
    check(numeric("k", None, Some(0), false), &holding(Held::Double(f64::NEG_INFINITY)), false);
    check(numeric("k", None, Some(0), false), &holding(Held::Int(i64::MIN)), true);
    check(numeric("k", Some(i64::MAX), None, false), &holding(Held::Double(9_223_372_036_854_775_808.0)), false);
}

#[test]
fn a_number_or_a_truth_counts_on_a_resource_too_and_anywhere_in_the_trace() {
    let on_resource = |value| Trace { resource: vec![("k".to_owned(), value)], ..quiet() };
    check(numeric("k", Some(1), None, false), &on_resource(Held::Int(1)), true);
    check(boolean("k", true, false), &on_resource(Held::Truth(true)), true);
    let mut late = quiet();
    late.spans.extend(holding(Held::Int(7)).spans);
    check(numeric("k", Some(7), Some(7), false), &late, true);
    check(numeric("k", Some(7), Some(7), true), &late, false);
}

#[test]
fn only_a_truth_is_true_or_false() {
    for (value, is_true, is_false) in [
        (Held::Truth(true), true, false),
        (Held::Truth(false), false, true),
        (Held::Int(0), false, false),
        (Held::Text("true".to_owned()), false, false),
        (Held::Nothing, false, false),
    ] {
        check(boolean("k", true, false), &holding(value.clone()), is_true);
        check(boolean("k", false, false), &holding(value.clone()), is_false);
        check(boolean("k", false, true), &holding(value), !is_false);
    }
    check(boolean("k", false, false), &quiet(), false);
    check(boolean("k", false, true), &quiet(), true);
}

#[test]
fn a_member_of_the_tracestate_matches_whole_and_only_where_all_of_it_can_be_read() {
    let rule = || state("vendor", &["debug", "audit"]);
    let with = |text: &str| quiet().with(|span| span.state = Some(text.to_owned()));
    for (text, kept) in [
        ("vendor=debug", true),
        ("ot=th:8,vendor=audit , x=y", true),
        ("vendor=debugger", false),
        ("other=debug", false),
        ("vendor=debug,UPPER=x", false),
        ("vendor=debug,=", false),
        ("", false),
        ("1digit=x,vendor=debug", true),
    ] {
        check(rule(), &with(text), kept);
    }
    check(rule(), &quiet(), false);
    let mut late = quiet();
    late.spans.extend(with("vendor=audit").spans);
    check(rule(), &late, true);
}

#[test]
fn a_long_member_matches_as_long_as_it_can_stand_in_a_tracestate() {
    let (long, longer) = ("v".repeat(252), "v".repeat(253));
    let with = |value: &str| quiet().with(|span| span.state = Some(format!("key={value}")));
    check(state("key", &[&long, &longer]), &with(&long), true);
    check(state("key", &[&long, &longer]), &with(&longer), false);
}

#[test]
fn one_span_with_the_sampled_flag_is_enough() {
    check(Rule::TraceFlags, &quiet(), false);
    let mut trace = quiet().of(3);
    trace.spans[1].sampled = true;
    check(Rule::TraceFlags, &trace, true);
}

#[test]
fn a_count_of_spans_is_from_the_least_to_the_most() {
    let count = |min_spans, max_spans| Rule::SpanCount { min_spans, max_spans };
    for (rule, kept) in [
        (count(2, 4), [false, true, true, true, false]),
        (count(4, 0), [false, false, false, true, true]),
        (count(0, 2), [true, true, false, false, false]),
        (count(0, 0), [true; 5]),
    ] {
        (1..=5).for_each(|spans| check(rule.clone(), &quiet().of(spans), kept[spans - 1]));
    }
}

#[test]
fn not_wants_what_the_other_does_not_and_vetoes_nothing() {
    let failed = quiet().with(|span| span.status = Status::Error);
    check(not(errors()), &quiet(), true);
    check(not(errors()), &failed, false);
    let sampler = compile(&[named("quick", not(latency(500, 0))), named("slow", latency(500, 0))]);
    let slow = quiet().with(|span| span.nanos = 501 * MS);
    assert_eq!(decide(&sampler, &slow), Verdict::Keep { policy: 1, threshold: Threshold::ALL });
    assert_eq!(decide(&sampler, &quiet()), Verdict::Keep { policy: 0, threshold: Threshold::ALL });
}

#[test]
fn the_opposite_of_a_share_says_nothing_of_how_it_was_sampled() {
    let sampler = compile(&[named("it", not(share(25.0)))]);
    assert_eq!(decide(&sampler, &quiet()), Verdict::Keep { policy: 0, threshold: Threshold::UNTOLD });
    let lucky = Trace { low: u64::MAX, ..quiet() };
    assert_eq!(decide(&sampler, &lucky), Verdict::Release { drop_policy: None });
    let both = compile(&[named("it", not(share(25.0))), named("all", Rule::AlwaysSample)]);
    assert_eq!(decide(&both, &quiet()), Verdict::Keep { policy: 0, threshold: Threshold::ALL });
}
