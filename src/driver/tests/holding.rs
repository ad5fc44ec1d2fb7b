//! Who is held, pressed for, refused and served in the end; and what is known when the process leaves.

use super::*;
use crate::relay::sampling::policy::{PolicySpec, Rule, Sampler};

/// A driver whose relay keeps every trace, after ten seconds.
fn patient(budget: usize) -> Arc<Driver> {
    let all = PolicySpec { name: "all".to_owned(), rule: Rule::AlwaysSample };
    let sampler = Some(Sampler::new(&[all]).expect("a policy"));
    Driver::new(Options { sampler, ..options(budget) }, budget, Instruments::none()).expect("the budget has room")
}

/// A request of one span that is no root, of about `len` bytes.
fn one_span(len: usize) -> Vec<u8> {
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        parent_span_id: vec![3; 8],
        name: "x".repeat(len),
        ..Span::default()
    };
    let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec()
}

/// Waits for room and hands one span over.
async fn admit(driver: &Driver, len: usize) {
    let body = one_span(len);
    let charge = driver.room(body.len(), NOW).await.expect("there is room");
    let receipt = driver.admit(Frame::new(body, charge), Transport::Grpc).expect("it is taken");
    assert_eq!(receipt.accepted, 1);
}

fn evicted(driver: &Driver) -> u64 {
    driver.snapshot().ledger.dropped(Cause::Evicted)
}

/// One caller, held for two seconds at a time and coming back a second after each refusal, as an SDK's only exporter does.
#[tokio::test(start_paused = true)]
async fn a_single_caller_is_held_then_pressed_for_then_refused_and_after_five_seconds_served_by_evicting() {
    let driver = patient(1 << 20);
    tokio::spawn({
        let driver = driver.clone();
        async move { driver.run().await }
    });
    admit(&driver, 600_000).await;
    let (asked, hold) = (700_000, Duration::from_secs(2));
    let began = Instant::now();
    let pressed = async {
        tokio::time::sleep(Duration::from_millis(240)).await;
        assert_eq!(driver.snapshot().traces_open, 1);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(driver.snapshot().traces_open, 0, "decided under pressure after 250 ms");
    };
    let (refused, ()) = tokio::join!(driver.room(asked, hold), pressed);
    assert!(refused.is_none());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((evicted(&driver), began.elapsed()), (0, Duration::from_secs(3)));
    let served = driver.room(asked, hold).await;
    assert!(served.is_some());
    assert_eq!((evicted(&driver), began.elapsed()), (1, Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn refusals_with_a_long_silence_between_them_do_not_add_up() {
    let driver = patient(1 << 20);
    admit(&driver, 600_000).await;
    for _ in 0..3 {
        assert!(driver.room(700_000, Duration::from_secs(2)).await.is_none());
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    assert_eq!(evicted(&driver), 0);
    driver.enter(Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_behind_others_that_are_served_evicts_nothing() {
    let driver = patient(1 << 20);
    admit(&driver, 600_000).await;
    let all = driver.room(driver.budget().limit() - driver.budget().charged(), NOW).await.expect("the rest is free");
    let first = driver.room(1000, LONG);
    let second = driver.room(700_000, Duration::from_secs(6));
    let free = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        drop(all);
    };
    let (first, second, ()) = tokio::join!(first, second, free);
    assert!(first.is_some() && second.is_none());
    assert_eq!(evicted(&driver), 0, "somebody was served three seconds ago");
    driver.enter(Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn spans_that_come_when_everything_was_decided_are_decided_at_once() {
    let driver = patient(1 << 20);
    driver.enter(Phase::Deciding);
    admit(&driver, 100).await;
    let snapshot = driver.snapshot();
    assert_eq!((snapshot.traces_open, snapshot.held.queue.spans), (0, 1), "it can be sent without waiting");
    driver.enter(Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_leaving_cuts_short_says_nothing_about_the_collector() {
    for closed_first in [true, false] {
        let driver = patient(1 << 20);
        admit(&driver, 100).await;
        driver.enter(Phase::Flushing);
        let batch = driver.next_batch().await.expect("it was decided and cut");
        let leave = || driver.enter(Phase::Closed);
        if closed_first {
            leave();
        }
        driver.settle(batch, Outcome::GivenUp { unknown: true });
        if !closed_first {
            leave();
        }
        let snapshot = driver.snapshot();
        assert_eq!(snapshot.upstream_up, None, "nobody has answered");
        assert_eq!(snapshot.ledger.dropped(Cause::Shutdown), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_words_are_those_of_now_or_of_the_last_look_when_the_lock_is_held() {
    let driver = patient(1 << 20);
    let held = driver.lock();
    assert!(driver.last_words().is_none(), "nobody has looked");
    drop(held);
    driver.snapshot();
    admit(&driver, 100).await;
    let accepted = || driver.last_words().map(|(books, recency)| (books.ledger.accepted(), recency));
    assert_eq!(accepted(), Some((1, Recency::Now)));
    let held = driver.lock();
    assert_eq!(accepted(), Some((0, Recency::LastLook)));
    drop(held);
    driver.enter(Phase::Closed);
}
