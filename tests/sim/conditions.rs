//! Policies that evaluate conditions on spans as they arrive, seen from outside of the relay.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::trace::v1::Span;
use tailwater::relay::budget::Budget;
use tailwater::relay::clock::Tick;
use tailwater::relay::queue::Outcome;
use tailwater::relay::sampling::policy::{ErrorMode, PolicySpec, Rule, Sampler};
use tailwater::relay::{Relay, Snapshot};

use crate::records::decode;
use crate::regressions::{admit, options};
use crate::setup;
use crate::spans::{self, Ids};

fn conditions(name: &str, error_mode: ErrorMode, span: &[&str], spanevent: &[&str]) -> PolicySpec {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    setup::rule(name, Rule::OttlCondition { error_mode, span: texts(span), spanevent: texts(spanevent) })
}

/// A span of the trace `number`, which has a note.
fn noted(ids: &mut Ids, number: u8, note: &str) -> Span {
    let mut span = spans::span(ids, &[number; 16], None, 1);
    span.attributes.push(spans::text("note", note.to_owned()));
    span
}

/// The numbers of the traces that go out, and what was counted.
fn kept(policies: &[PolicySpec], requests: &[Vec<u8>]) -> (BTreeSet<u8>, Snapshot) {
    let budget = Budget::new(8 << 20);
    let mut options = options();
    options.sampler = Some(Sampler::new(policies).unwrap());
    let mut relay = Relay::new(options, budget.clone()).unwrap();
    for body in requests {
        admit(&mut relay, &budget, body.clone());
    }
    let now = Tick::from_millis(2);
    relay.decide_all(now);
    let mut kept = BTreeSet::new();
    while let Some(batch) = relay.take_batch(now) {
        kept.extend(decode(&batch).iter().map(|span| span.trace_id[0]));
        relay.settle(batch, Outcome::Delivered { rejected_spans: 0 }, now);
    }
    assert!(relay.snapshot().balanced());
    (kept, relay.snapshot())
}

#[test]
fn a_trace_is_kept_by_one_span_of_it_and_an_error_is_counted_under_its_policy() {
    let mut ids = Ids::default();
    let numbers = ["12", "7", "none"];
    let spans: Vec<Span> = (1..=3).zip(numbers).map(|(number, note)| noted(&mut ids, number, note)).collect();
    let more = vec![noted(&mut ids, 2, "40"), noted(&mut ids, 3, "9")];
    let requests = [spans::request(0, 1, spans), spans::request(1, 1, more)];
    let policies = [
        setup::errors(),
        conditions("large", ErrorMode::Ignore, &["Int(attributes[\"note\"]) >= 12"], &[]),
        conditions("never", ErrorMode::Silent, &["kind == 5"], &["true"]),
    ];
    let (kept, snapshot) = kept(&policies, &requests);
    assert_eq!(kept, BTreeSet::from([1, 2]));
    assert_eq!(snapshot.policy_errors, [(1, 1), (2, 0)], "the policy without conditions is not there");
    assert_eq!(snapshot.kept_by_policy, [0, 2, 0]);
}

#[test]
fn conditions_stand_inside_and_and_drop_and_count_for_the_policy_at_the_top() {
    let mut ids = Ids::default();
    let spans = [(1, "keep"), (2, "drop"), (3, "other")].map(|(number, note)| noted(&mut ids, number, note));
    let note = |name: &str, note: &str| {
        conditions(name, ErrorMode::Ignore, &[&format!("attributes[\"note\"] == \"{note}\"")], &[])
    };
    let fails = conditions("fails", ErrorMode::Ignore, &["Int(attributes[\"note\"]) == 1"], &[]);
    let policies = [
        setup::rule("unwanted", Rule::Drop(vec![note("a", "drop")])),
        setup::rule(
            "both",
            Rule::And(vec![note("b", "keep"), conditions("c", ErrorMode::Ignore, &["kind == 1"], &[])]),
        ),
        setup::rule("failing", Rule::And(vec![fails])),
        note("the dropped one too", "drop"),
    ];
    let (kept, snapshot) = kept(&policies, &[spans::request(0, 1, spans.to_vec())]);
    assert_eq!(kept, BTreeSet::from([1]));
    assert_eq!(snapshot.policy_errors, [(0, 0), (1, 0), (2, 3), (3, 0)]);
}

#[test]
fn where_errors_propagate_the_first_of_truth_and_error_decides_for_the_trace() {
    let mut ids = Ids::default();
    let notes = [(1, "1"), (1, "x"), (2, "x"), (2, "1"), (3, "1")];
    let spans = notes.map(|(number, note)| noted(&mut ids, number, note));
    let one = conditions("one", ErrorMode::Propagate, &["Int(attributes[\"note\"]) == 1"], &[]);
    let (kept, snapshot) = kept(&[one], &[spans::request(0, 1, spans.to_vec())]);
    assert_eq!((kept, snapshot.policy_errors), (BTreeSet::from([1, 3]), vec![(0, 1)]));
}

#[test]
fn what_cannot_be_evaluated_has_no_opposite() {
    let mut ids = Ids::default();
    let spans = [(1, "1"), (2, "2"), (3, "x")].map(|(number, note)| noted(&mut ids, number, note));
    let body = [spans::request(0, 1, spans.to_vec())];
    let kept_by = |error_mode| {
        let one = conditions("one", error_mode, &["Int(attributes[\"note\"]) == 1"], &[]);
        kept(&[setup::rule("not", Rule::Not(Box::new(one)))], &body).0
    };
    assert_eq!(kept_by(ErrorMode::Propagate), BTreeSet::from([2]));
    assert_eq!(kept_by(ErrorMode::Ignore), BTreeSet::from([2, 3]));
}

#[test]
fn the_marks_of_conditions_and_of_attributes_do_not_meet() {
    let mut ids = Ids::default();
    let spans = [(1, "a"), (2, "b")].map(|(number, note)| noted(&mut ids, number, note));
    let attribute = |name: &str, value: &str| {
        let rule = Rule::StringAttribute {
            key: "note".to_owned(),
            values: vec![value.to_owned()],
            enabled_regex_matching: false,
            invert_match: false,
            cache_max_size: 0,
        };
        setup::rule(name, rule)
    };
    let never = || conditions("never", ErrorMode::Propagate, &["false"], &[]);
    let policies = [never(), attribute("b", "b"), conditions("also never", ErrorMode::Ignore, &["kind == 4"], &[])];
    let (kept, snapshot) = kept(&policies, &[spans::request(0, 1, spans.to_vec())]);
    assert_eq!((kept, snapshot.kept_by_policy), (BTreeSet::from([2]), vec![0, 1, 0]));
}
