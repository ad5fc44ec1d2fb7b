//! The relay in real time, on tokio's paused clock.

mod holding;

use super::*;
use crate::relay::custody::Cause;
use crate::relay::{batch, buffer, queue, retry};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

fn options(budget: usize) -> Options {
    Options {
        ratio: None,
        sampler: None,
        remember_bytes: 1 << 10,
        request_spans_max: 1000,
        buffer: buffer::Options {
            decision_wait: Duration::from_secs(10),
            grace: Duration::from_millis(500),
            traces_max: 100,
            trace_spans_max: 100,
            trace_bytes_max: 1 << 20,
        },
        batch: batch::Options { spans_max: 512, size_max: 1 << 16, delay: Duration::from_millis(200) },
        queue: queue::Options {
            size_max: budget,
            batches_max: 10,
            age_max: Duration::from_secs(60),
            delays: retry::Delays::default(),
        },
        secret: [1, 2],
    }
}

fn driver(budget: usize) -> Arc<Driver> {
    Driver::new(options(budget), budget, Instruments::none()).expect("the budget has room")
}

/// A request of small spans, each of a trace of its own.
fn request(number: u64, spans: u64) -> Vec<u8> {
    let id = |span: u64| [number.to_be_bytes(), (span + 1).to_be_bytes()].concat();
    let span = |span| Span { trace_id: id(span), span_id: vec![1; 8], ..Span::default() };
    let scope = ScopeSpans { spans: (0..spans).map(span).collect(), ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec()
}

/// An app sends a request, and is not held.
async fn send(driver: &Driver, body: Vec<u8>) -> Result<Receipt, Refusal> {
    let charge = driver.room(body.len(), NOW).await.ok_or(Refusal::Full)?;
    driver.admit(Frame::new(body, charge), Transport::Grpc)
}

const NOW: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn room_goes_to_whoever_came_first() {
    let driver = driver(1 << 20);
    let free = driver.budget().limit() - driver.budget().charged();
    let all = driver.room(free, NOW).await.expect("all of it is free");
    let (first, second) = (driver.room(free, LONG), driver.room(1, LONG));
    let (mut first, mut second) = (Box::pin(first), Box::pin(second));
    tokio::select! { biased; _ = &mut first => panic!("there is no room"), _ = &mut second => panic!("nor here"), () = std::future::ready(()) => {} }
    assert_eq!(driver.snapshot().waiting, 2);
    drop(all);
    assert!(driver.room(1, NOW).await.is_none(), "there is room, but not for who comes last");
    let first = first.await.expect("it was first");
    drop(first);
    assert!(second.await.is_some());
    assert_eq!(driver.snapshot().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_gives_up_leaves_no_place_behind() {
    let driver = driver(1 << 20);
    let free = driver.budget().limit() - driver.budget().charged();
    let all = driver.room(free, NOW).await.expect("all of it is free");
    assert!(driver.room(1, Duration::from_secs(1)).await.is_none());
    assert_eq!(driver.snapshot().waiting, 0);
    drop(all);
    assert!(driver.room(free, NOW).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn phases_only_go_on_and_the_last_one_ends_the_waiting() {
    let driver = driver(1 << 20);
    driver.enter(Phase::Closing);
    driver.enter(Phase::LameDuck);
    assert_eq!(driver.phase(), Phase::Closing);
    let waiting = (driver.next_batch(), driver.next_batch(), driver.run());
    let close = async { driver.enter(Phase::Closed) };
    let ((one, two, ()), ()) = tokio::join!(async { tokio::join!(waiting.0, waiting.1, waiting.2) }, close);
    assert!(one.is_none() && two.is_none());
    driver.reached(Phase::Flushing).await;
}

#[tokio::test(start_paused = true)]
async fn with_no_collector_and_no_room_for_an_index_what_waits_gives_way_after_a_while() {
    let mut options = options(1 << 20);
    options.queue.batches_max = 10_000;
    options.batch.spans_max = 100;
    let driver = Driver::new(options, 1 << 20, Instruments::none()).expect("the budget has room");
    let (mut accepted, mut refused) = (0, 0);
    // Bodies are small beside their indices: there is always room for one more of them.
    for number in 0..1000 {
        match send(&driver, request(number, 100)).await {
            Ok(_) if refused > 0 => accepted += 1,
            Ok(_) => {}
            Err(refusal) => {
                assert_eq!(refusal, Refusal::Full);
                refused += 1;
                tokio::time::advance(Duration::from_millis(500)).await;
            }
        }
    }
    let snapshot = driver.snapshot();
    assert!(refused >= 10, "{refused}: five seconds of refusing come first");
    assert!(accepted > 0 && snapshot.ledger.dropped(Cause::Evicted) > 0, "{accepted} of 1000 after the first refusal");
    assert_eq!(snapshot.refused_full, 100 * refused, "every request is counted once");
    assert_eq!(snapshot.received_grpc, snapshot.ledger.accepted() + snapshot.refused_full);
    driver.enter(Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn open_traces_are_decided_at_once_when_an_index_finds_no_room() {
    use crate::relay::sampling::policy::{PolicySpec, Rule, Sampler};
    let errors = Rule::StatusCode { status_codes: vec![crate::relay::sampling::policy::StatusCode::Error] };
    let mut options = options(1 << 20);
    options.sampler = Sampler::new(&[PolicySpec { name: "errors".to_owned(), rule: errors }]).ok();
    options.buffer.traces_max = 1 << 20;
    let driver = Driver::new(options, 1 << 20, Instruments::none()).expect("the budget has room");
    for number in 0..1000 {
        assert!(send(&driver, request(number, 100)).await.is_ok(), "request {number}");
    }
    let snapshot = driver.snapshot();
    assert!(snapshot.decisions[relay::Trigger::Pressure as usize].1 > 0);
    driver.enter(Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_index_can_never_fit_is_told_so() {
    let driver = driver(1 << 20);
    let before = driver.budget().charged();
    assert_eq!(send(&driver, request(1, 900)).await.map(|receipt| receipt.accepted), Ok(900));
    driver.enter(Phase::Deciding);
    let mut options = options(64 << 10);
    options.request_spans_max = 100_000;
    let small = Driver::new(options, 64 << 10, Instruments::none()).expect("the budget has room");
    assert_eq!(send(&small, request(1, 900)).await, Err(Refusal::TooLarge), "there is room for the body alone");
    assert_eq!(small.snapshot().received_grpc, 0, "it has no span count");
    assert!(before <= driver.budget().charged());
    driver.enter(Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_could_be_read_only_with_more_memory_than_there_is_is_told_so() {
    let mut options = options(1 << 20);
    options.request_spans_max = 1 << 20;
    let driver = Driver::new(options, 1 << 20, Instruments::none()).expect("the budget has room");
    let idle = driver.budget().charged();
    assert_eq!(send(&driver, request(1, 10_000)).await, Err(Refusal::TooLarge));
    assert_eq!(driver.budget().charged(), idle);
    let rest = driver.budget().charge(driver.budget().limit() - idle - 400_000).expect("it is free");
    assert_eq!(send(&driver, request(1, 2500)).await, Err(Refusal::Full), "it would fit if there were room");
    assert_eq!(driver.snapshot().turned_away[TurnedAway::Full as usize].0, 1, "read in part, it has no span count");
    drop(rest);
}
