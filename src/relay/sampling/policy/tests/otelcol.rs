//! The Collector's ways, one by one: what it keeps that its documentation does not, and the other way round.

use super::attributes::{boolean, numeric, state};
use super::limits::{composite, rate};
use super::*;
use crate::relay::sampling::differences::DIFFERENCES;

const OTELCOL: Options = Options { compat: Compat::Otelcol, sample_on_first_match: false };

fn compile_with(specs: &[PolicySpec], options: Options) -> Sampler {
    Sampler::with(specs, options).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn keeps(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Keep { .. })
}

/// Whether a rule keeps a trace there, and here.
#[track_caller]
fn check_both(rule: Rule, trace: &Trace, there: bool, here: bool) {
    let specs = [named("it", rule)];
    let (otelcol, strict) = (compile_with(&specs, OTELCOL), compile(&specs));
    assert_eq!(
        (keeps(decide(&otelcol, trace)), keeps(decide(&strict, trace))),
        (there, here),
        "there, here: {specs:?}"
    );
}

fn holding(value: Held) -> Trace {
    quiet().with(|span| span.attributes = vec![("k".to_owned(), value)])
}

fn on_resource(value: Held) -> Trace {
    Trace { resource: vec![("k".to_owned(), value)], ..quiet() }
}

#[test]
fn a_duration_is_asked_for_after_each_span_and_cut_to_milliseconds() {
    let span = |start: u64, nanos: u64| Span { start, nanos, ..quiet().spans[0].clone() };
    let trace = |spans: &[Span]| Trace { spans: spans.to_vec(), ..quiet() };
    let early = trace(&[span(1, 20 * MS), span(1 + 100 * MS, 100 * MS)]);
    check_both(latency(10, 50), &early, true, false);
    let late = trace(&[span(1, 200 * MS), span(1, 20 * MS)]);
    check_both(latency(10, 50), &late, false, false);
    check_both(latency(500, 0), &trace(&[span(1, 500 * MS + 999_999)]), false, true);
    check_both(latency(500, 0), &trace(&[span(1, 501 * MS)]), true, true);
    check_both(latency(100, 500), &trace(&[span(1, 500 * MS + 999_999)]), true, false);
    check_both(latency(500, 0), &trace(&[span(0, 1)]), false, false);
    let epoch = 1_700_000_000_000_000_000;
    check_both(latency(500, 0), &trace(&[span(epoch, 1), span(0, epoch + 1)]), true, false);
    let reset = trace(&[span(epoch, MS), Span { start: 0, nanos: 0, ..span(0, 0) }, span(epoch + 900 * MS, MS)]);
    check_both(latency(500, 2000), &reset, false, true);
}

#[test]
fn a_share_is_a_hash_of_salt_and_id_and_nothing_is_said_of_it() {
    use crate::relay::sampling::ratio::Fnv64;
    for (salt, percentage) in [("", 10.0), ("pepper", 50.0), ("", 0.0), ("", -5.0), ("", 100.0), ("", 200.0)] {
        let rule = Rule::Probabilistic { sampling_percentage: percentage, hash_salt: salt.to_owned() };
        let sampler = compile_with(&[named("it", rule)], OTELCOL);
        let hash = Fnv64::new((percentage / 100.0).clamp(0.0, 1.0), salt);
        for low in (0..500u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) {
            let trace = Trace { low, ..quiet() }.with(|span| span.randomness = Some(low >> 8));
            let expect = match hash.keeps(&trace.id()) {
                true => Verdict::Keep { policy: 0, threshold: Threshold::UNTOLD },
                false => Verdict::Release { drop_policy: None },
            };
            assert_eq!(decide(&sampler, &trace), expect, "{percentage} % of {low:x}");
        }
    }
}

#[test]
fn what_is_no_whole_number_is_0_and_a_bound_of_0_is_none() {
    let to = |max| numeric("k", Some(-5), Some(max), false);
    for value in [Held::Double(-9.5), Held::Text("7".to_owned()), Held::Truth(true), Held::Nothing] {
        check_both(to(5), &holding(value.clone()), true, false);
        check_both(numeric("k", Some(1), None, false), &holding(value), false, false);
    }
    check_both(numeric("k", Some(50), Some(100), false), &holding(Held::Double(75.0)), false, true);
    check_both(numeric("k", Some(50), Some(100), true), &holding(Held::Double(75.0)), true, false);
    check_both(numeric("k", Some(0), Some(9), false), &holding(Held::Int(-3)), true, false);
    check_both(numeric("k", Some(-9), Some(0), false), &holding(Held::Int(3)), true, false);
    let problems =
        Sampler::with(&[named("a", numeric("k", Some(0), None, false))], OTELCOL).expect_err("no bound at all");
    assert_eq!(problems[0].path, "policies[0].numeric_attribute.min_value");
}

#[test]
fn what_is_no_truth_is_false() {
    for value in [Held::Int(1), Held::Text("true".to_owned()), Held::Nothing, Held::Double(1.0)] {
        check_both(boolean("k", false, false), &holding(value.clone()), true, false);
        check_both(boolean("k", false, true), &on_resource(value.clone()), false, true);
        check_both(boolean("k", true, false), &holding(value), false, false);
    }
}

#[test]
fn what_is_no_text_is_an_empty_one_on_a_resource() {
    let pattern = |pattern: &str| attribute("k", &[pattern], true, false);
    check_both(pattern("^$"), &on_resource(Held::Int(1)), true, false);
    check_both(pattern("^$"), &holding(Held::Int(1)), false, false);
    check_both(pattern("^$"), &on_resource(Held::Text(String::new())), true, true);
    check_both(attribute("k", &["1"], false, false), &on_resource(Held::Int(1)), false, false);
    check_both(attribute("k", &["x", ""], true, false), &holding("anything".into()), true, false);
}

#[test]
fn of_a_key_that_comes_twice_the_first_counts() {
    let twice = |first: &str, second: &str| {
        quiet().with(|span| span.attributes = vec![pair("user", first), pair("user", second)])
    };
    check_both(attribute("user", &["a"], false, false), &twice("a", "b"), true, false);
    check_both(attribute("user", &["a"], false, false), &twice("b", "a"), false, true);
    let mut two = twice("b", "a");
    two.spans.extend(twice("a", "b").spans);
    check_both(attribute("user", &["a"], false, false), &two, true, true);
}

#[test]
fn a_tracestate_is_read_as_its_library_reads_it() {
    let with = |text: &str| quiet().with(|span| span.state = Some(text.to_owned()));
    for (text, there, here) in [
        ("k=v", true, true),
        ("1k=v,k=v", false, true),
        ("k=v,k=w", false, true),
        ("1t@sys=x,k=v", true, true),
        ("t@1sys=x,k=v", false, true),
        ("k=v,bad", false, false),
    ] {
        check_both(state("k", &["v"]), &with(text), there, here);
    }
}

#[test]
fn a_limit_pays_for_what_others_keep_or_refuse() {
    let specs = [named("errors", errors()), named("some", rate(10, 10))];
    let quiet_after_errors = |sampler: &Sampler| {
        let failed = quiet().with(|span| span.status = Status::Error);
        (0..10).for_each(|_| assert!(keeps(decide(sampler, &failed))));
        keeps(decide(sampler, &quiet()))
    };
    assert!(!quiet_after_errors(&compile_with(&specs, OTELCOL)));
    assert!(quiet_after_errors(&compile(&specs)));
    let first_match = Options { sample_on_first_match: true, ..OTELCOL };
    assert!(quiet_after_errors(&compile_with(&specs, first_match)), "the first match ends the asking");
    let both = [named("it", Rule::And(vec![named("some", rate(10, 10)), named("errors", errors())]))];
    let failed_after_quiet = |sampler: &Sampler| {
        (0..10).for_each(|_| assert!(!keeps(decide(sampler, &quiet()))));
        keeps(decide(sampler, &quiet().with(|span| span.status = Status::Error)))
    };
    assert!(!failed_after_quiet(&compile_with(&both, OTELCOL)));
    assert!(failed_after_quiet(&compile(&both)));
}

/// How many of `each`, by turns, a composite keeps in one second.
fn kept_by(rule: &Rule, options: Options, each: &[Trace]) -> Vec<usize> {
    let sampler = compile_with(&[named("it", rule.clone())], options);
    let mut kept = vec![0; each.len()];
    for turn in 0..100 {
        kept[turn % each.len()] += usize::from(keeps(decide(&sampler, &each[turn % each.len()])));
    }
    kept
}

#[test]
fn a_composite_has_its_own_order_shares_and_no_total() {
    let failed = quiet().with(|span| span.status = Status::Error);
    let of = |order: &[&str], shares: &[(&str, u32)]| {
        composite(10, order, vec![named("rest", Rule::AlwaysSample), named("errors", errors())], shares)
    };
    let backwards = of(&["errors", "rest"], &[("errors", 70), ("rest", 30)]);
    assert_eq!(
        kept_by(&backwards, OTELCOL, std::slice::from_ref(&failed)),
        [3],
        "the order is not used, and nothing falls through"
    );
    assert_eq!(kept_by(&backwards, Options::default(), std::slice::from_ref(&failed)), [10]);
    let policies = vec![named("errors", errors()), named("rest", not_failed())];
    let beyond = composite(10, &["errors", "rest"], policies, &[("errors", 90), ("rest", 90)]);
    assert_eq!(kept_by(&beyond, OTELCOL, &[failed.clone(), quiet()]), [9, 9]);
    assert_eq!(kept_by(&beyond, Options::default(), &[failed.clone(), quiet()]), [5, 5]);
    let twice = composite(10, &[], vec![named("errors", errors())], &[("errors", 200)]);
    assert_eq!(kept_by(&twice, OTELCOL, std::slice::from_ref(&failed)), [10], "the total bounds each of them");
    let policies = || vec![named("errors", errors()), named("rest", not_failed())];
    let unshared = composite(10, &["errors", "rest"], policies(), &[("errors", 70)]);
    assert_eq!(
        kept_by(&unshared, OTELCOL, &[failed.clone(), quiet()]),
        [7, 5],
        "half of the total for want of a share"
    );
    assert_eq!(kept_by(&unshared, Options::default(), &[failed.clone(), quiet()]), [7, 3]);
    let zero = composite(10, &["errors", "rest"], policies(), &[("errors", 0), ("rest", 70)]);
    assert_eq!(kept_by(&zero, OTELCOL, &[failed, quiet()]), [5, 7], "0 % is read as no share given");
}

fn not_failed() -> Rule {
    Rule::And(vec![named("x", Rule::Not(Box::new(named("y", errors()))))])
}

#[test]
fn counts_of_a_composite_begin_anew_with_each_second() {
    let rule = composite(10, &[], vec![named("all", Rule::AlwaysSample)], &[]);
    let sampler = compile_with(&[named("it", rule)], OTELCOL);
    let kept: Vec<usize> = [0, 999, 1000, 2500]
        .map(|at| (0..20).filter(|_| keeps(decide_at(&sampler, &quiet(), Tick::from_millis(at)))).count())
        .to_vec();
    assert_eq!(kept, [10, 0, 10, 10]);
}

#[test]
fn nothing_is_said_of_a_share_whatever_decides() {
    let sampler = compile_with(&[named("all", Rule::AlwaysSample)], OTELCOL);
    assert_eq!(decide(&sampler, &quiet()), Verdict::Keep { policy: 0, threshold: Threshold::UNTOLD });
}

/// A configuration that meets every difference there is.
fn everything() -> Vec<PolicySpec> {
    let parts = vec![named("b", Rule::AlwaysSample), named("a", errors()), named("c", share(10.0))];
    vec![
        named("window", latency(10, 50)),
        named("share", share(10.0)),
        named("zero", numeric("k", Some(0), Some(5), false)),
        named("false", boolean("k", false, false)),
        named("empty", attribute("k", &["a*", ""], true, false)),
        named("digit", state("1k", &["v"])),
        named("limit", rate(10, 0)),
        named("parts", composite(100, &["a", "b"], parts, &[("a", 90), ("b", 5)])),
    ]
}

#[test]
fn every_difference_is_told_of_a_configuration_that_meets_it() {
    for (compat, word) in [(Compat::Strict, "differs from the Collector"), (Compat::Otelcol, "does as the Collector")] {
        let options = Options { compat, sample_on_first_match: true };
        let sampler = compile_with(&everything(), options);
        for difference in DIFFERENCES {
            let told = sampler.differences().iter().find(|note| note.message.contains(difference.otelcol));
            let told = told.unwrap_or_else(|| panic!("{difference:?} is not told"));
            assert!(told.message.starts_with(word) && told.message.contains(difference.strict), "{told:?}");
        }
        assert_eq!(sampler.differences().len(), DIFFERENCES.len(), "each once");
    }
}

#[test]
fn only_what_a_configuration_meets_is_told() {
    let about = |specs: &[PolicySpec]| -> Vec<String> {
        compile(specs).differences().iter().map(|note| note.path.clone()).collect()
    };
    assert_eq!(about(&[named("errors", errors())]), ["policies"], "th alone");
    let slow = [named("a", latency(500, 0)), named("b", latency(600, 0))];
    assert_eq!(about(&slow), ["policies[0].latency", "policies"]);
    let note = compile(&slow).differences()[0].message.clone();
    assert!(note.contains("and 1 more"), "{note}");
    assert_eq!(about(&[named("all", share(100.0)), named("none", share(0.0))]), ["policies"]);
    let parts = vec![named("a", errors()), named("b", Rule::AlwaysSample)];
    let agreed = composite(100, &["a", "b"], parts, &[("a", 50), ("b", 50)]);
    assert_eq!(about(&[named("it", agreed)]), ["policies[0].composite", "policies"], "only that nothing falls through");
}
