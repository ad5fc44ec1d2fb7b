//! What the relay allocates against what it has charged, counted by the allocator: bytes are paid for before they are held,
//! and what is given back is given back.

use cap::Cap;
use std::alloc::System;
use std::time::Duration;
use tailwater::relay::budget::Budget;
use tailwater::relay::clock::Tick;
use tailwater::relay::frame::Frame;
use tailwater::relay::sampling::policy::{PolicySpec, Rule, Sampler, StatusCode};
use tailwater::relay::{Options, Relay, Transport, batch, buffer, queue, retry};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What may be allocated beside what is charged: places and rows that stay, however little is held, and tables at their
/// smallest. It belongs to the program itself.
const FIXED: usize = 1 << 20;

const LIMIT: usize = 64 << 20;
const NOW: Tick = Tick::from_millis(1);

fn relay(budget: &Budget) -> Relay {
    let errors = Rule::StatusCode { status_codes: vec![StatusCode::Error] };
    let options = Options {
        ratio: None,
        sampler: Some(Sampler::new(&[PolicySpec { name: "errors".to_owned(), rule: errors }]).expect("a policy")),
        remember_bytes: budget.limit() / 8,
        request_spans_max: 1 << 20,
        buffer: buffer::Options {
            decision_wait: Duration::from_secs(10),
            grace: Duration::from_millis(500),
            traces_max: 1 << 20,
            trace_spans_max: 1 << 20,
            trace_bytes_max: 1 << 30,
        },
        batch: batch::Options { spans_max: 512, size_max: 7 << 19, delay: Duration::from_millis(200) },
        queue: queue::Options {
            size_max: 2 << 20,
            batches_max: 10_000,
            age_max: Duration::from_secs(600),
            delays: retry::Delays::default(),
        },
        secret: [1, 2],
    };
    Relay::new(options, budget.clone()).expect("the budget has room")
}

/// A field with bytes in it.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(bytes);
    out
}

/// A request of so many traces of so many spans, as small as spans can be but for their name; every tenth trace failed.
/// Written by hand, because decoded messages would take more than what is measured here.
fn body(number: u64, traces: u64, spans: u64, name: &str) -> Vec<u8> {
    let mut all = Vec::new();
    for (trace, place) in (0..traces).flat_map(|trace| (0..spans).map(move |place| (trace, place))) {
        let id = field(0x0a, &[number.to_be_bytes(), (trace + 1).to_be_bytes()].concat());
        let span_id = field(0x12, &(place + 1).to_be_bytes());
        let name = if name.is_empty() { Vec::new() } else { field(0x2a, name.as_bytes()) };
        let status = if trace.is_multiple_of(10) && place == 0 { field(0x7a, &[0x18, 2]) } else { Vec::new() };
        all.extend_from_slice(&field(0x12, &[id, span_id, name, status].concat()));
    }
    let mut body = field(0x0a, &field(0x12, &all));
    body.shrink_to_fit();
    body
}

/// Gives a request to the relay; false when there was no room.
fn send(relay: &mut Relay, budget: &Budget, body: Vec<u8>) -> bool {
    assert_eq!(body.capacity(), body.len());
    let Some(charge) = budget.charge(body.len()) else { return false };
    relay.admit(Frame::new(body, charge), Transport::Grpc, NOW).is_ok()
}

#[track_caller]
fn check(before: usize, budget: &Budget) {
    let (held, charged) = (ALLOCATOR.allocated() - before, budget.charged());
    assert!(held <= charged + FIXED, "{held} bytes are allocated and {charged} are charged");
}

/// A request with many times more spans than usual is read in memory that was paid for first, and gone afterwards.
fn one_huge_request() {
    let before = ALLOCATOR.allocated();
    let huge = body(1, 1, 200_000, "");
    let len = huge.len();
    let budget = Budget::new(LIMIT);
    let mut relay = relay(&budget);
    let idle = budget.charged();
    assert!(send(&mut relay, &budget, huge));
    let peak = ALLOCATOR.max_allocated() - before;
    assert!(peak <= budget.peak() + FIXED, "{peak} bytes were allocated and {} were charged", budget.peak());
    assert!(10 << 20 < budget.peak() - idle - len, "reading it is paid for");
    check(before, &budget);
    relay.decide_all(NOW);
    relay.close(NOW);
    let left = ALLOCATOR.allocated() - before;
    assert!(left <= FIXED, "{left} bytes are left of it");
}

/// Traces of one tiny span each, until there is no room, then all at once decided.
fn many_tiny_traces() {
    let before = ALLOCATOR.allocated();
    let budget = Budget::new(LIMIT);
    let mut relay = relay(&budget);
    let mut number = 0;
    while send(&mut relay, &budget, body(number, 100, 1, "")) {
        number += 1;
        check(before, &budget);
    }
    assert!(100_000 < relay.snapshot().traces_open);
    relay.decide_all(NOW);
    check(before, &budget);
    relay.close(NOW);
    check(before, &budget);
    let left = ALLOCATOR.allocated() - before;
    assert!(left <= LIMIT / 8 + FIXED, "{left} bytes are left, of which decisions are an eighth of the budget");
}

/// A collector that never comes: kept spans pile up, early decisions and copies make room.
fn no_collector() {
    let before = ALLOCATOR.allocated();
    let budget = Budget::new(LIMIT / 8);
    let mut relay = relay(&budget);
    for number in 0..2000 {
        let body = body(number, 50, 10, "a name of usual length");
        if !relay.relieve(body.len() + (64 << 10), NOW) {
            break;
        }
        send(&mut relay, &budget, body);
        check(before, &budget);
    }
    let held = relay.snapshot().held;
    assert!(2 << 20 < held.batch.bytes, "kept spans wait beyond the queue: {held:?}");
    relay.evict(LIMIT / 16, NOW);
    check(before, &budget);
    relay.close(NOW);
    check(before, &budget);
}

/// One after the other: the allocator counts for the whole process.
#[test]
fn what_is_allocated_was_charged() {
    one_huge_request();
    many_tiny_traces();
    no_collector();
}
