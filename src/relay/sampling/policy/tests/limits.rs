//! What is kept when so much a second is kept, in simulated time.

use super::*;

pub(super) fn rate(spans_per_second: u64, burst_capacity: u64) -> Rule {
    Rule::RateLimiting { spans_per_second, burst_capacity }
}

pub(super) fn bytes(bytes_per_second: u64, burst_capacity: u64) -> Rule {
    Rule::BytesLimiting { bytes_per_second, burst_capacity }
}

pub(super) fn composite(total: u64, order: &[&str], policies: Vec<PolicySpec>, shares: &[(&str, u32)]) -> Rule {
    Rule::Composite {
        max_total_spans_per_second: total,
        policy_order: order.iter().map(|&name| name.to_owned()).collect(),
        composite_sub_policy: policies,
        rate_allocation: shares
            .iter()
            .map(|&(policy, percent)| Allocation { policy: policy.to_owned(), percent })
            .collect(),
    }
}

fn failed(spans: usize) -> Trace {
    quiet().with(|span| span.status = Status::Error).of(spans)
}

/// Spans kept of each kind of trace when `each` come in turn, one millisecond apart, for `seconds`.
fn kept(sampler: &Sampler, each: &[Trace], seconds: u64) -> Vec<usize> {
    let mut kept = vec![0; each.len()];
    for millis in 0..seconds * 1000 {
        let kind = millis as usize % each.len();
        if let Verdict::Keep { .. } = decide_at(sampler, &each[kind], Tick::from_millis(millis)) {
            kept[kind] += each[kind].spans.len();
        }
    }
    kept
}

#[test]
fn a_rate_is_kept_to_after_the_first_burst() {
    let of = |rule| compile(&[named("it", rule)]);
    assert_eq!(kept(&of(rate(100, 0)), &[quiet()], 10), [200 + 999], "twice the rate at once, then the rate");
    assert_eq!(kept(&of(rate(100, 50)), &[quiet()], 10), [50 + 999]);
    assert_eq!(kept(&of(rate(100, 0)), &[quiet().of(5)], 10), [200 + 995]);
    assert_eq!(kept(&of(rate(100, 10)), &[quiet().of(11)], 10), [0], "larger than the bucket");
    let heavy = quiet().with(|span| span.len = 1000);
    assert_eq!(kept(&of(bytes(50_000, 100_000)), std::slice::from_ref(&heavy), 10), [100 + 499]);
    assert_eq!(kept(&of(bytes(50_000, 999)), &[heavy], 10), [0]);
}

#[test]
fn what_a_limit_keeps_says_nothing_of_a_share_and_what_a_share_keeps_still_does() {
    let sampler = compile(&[named("some", rate(1000, 0)), named("half", share(50.0))]);
    let half = Threshold::of_share(0.5).expect("a threshold");
    let lucky = Trace { low: u64::MAX, ..quiet() };
    assert_eq!(decide(&sampler, &lucky), Verdict::Keep { policy: 1, threshold: half });
    assert_eq!(decide(&sampler, &quiet()), Verdict::Keep { policy: 0, threshold: Threshold::UNTOLD });
    let both = compile(&[named("both", Rule::And(vec![named("a", rate(10, 0)), named("b", share(50.0))]))]);
    assert_eq!(decide(&both, &lucky), Verdict::Keep { policy: 0, threshold: Threshold::UNTOLD });
}

#[test]
fn a_limit_pays_only_for_what_nobody_else_keeps() {
    let sampler = compile(&[named("some", rate(10, 10)), named("errors", errors())]);
    assert_eq!(kept(&sampler, &[failed(1), quiet()], 1), [500, 10 + 9]);
    let drop = Rule::Drop(vec![named("x", errors())]);
    let sampler = compile(&[named("some", rate(10, 10)), named("gone", drop)]);
    assert_eq!(kept(&sampler, &[failed(1), quiet()], 1), [0, 10 + 9]);
    let both = Rule::And(vec![named("limit", rate(10, 10)), named("errors", errors())]);
    let sampler = compile(&[named("it", both)]);
    assert_eq!(kept(&sampler, &[quiet(), failed(1)], 1), [0, 10 + 9], "what the others refuse costs nothing");
}

#[test]
fn of_two_limits_the_second_has_what_the_first_leaves() {
    let sampler = compile(&[named("a", rate(10, 10)), named("b", rate(20, 20))]);
    let verdicts: Vec<Verdict> = (0..31).map(|_| decide(&sampler, &quiet())).collect();
    let policy = |verdict: &Verdict| match verdict {
        Verdict::Keep { policy, .. } => i32::from(*policy),
        Verdict::Release { .. } => -1,
    };
    let expect: Vec<i32> = [vec![0; 10], vec![1; 20], vec![-1]].concat();
    assert_eq!(verdicts.iter().map(policy).collect::<Vec<_>>(), expect);
}

/// A composite of errors and everything.
fn errors_and_rest(total: u64, order: &[&str], shares: &[(&str, u32)]) -> Sampler {
    let policies = vec![named("rest", Rule::AlwaysSample), named("errors", errors())];
    compile(&[named("it", composite(total, order, policies, shares))])
}

#[test]
fn each_policy_of_a_composite_has_its_share_of_each_second() {
    let shared = |order: &[&str]| errors_and_rest(100, order, &[("errors", 70), ("rest", 30)]);
    assert_eq!(kept(&shared(&["errors", "rest"]), &[failed(1), quiet()], 10), [700, 300]);
    assert_eq!(kept(&shared(&["errors"]), &[quiet()], 10), [300], "others stand behind");
    assert_eq!(kept(&shared(&["errors", "rest"]), &[failed(1)], 10), [1000], "what is left over goes to the last");
}

#[test]
fn a_composite_asks_in_its_order() {
    let first = |order: &[&str]| {
        let sampler = errors_and_rest(100, order, &[("errors", 50), ("rest", 50)]);
        let mut spent = 0;
        while let Verdict::Keep { .. } = decide(&sampler, &failed(1)) {
            spent += 1;
        }
        let quiet_after = matches!(decide(&sampler, &quiet()), Verdict::Keep { .. });
        (spent, quiet_after)
    };
    assert_eq!(first(&["errors", "rest"]), (100, false));
    let sampler = errors_and_rest(100, &["errors", "rest"], &[("errors", 50), ("rest", 50)]);
    (0..50).for_each(|_| assert!(matches!(decide(&sampler, &failed(1)), Verdict::Keep { .. })));
    (0..50).for_each(|_| assert!(matches!(decide(&sampler, &quiet()), Verdict::Keep { .. })));
    let sampler = errors_and_rest(100, &["rest", "errors"], &[("errors", 50), ("rest", 50)]);
    (0..50).for_each(|_| assert!(matches!(decide(&sampler, &failed(1)), Verdict::Keep { .. })));
    assert_eq!(decide(&sampler, &quiet()), Verdict::Release { drop_policy: None }, "the errors were asked of last");
}

#[test]
fn without_an_allocation_there_is_an_equal_part_of_what_is_left() {
    let named_rest = |name: &str| named(name, attribute("user", &[name], false, false));
    let user = |name: &str| quiet().with(|span| span.attributes = vec![pair("user", name)]);
    let policies = ["a", "b", "c"].map(named_rest).to_vec();
    let sampler = compile(&[named("it", composite(100, &[], policies, &[("a", 40)]))]);
    assert_eq!(kept(&sampler, &[user("a"), user("b"), user("c")], 1), [40, 30, 30]);
    let policies = ["a", "b", "c"].map(named_rest).to_vec();
    let sampler = compile(&[named("it", composite(90, &[], policies, &[]))]);
    assert_eq!(kept(&sampler, &[user("a"), user("b"), user("c")], 1), [30, 30, 30]);
}

#[test]
fn the_total_of_a_composite_is_a_total_and_a_trace_fits_whole_or_not_at_all() {
    let sampler = errors_and_rest(100, &["errors"], &[("errors", 100), ("rest", 100)]);
    assert_eq!(kept(&sampler, &[failed(1), quiet()], 5).iter().sum::<usize>(), 500);
    let sampler = errors_and_rest(100, &["errors"], &[("errors", 70), ("rest", 30)]);
    assert_eq!(kept(&sampler, &[failed(8)], 1), [64 + 24], "eight fit in, three fit in");
    assert_eq!(kept(&errors_and_rest(100, &[], &[("errors", 70), ("rest", 30)]), &[failed(71)], 1), [0]);
}

#[test]
fn a_composite_that_has_no_room_does_not_spend_the_limit_inside_it() {
    let policies = vec![named("limit", rate(1, 8)), named("rest", Rule::AlwaysSample)];
    let rule = composite(6, &["limit", "rest"], policies, &[("limit", 50), ("rest", 50)]);
    let sampler = compile(&[named("it", rule)]);
    let second = |at: u64| {
        (0..8)
            .filter(|_| matches!(decide_at(&sampler, &quiet(), Tick::from_millis(at * 1000)), Verdict::Keep { .. }))
            .count()
    };
    assert_eq!([second(0), second(1)], [6, 6]);
    let policies = vec![named("limit", rate(1, 8))];
    let sampler = compile(&[named("it", composite(3, &[], policies, &[]))]);
    let second = |at: u64| {
        (0..8)
            .filter(|_| matches!(decide_at(&sampler, &quiet(), Tick::from_millis(at * 1000)), Verdict::Keep { .. }))
            .count()
    };
    assert_eq!([second(0), second(1), second(2)], [3, 3, 3], "eight at first and one a second, three of it each");
    assert_eq!(second(3), 2);
}
