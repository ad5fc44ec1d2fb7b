//! What is said of policies that are wrong, hardly meant, or without effect.

use super::attributes::{boolean, numeric, state};
use super::limits::{bytes, composite, rate};
use super::*;

/// Paths and messages of all that is wrong.
#[track_caller]
fn check_problems(specs: &[PolicySpec], expect: &[(&str, &str)]) {
    let problems = Sampler::new(specs).expect_err("something is wrong");
    let said: Vec<(&str, bool)> = problems
        .iter()
        .enumerate()
        .map(|(at, problem)| {
            (problem.path.as_str(), expect.get(at).is_some_and(|(_, part)| problem.message.contains(part)))
        })
        .collect();
    assert_eq!(said, expect.iter().map(|&(path, _)| (path, true)).collect::<Vec<_>>(), "{problems:#?}");
}

fn condition(span: &[&str], spanevent: &[&str]) -> Rule {
    let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    Rule::OttlCondition { error_mode: ErrorMode::Ignore, span: texts(span), spanevent: texts(spanevent) }
}

#[test]
fn what_is_wrong_with_conditions_is_said_with_the_place_of_each_and_of_the_character_in_it() {
    let inner = named("x", condition(&["nmae == \"x\"", "true"], &["kind == 1", "name =="]));
    check_problems(
        &[named("a", Rule::And(vec![inner])), named("b", condition(&[], &[]))],
        &[
            ("policies[0].and.and_sub_policy[0].ottl_condition.span[0]", "(character 1); did you mean `name`?"),
            ("policies[0].and.and_sub_policy[0].ottl_condition.spanevent[0]", "there is no path `kind`"),
            ("policies[0].and.and_sub_policy[0].ottl_condition.spanevent[1]", "(character 8); expected a value"),
            ("policies[1].ottl_condition.span", "at least one condition"),
        ],
    );
}

#[test]
fn only_policies_with_conditions_can_fail_each_once_and_no_attribute_is_asked_for() {
    let both = Rule::And(vec![named("x", condition(&["true"], &[])), named("y", condition(&["false"], &[]))]);
    let sampler = compile(&[named("a", errors()), named("b", both), named("c", condition(&[], &["name != nil"]))]);
    assert_eq!(sampler.can_fail(), [1, 2]);
    assert!(sampler.watch().is_empty() && !sampler.conditions().is_empty());
    let note = &sampler.notes()[0];
    assert_eq!(note.path, "policies[2].ottl_condition.spanevent[0]");
    assert!(compile(&[named("a", errors())]).conditions().is_empty());
}

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    let inner = vec![
        named("x", Rule::AlwaysSample),
        named("y", attribute("", &["ok", "a(b"], true, false)),
        named("z", latency(5, 5)),
    ];
    check_problems(
        &[
            named("a", Rule::StatusCode { status_codes: Vec::new() }),
            named("a", latency(500, 400)),
            named("", attribute("k", &[""], false, true)),
            named("b", Rule::And(inner.clone())),
            named("c", Rule::Drop(inner)),
            named("d", share(f64::NAN)),
            named("e", Rule::And(Vec::new())),
            named("f", Rule::Drop(Vec::new())),
        ],
        &[
            ("policies[1].name", "`a`"),
            ("policies[2].name", "needs a name"),
            ("policies[0].status_code.status_codes", "OK, ERROR, UNSET"),
            ("policies[1].latency.upper_threshold_ms", "400 is not above threshold_ms, which is 500"),
            ("policies[2].string_attribute.values", "is empty"),
            ("policies[3].and.and_sub_policy[1].string_attribute.key", "is empty"),
            (
                "policies[3].and.and_sub_policy[1].string_attribute.values[1]",
                "`a(b` is no regular expression: unclosed group, at character 2",
            ),
            ("policies[3].and.and_sub_policy[2].latency.upper_threshold_ms", "0 is no upper bound"),
            ("policies[4].drop.drop_sub_policy[1].string_attribute.key", "is empty"),
            ("policies[4].drop.drop_sub_policy[1].string_attribute.values[1]", "unclosed group"),
            ("policies[4].drop.drop_sub_policy[2].latency.upper_threshold_ms", "0 is no upper bound"),
            ("policies[5].probabilistic.sampling_percentage", "from 0 to 100"),
            ("policies[6].and.and_sub_policy", "at least one policy"),
            ("policies[7].drop.drop_sub_policy", "at least one policy"),
        ],
    );
}

#[test]
fn policies_stand_only_where_the_collector_has_them() {
    let inner = |kind: &str| match kind {
        "and" => Rule::And(vec![named("x", errors())]),
        "not" => not(errors()),
        "drop" => Rule::Drop(vec![named("x", errors())]),
        _ => composite(10, &[], vec![named("x", errors())], &[]),
    };
    let outer = |kind: &str, rule| match kind {
        "and" => Rule::And(vec![named("y", rule)]),
        "not" => not(rule),
        "drop" => Rule::Drop(vec![named("y", rule)]),
        _ => composite(10, &[], vec![named("y", rule)], &[]),
    };
    let kinds = ["and", "not", "drop", "composite"];
    let mut allowed = Vec::new();
    for (out, within) in kinds.iter().flat_map(|&out| kinds.map(|within| (out, within))) {
        match Sampler::new(&[named("a", outer(out, inner(within)))]) {
            Ok(_) => allowed.push((out, within)),
            Err(problems) => {
                assert!(problems[0].path.ends_with(".type"), "{problems:?}");
                assert!(problems[0].message.contains(&format!("`{within}` cannot stand inside")), "{problems:?}");
            }
        }
    }
    assert_eq!(allowed, [("and", "not"), ("drop", "not"), ("composite", "and")]);
    let deep = composite(10, &[], vec![named("x", Rule::And(vec![named("y", not(errors()))]))], &[]);
    assert!(Sampler::new(&[named("a", deep)]).is_ok());
}

#[test]
fn no_policy_and_too_many_are_wrong() {
    check_problems(&[], &[("policies", "no policy")]);
    let many: Vec<_> = (0..=65_535).map(|number| named(&number.to_string(), Rule::AlwaysSample)).collect();
    check_problems(&many, &[("policies", "65536 policies are more than 65535")]);
    assert!(Sampler::new(&many[..65_535]).is_ok());
}

#[test]
fn a_pattern_that_is_too_large_is_a_problem_with_a_place() {
    check_problems(
        &[named("a", attribute("k", &["fine", r"(\pL{900}){900}"], true, false))],
        &[("policies[0].string_attribute.values[1]", "size limit")],
    );
}

#[test]
fn what_has_no_effect_is_noted() {
    let mut cached = attribute("k", &["v"], false, false);
    if let Rule::StringAttribute { cache_max_size, .. } = &mut cached {
        *cache_max_size = 10;
    }
    let salted = Rule::Probabilistic { sampling_percentage: 10.0, hash_salt: "salt".to_owned() };
    let all = Rule::And(vec![named("x", salted), named("y", share(-1.0))]);
    let sampler = compile(&[named("a", cached), named("b", all), named("c", share(101.0)), named("d", share(100.0))]);
    let said: Vec<&str> = sampler.notes().iter().map(|note| note.path.as_str()).collect();
    let expect = [
        "policies[0].string_attribute.cache_max_size",
        "policies[1].and.and_sub_policy[0].probabilistic.hash_salt",
        "policies[1].and.and_sub_policy[1].probabilistic.sampling_percentage",
        "policies[2].probabilistic.sampling_percentage",
    ];
    assert_eq!(said, expect, "{:#?}", sampler.notes());
}

#[test]
fn what_could_never_match_is_wrong() {
    let count = |min_spans, max_spans| Rule::SpanCount { min_spans, max_spans };
    check_problems(
        &[
            named("a", numeric("k", Some(5), Some(4), false)),
            named("b", numeric("k", None, None, false)),
            named("c", numeric("", Some(1), None, false)),
            named("d", boolean("", true, false)),
            named("e", state("", &["v"])),
            named("f", state("k", &["", &"v".repeat(255)])),
            named("g", count(5, 4)),
            named("h", rate(0, 10)),
            named("i", bytes(0, 0)),
            named("j", not(Rule::AlwaysSample)),
            named("k", not(share(100.0))),
            named("l", not(count(1, 0))),
        ],
        &[
            ("policies[0].numeric_attribute.max_value", "4 is below min_value, which is 5"),
            ("policies[1].numeric_attribute.min_value", "both missing"),
            ("policies[2].numeric_attribute.key", "is empty"),
            ("policies[3].boolean_attribute.key", "is empty"),
            ("policies[4].trace_state.key", "is empty"),
            ("policies[5].trace_state.values", "nothing that could match"),
            ("policies[6].span_count.max_spans", "4 is below min_spans, which is 5"),
            ("policies[7].rate_limiting.spans_per_second", "is 0"),
            ("policies[8].bytes_limiting.bytes_per_second", "is 0"),
            ("policies[9].not.not_sub_policy", "wants every trace"),
            ("policies[10].not.not_sub_policy", "wants every trace"),
            ("policies[11].not.not_sub_policy", "wants every trace"),
        ],
    );
}

#[test]
fn a_composite_knows_its_policies_by_name_and_leaves_none_without_a_span() {
    let two = || vec![named("a", errors()), named("b", Rule::AlwaysSample)];
    check_problems(
        &[
            named("a", composite(0, &[], two(), &[])),
            named("b", composite(10, &["a", "c", "a"], two(), &[("d", 10), ("a", 5), ("a", 5)])),
            named("c", composite(10, &[], vec![named("", errors()), named("x", errors()), named("x", errors())], &[])),
            named("d", composite(10, &[], two(), &[("a", 100)])),
            named("e", composite(10, &[], two(), &[("a", 0)])),
            named("f", composite(10, &[], Vec::new(), &[])),
        ],
        &[
            ("policies[0].composite.max_total_spans_per_second", "is 0"),
            ("policies[1].composite.policy_order[1]", "no policy `c`"),
            ("policies[1].composite.policy_order[2]", "`a` stands here twice"),
            ("policies[1].composite.rate_allocation[0].policy", "no policy `d`"),
            ("policies[1].composite.rate_allocation[2].policy", "`a` stands here twice"),
            ("policies[2].composite.composite_sub_policy[0].name", "a name of its own"),
            ("policies[2].composite.composite_sub_policy[2].name", "a name of its own"),
            ("policies[3].composite.rate_allocation", "leaves no span a second to `b`"),
            ("policies[4].composite.rate_allocation[0].percent", "leave the entry out"),
            ("policies[5].composite.composite_sub_policy", "is empty"),
        ],
    );
}

#[test]
fn a_policy_that_leaves_nothing_to_the_others_is_warned_of() {
    let warned = |specs: &[PolicySpec]| -> Vec<String> {
        compile(specs).warnings().iter().map(|warning| warning.path.clone()).collect()
    };
    let (all, some) = (named("all", Rule::AlwaysSample), named("some", errors()));
    assert_eq!(warned(&[all.clone(), some.clone()]), ["policies[0]"]);
    assert_eq!(warned(&[some.clone(), named("each", Rule::SpanCount { min_spans: 1, max_spans: 0 })]), ["policies[1]"]);
    assert_eq!(warned(&[some.clone(), named("n", not(share(0.0)))]), ["policies[1]"]);
    assert_eq!(
        warned(&[some.clone(), named("n", Rule::And(vec![all.clone(), named("x", share(100.0))]))]),
        ["policies[1]"]
    );
    assert_eq!(warned(std::slice::from_ref(&all)).len(), 0, "alone it takes nothing from anybody");
    assert_eq!(warned(&[some.clone(), named("n", Rule::And(vec![all.clone(), some.clone()]))]).len(), 0);
    assert_eq!(warned(&[some, named("gone", Rule::Drop(vec![all]))]), ["policies[1]"]);
}

#[test]
fn spans_that_no_flag_policy_ever_sees_are_named() {
    let notes = compile(&[named("a", Rule::TraceFlags)]).notes().to_vec();
    assert!(notes[0].message.contains("Python"), "{notes:?}");
}
