//! What worlds have found, each small enough to be read.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;
use tailwater::relay::budget::{Budget, Charge};
use tailwater::relay::clock::Tick;
use tailwater::relay::frame::Frame;
use tailwater::relay::queue::Outcome;
use tailwater::relay::sampling::policy::{Rule, Sampler};
use tailwater::relay::sampling::ratio::{Mode, Ratio};
use tailwater::relay::{Options, Relay, Transport};

use crate::random::Random;
use crate::records::decode;
use crate::setup;
use crate::spans::{self, Ids};

const NOW: Tick = Tick::from_millis(1);

/// Options with room for everything, keeping everything at once.
pub fn options() -> Options {
    let mut options = setup::options(&mut Random::new(1), 8 << 20);
    (options.ratio, options.sampler) = (None, None);
    options.request_spans_max = 10_000;
    options.buffer.decision_wait = Duration::from_secs(30);
    options.buffer.traces_max = 10_000;
    options.buffer.trace_spans_max = 10_000;
    options.buffer.trace_bytes_max = 1 << 30;
    options.batch.spans_max = 512;
    options.batch.size_max = 1 << 20;
    options.batch.delay = Duration::from_millis(200);
    options.queue.size_max = 8 << 20;
    options.queue.batches_max = 256;
    options
}

fn everything() -> Option<Sampler> {
    Some(Sampler::new(&[setup::rule("all", Rule::AlwaysSample)]).unwrap())
}

/// A request with one trace of `count` spans, each with `filler` bytes and a tracestate of its own, if it has any.
fn one_trace(ids: &mut Ids, count: usize, filler: usize, state: impl Fn(usize) -> String) -> Vec<u8> {
    let trace = spans::trace_id(&mut Random::new(ids.span()[7].into()));
    let span = |place| {
        let mut span = spans::span(ids, &trace, None, 1);
        span.trace_state = state(place);
        span.attributes.push(spans::text("note", "x".repeat(filler)));
        span
    };
    let spans = (0..count).map(span).collect();
    spans::request(0, 1, spans)
}

pub fn admit(relay: &mut Relay, budget: &Budget, body: Vec<u8>) {
    let charge = budget.charge(body.len()).unwrap();
    relay.admit(Frame::new(body, charge), Transport::Grpc, NOW).unwrap();
}

/// Takes what goes out until there is no more.
fn drain(relay: &mut Relay) -> usize {
    let (mut now, mut through) = (NOW, 0);
    loop {
        while let Some(batch) = relay.take_batch(now) {
            let spans = decode(&batch).len();
            assert_eq!(spans as u64, batch.custody.spans());
            through += spans;
            relay.settle(batch, Outcome::Delivered { rejected_spans: 0 }, now);
        }
        match relay.next_due(now) {
            Some(due) => now = due,
            None => break through,
        }
        relay.advance(now);
    }
}

#[test]
fn a_request_that_has_left_in_part_does_not_leave_once_more_as_a_whole() {
    let mut options = options();
    options.batch.spans_max = 6;
    options.batch.size_max = 1000;
    let budget = Budget::new(8 << 20);
    let mut relay = Relay::new(options, budget.clone()).unwrap();
    admit(&mut relay, &budget, one_trace(&mut Ids::default(), 7, 50, |_| String::new()));
    assert_eq!(drain(&mut relay), 7);
}

#[test]
fn a_trace_that_reaches_its_limit_within_a_request_is_paid_for_to_its_last_run() {
    let mut options = options();
    options.sampler = everything();
    options.buffer.trace_spans_max = 2;
    options.queue.batches_max = 1;
    options.batch.spans_max = 1;
    let budget = Budget::new(8 << 20);
    let mut relay = Relay::new(options, budget.clone()).unwrap();
    let mut ids = Ids::default();
    // The debug assertion on what is owed speaks when the second part of the trace was not paid for.
    (0..4).for_each(|_| admit(&mut relay, &budget, one_trace(&mut ids, 5, 50, |_| String::new())));
    assert_eq!(drain(&mut relay), 20);
}

#[test]
fn spans_of_one_trace_with_unlike_tracestates_are_paid_for_each() {
    let mut options = options();
    options.ratio = Ratio::new(0.999, Mode::Equalizing);
    options.queue.batches_max = 1;
    options.batch.spans_max = 1;
    let budget = Budget::new(8 << 20);
    let mut relay = Relay::new(options, budget.clone()).unwrap();
    let state = |place| format!("ot=rv:ffffffffffffff;th:{}", 1 + place % 2);
    admit(&mut relay, &budget, one_trace(&mut Ids::default(), 50, 50, state));
    assert_eq!(drain(&mut relay), 50);
}

#[test]
fn kept_spans_leave_even_when_there_is_nothing_left_to_pay_with() {
    for (filler, ratio) in
        [(50, None), (6000, None), (30_000, None), (50, Some(0.999)), (6000, Some(0.999)), (30_000, Some(0.999))]
    {
        let mut options = options();
        options.sampler = everything();
        options.ratio = ratio.map(|share| Ratio::new(share, Mode::Consistent).unwrap());
        options.remember_bytes = 1;
        let budget = Budget::new(64 << 10);
        let mut relay = Relay::new(options, budget.clone()).unwrap();
        let state = |_| "ot=rv:ffffffffffffff".to_owned();
        admit(&mut relay, &budget, one_trace(&mut Ids::default(), 1, filler, state));
        let rest = budget.charge(budget.limit() - budget.charged()).unwrap();
        relay.decide_all(NOW);
        assert_eq!(drain(&mut relay), 1, "{filler} bytes, {ratio:?}");
        drop(rest);
    }
}

#[test]
fn relief_goes_on_until_there_is_room_after_packing() {
    let mut options = options();
    options.sampler = everything();
    let budget = Budget::new(256 << 10);
    let mut relay = Relay::new(options, budget.clone()).unwrap();
    // Traces of one request: its bytes stay until the last of them is packed, and packing copies.
    let (mut ids, mut random) = (Ids::default(), Random::new(3));
    let spans = (0..40).map(|_| spans::span(&mut ids, &spans::trace_id(&mut random), None, 1)).collect();
    admit(&mut relay, &budget, spans::request(0, 1, spans));
    let room = |budget: &Budget| budget.limit() - budget.charged();
    let asked = room(&budget) + 50;
    relay.relieve(asked, NOW);
    assert!(asked <= room(&budget), "{} traces are open still", relay.snapshot().traces_open);
    assert_eq!(drain(&mut relay), 40);
}

/// A policy that keeps failed traces.
fn errors_only() -> Option<Sampler> {
    Some(Sampler::new(&[setup::errors()]).unwrap())
}

/// A request of 64 traces of eight spans, of which every tenth trace of all requests failed.
fn many_traces(ids: &mut Ids, random: &mut Random, from: usize) -> Vec<u8> {
    let mut all = Vec::new();
    for number in from..from + 64 {
        let trace = spans::trace_id(random);
        for place in 0..8 {
            let mut span = spans::span(ids, &trace, None, 1);
            let code = if number % 10 == 0 && place == 0 { 2 } else { 0 };
            span.status = Some(Status { code, ..Status::default() });
            span.attributes.push(spans::text("note", "x".repeat(150)));
            all.push(span);
        }
    }
    spans::request(0, 1, all)
}

#[test]
fn without_a_collector_kept_spans_do_not_hold_on_to_the_requests_they_came_in() {
    let mut options = options();
    options.sampler = errors_only();
    options.queue.size_max = 1 << 20;
    options.remember_bytes = 64 << 10;
    let budget = Budget::new(8 << 20);
    let mut relay = Relay::new(options, budget.clone()).unwrap();
    let idle = budget.charged();
    let (mut ids, mut random, mut taken) = (Ids::default(), Random::new(5), 0);
    for request in 0..1000 {
        let body = many_traces(&mut ids, &mut random, request * 64);
        let Some(charge) = room(&mut relay, &budget, body.len()) else { break };
        taken += body.len();
        if relay.admit(Frame::new(body, charge), Transport::Grpc, NOW).is_err() {
            break;
        }
    }
    relay.decide_all(NOW);
    relay.relieve(1 << 20, NOW);
    let held = relay.snapshot().held;
    assert!(held.queue.bytes <= 1 << 20 && 4 << 20 < held.batch.bytes, "{held:?}");
    let own = (held.queue.bytes + held.batch.bytes) as usize;
    assert!(budget.charged() - idle <= 2 * own, "{} bytes are charged for {own}", budget.charged() - idle);
    assert!(5 * budget.limit() <= taken, "{taken} bytes were taken until there was no more room");
    relay.close(NOW);
}

/// Room for a body, and at the time for its index too, as a caller gets it who has waited for a while.
fn room(relay: &mut Relay, budget: &Budget, bytes: usize) -> Option<Charge> {
    let free = budget.limit() - budget.charged();
    let index = 64 << 10;
    if free < bytes + index && !relay.relieve(bytes + index, NOW) {
        return None;
    }
    budget.charge(bytes)
}

#[test]
fn what_was_copied_out_leaves_as_it_came() {
    let mut options = options();
    options.sampler = errors_only();
    options.queue.batches_max = 1;
    options.remember_bytes = 64 << 10;
    let budget = Budget::new(2 << 20);
    let mut relay = Relay::new(options, budget.clone()).unwrap();
    let (mut ids, mut random, mut expected) = (Ids::default(), Random::new(7), Vec::new());
    for request in 0..40 {
        let body = many_traces(&mut ids, &mut random, request * 64);
        let decoded = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        let all = decoded.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        let all: Vec<Span> = all.flat_map(|scope| scope.spans).collect();
        expected.extend(all.chunks(8).filter(|trace| trace[0].status.as_ref().unwrap().code == 2).flatten().cloned());
        let charge = room(&mut relay, &budget, body.len()).unwrap();
        relay.admit(Frame::new(body, charge), Transport::Grpc, NOW).unwrap();
    }
    relay.decide_all(NOW);
    let mut seen = Vec::new();
    while let Some(batch) = relay.take_batch(NOW) {
        seen.extend(decode(&batch));
        relay.settle(batch, Outcome::Delivered { rejected_spans: 0 }, NOW);
    }
    seen.iter_mut().for_each(|span| span.trace_state.clear());
    assert_eq!(seen, expected);
    assert!(relay.is_empty());
}
