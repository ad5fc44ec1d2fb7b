//! What policies ask of spans beside their attributes reaches them through the whole relay, and what they say of a share
//! reaches the collector.

use opentelemetry_proto::tonic::trace::v1::Span;
use tailwater::relay::budget::Budget;
use tailwater::relay::clock::Tick;
use tailwater::relay::frame::Frame;
use tailwater::relay::sampling::policy::{Compat, Options, Rule, Sampler};
use tailwater::relay::{Relay, Transport};

use crate::random::Random;
use crate::records::finish;
use crate::setup;
use crate::spans::{self, Ids};

const NOW: Tick = Tick::from_millis(1);

/// The spans that come through of these requests, which are all decided at once.
fn through(rule: Rule, compat: Compat, requests: &[Vec<u8>]) -> Vec<Span> {
    let mut options = setup::options(&mut Random::new(1), 8 << 20);
    let policies = Options { compat, sample_on_first_match: false };
    options.ratio = None;
    options.sampler = Some(Sampler::with(&[setup::rule("it", rule)], policies).unwrap());
    options.request_spans_max = 10_000;
    options.buffer.traces_max = 10_000;
    options.buffer.trace_spans_max = 10_000;
    options.buffer.trace_bytes_max = 1 << 30;
    options.batch.size_max = 1 << 20;
    options.queue.size_max = 8 << 20;
    let budget = Budget::new(8 << 20);
    let mut relay = Relay::new(options, budget.clone()).unwrap();
    for body in requests {
        let charge = budget.charge(body.len()).unwrap();
        relay.admit(Frame::new(body.clone(), charge), Transport::Grpc, NOW).unwrap();
    }
    finish(&mut relay, NOW)
}

fn span(ids: &mut Ids, trace: u8) -> Span {
    let mut span = spans::span(ids, &[trace; 16], None, 1);
    span.attributes.push(spans::text("note", "x".repeat(100)));
    span
}

#[test]
fn the_tracestate_and_the_flags_of_a_span_are_seen_by_those_that_ask() {
    let mut ids = Ids::default();
    let mut special = span(&mut ids, 1);
    special.trace_state = "vendor=debug".to_owned();
    special.flags |= 1;
    let request = [spans::request(0, 1, vec![span(&mut ids, 1), special, span(&mut ids, 2)])];
    let state = Rule::TraceState { key: "vendor".to_owned(), values: vec!["debug".to_owned()] };
    for rule in [state, Rule::TraceFlags] {
        for compat in [Compat::Strict, Compat::Otelcol] {
            let kept = through(rule.clone(), compat, &request);
            assert_eq!(kept.iter().map(|span| span.trace_id[0]).collect::<Vec<_>>(), [1, 1], "{rule:?} {compat:?}");
        }
    }
}

#[test]
fn a_trace_takes_the_bytes_of_requests_of_its_own() {
    let mut ids = Ids::default();
    let mut of = |count| (0..count).map(|_| span(&mut ids, 1)).collect::<Vec<_>>();
    let (first, second) = (of(6), of(5));
    let alone = [spans::request(0, 2, first.clone()), spans::request(1, 1, second.clone())];
    let own: usize = alone.iter().map(Vec::len).sum();
    // Another trace in between changes nothing, and neither do neighbours under the same resource.
    let mut mixed = Vec::new();
    for span in &first {
        mixed.push(span.clone());
        mixed.push(Span { trace_id: vec![2; 16], ..span.clone() });
    }
    let together = [spans::request(0, 2, mixed), spans::request(1, 1, second)];
    for requests in [&alone, &together] {
        let kept_with = |burst: usize| {
            let rule = Rule::BytesLimiting { bytes_per_second: 1, burst_capacity: burst as u64 };
            through(rule, Compat::Strict, requests).iter().any(|span| span.trace_id[0] == 1)
        };
        let smallest = (own / 2..2 * own).find(|&burst| kept_with(burst)).unwrap();
        assert!(smallest.abs_diff(own) * 100 <= own, "{smallest} bytes of a trace of {own}");
    }
}

#[test]
fn what_a_limit_or_the_collectors_way_has_kept_carries_no_threshold() {
    let mut ids = Ids::default();
    let request = [spans::request(0, 1, vec![span(&mut ids, 0xff)])];
    let limit = || Rule::RateLimiting { spans_per_second: 10, burst_capacity: 0 };
    let state = |rule, compat| through(rule, compat, &request).pop().unwrap().trace_state;
    assert_eq!(state(limit(), Compat::Strict), "");
    assert_eq!(state(Rule::AlwaysSample, Compat::Strict), "ot=th:0");
    assert_eq!(state(Rule::AlwaysSample, Compat::Otelcol), "");
}
